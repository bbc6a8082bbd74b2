"""What comes out of preprocessing, told without reading a pattern."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_mixedptycho.binning import binned_dtype
from napari_mixedptycho.data_settings import Preprocess

Shape = tuple[int, int, int, int]


def shape_after(wish: Preprocess, shape: Shape) -> Shape:
    """Return the shape (scan_y, scan_x, ky, kx) that patterns of a shape come to have, 1 at least each."""
    rows, columns, *_, edge = shape
    top, bottom, left, right = wish.scan_region or (0, rows, 0, columns)
    scan = (min(bottom, rows) - top, min(right, columns) - left)
    after = tuple(max(-(-n // wish.scan_every), 1) for n in scan)
    size = max(min(wish.detector_crop or edge, edge) // wish.detector_bin, 1)
    return after[0], after[1], size, size


def dtype_after(wish: Preprocess, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the number type that values come to have."""
    changed = wish.dark or wish.dark_region or wish.gain
    return binned_dtype(np.dtype(np.float32) if changed else dtype, wish.detector_bin)


def bytes_after(wish: Preprocess, shape: Shape, dtype: np.dtype[Any]) -> int:
    """Return the bytes of all patterns."""
    return int(np.prod(shape_after(wish, shape), dtype=object)) * dtype_after(wish, dtype).itemsize
