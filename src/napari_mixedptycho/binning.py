"""Detector pixels added up, so that no count is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def binned(images: NDArray[Any], factor: int, shift: int = 0) -> NDArray[Any]:
    """Add up `factor` × `factor` pixels of images (…, ky, kx); what does not fill a bin is left out.

    Parameters
    ----------
    images, factor
        Of edges of at least `factor`.
    shift
        Where the first bin begins along both axes, px.
    """
    rows, columns = ((edge - shift) // factor for edge in images.shape[-2:])
    inside = (..., slice(shift, shift + rows * factor), slice(shift, shift + columns * factor))
    cut = images[inside].reshape(*images.shape[:-2], rows, factor, columns, factor)
    total: NDArray[Any] = cut.sum(axis=(-3, -1), dtype=binned_dtype(images.dtype, factor))
    return total


def binned_dtype(dtype: np.dtype[Any], factor: int) -> np.dtype[Any]:
    """Return a number type that holds sums of `factor` × `factor` values; floats stay what they are."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.dtype(np.int64)
    if factor == 1 or dtype.kind == "f":
        return dtype
    largest = int(np.iinfo(dtype).max) * factor**2
    for size in (1, 2, 4, 8):
        wider = np.dtype(f"{dtype.kind}{size}")
        if size >= dtype.itemsize and np.iinfo(wider).max >= largest:
            return wider
    return np.dtype(f"{dtype.kind}8")
