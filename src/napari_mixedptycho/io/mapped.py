"""Binary files of patterns one after the other, mapped into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_mixedptycho.errors import InputError

MOST_PIXELS = 2**15
"""Largest believable edge of a detector, px; anything larger is a damaged header."""


def frames(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike, offset: int = 0, lead: int = 0, gap: int = 0
) -> NDArray[Any]:
    """Map all whole patterns of a file: (pattern, *shape), read-only, nothing is read.

    Parameters
    ----------
    path
        The file.
    shape, dtype
        Of one pattern as it is stored.
    offset
        Bytes before the first pattern's own header.
    lead, gap
        Bytes before and after every pattern: its header, its footer.

    Raises
    ------
    InputError
        When the file does not even hold one such pattern.
    """
    return _records(path, shape, dtype, offset, lead, gap)["data"]


def leads(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike, offset: int, lead: int, gap: int = 0
) -> NDArray[Any]:
    """Map what stands before each pattern: (pattern, byte) of uint8; arguments as for `frames`."""
    return _records(path, shape, dtype, offset, lead, gap)["lead"]


def _records(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike, offset: int, lead: int, gap: int
) -> NDArray[Any]:
    check_pattern(path, shape[-2:])
    pattern = int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize
    stride, size = lead + pattern + gap, path.stat().st_size
    count = max(0, size - offset) // stride
    if count < 1 or stride >= 2**31:
        raise InputError(
            f"{path}: the file has {size} bytes; a pattern of {shape} starts at {offset} and takes {stride} "
            "bytes; the file is truncated, or laid out in another way."
        )
    fields: dict[str, Any] = {
        "names": ["lead", "data"],
        "formats": [("u1", (lead,)), (dtype, shape)],
        "offsets": [0, lead],
        "itemsize": stride,
    }
    record: Any = fields
    return np.memmap(path, np.dtype(record), "r", offset, (count,))


def cube(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike, offset: int = 0, order: str = "C"
) -> NDArray[Any]:
    """Map an array of a file, read-only, nothing is read.

    Raises
    ------
    InputError
        When the file is too short for it.
    """
    check_pattern(path, shape[-2:])
    needed = offset + int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize
    size = path.stat().st_size
    if min(shape, default=0) < 1 or needed > size:
        raise InputError(
            f"{path}: an array of {shape} needs {needed} bytes and the file has {size}; it is truncated, or "
            "its header is damaged."
        )
    return np.memmap(path, dtype, "r", offset, shape, "F" if order == "F" else "C")


def check_pattern(path: Path, shape: tuple[int, ...]) -> None:
    """Refuse a shape that no detector has: a damaged header."""
    if not shape or min(shape) < 1 or max(shape) > MOST_PIXELS:
        raise InputError(f"{path}: patterns would have {shape} px; the header is damaged.")
