"""From pixels of preprocessed patterns back to those of the stored ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.data_settings import Preprocess
from napari_mixedptycho.orientation import Orientation, centred
from napari_mixedptycho.preprocess.arrange import Center
from napari_mixedptycho.preprocess.detector import first_bin

Mask = NDArray[np.bool_]


def stored_pixels(
    pixels: Mask,
    size: int,
    wish: Preprocess,
    orientation: Orientation | None = None,
    center: Center = None,
) -> Mask:
    """Return the stored pixels (size, size) that come to lie in chosen pixels (n, n) of `arranged` patterns.

    Parameters
    ----------
    pixels
        Chosen on patterns that were cropped, binned and set right.
    size
        Edge of the stored patterns, px.
    wish, orientation, center
        As for `arranged`.
    """
    edge = min(wish.detector_crop or size, size)
    factor = wish.detector_bin
    first = first_bin(edge, factor) if factor > 1 else 0
    wide = np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)
    start = size // 2 - edge // 2 + first
    right = np.zeros((size, size), bool)
    right[start : start + len(wide), start : start + len(wide)] = wide
    way = orientation or Orientation()
    off = np.zeros(2) if center is None else np.array(center) - size // 2
    back: Mask = centred(
        way.undone(right & way.measured(size)), (-round(float(off[0])), -round(float(off[1])))
    )
    return back
