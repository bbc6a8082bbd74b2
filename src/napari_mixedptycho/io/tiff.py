"""TIFF stacks, mapped into memory when they lie in one piece, else read page by page."""

from __future__ import annotations

import weakref
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.lazy import Lazy, Slices, native
from napari_mixedptycho.io.mapped import check_pattern, cube


def read(path: Path) -> Found:
    """Read the first series of three or four axes.

    Raises
    ------
    InputError
        When tifffile is not installed, the file is damaged, or holds no such series.
    """
    file = _library(path).TiffFile(path)
    fitting = [series for series in file.series if len(series.shape) in (3, 4)]
    if not fitting:
        there = ", ".join(str(tuple(series.shape)) for series in file.series[:8]) or "none"
        file.close()
        raise InputError(f"{path}: there is no stack of three or four axes; series: {there}.")
    series = fitting[0]
    shape, kind = tuple(int(n) for n in series.shape), np.dtype(series.dtype)
    check_pattern(path, shape[-2:])
    offset = series.dataoffset
    if offset is not None:
        file.close()
        order = file.byteorder if kind.itemsize > 1 else "|"
        return Found(native(cube(path, shape, kind.newbyteorder(order), int(offset))), "TIFF")
    if len(series.pages) != int(np.prod(shape[:-2])):
        raise InputError(
            f"{path}: {len(series.pages)} pages do not make a stack {shape}; the file is damaged."
        )
    return Found(_Pages(file, series, shape, kind), "TIFF")


def read_image(path: Path) -> Any:
    """Read the first page, whole; errors as `read`."""
    with _library(path).TiffFile(path) as file:
        page = file.pages[0]
        check_pattern(path, tuple(page.shape))
        return page.asarray()


def _library(path: Path) -> Any:
    try:
        return import_module("tifffile")
    except ImportError:
        raise InputError(
            f'{path}: TIFF needs tifffile; install it with: pip install "napari-mixedptycho[formats]".'
        ) from None


class _Pages(Lazy):
    """Pages of a file that stays open, one pattern each; only those asked for are read."""

    def __init__(self, file: Any, series: Any, shape: tuple[int, ...], kind: Any) -> None:
        super().__init__(shape, kind)
        self.series = series
        weakref.finalize(self, file.close)

    def _read(self, slices: Slices) -> Any:
        lengths = [len(range(n)[entry]) for n, entry in zip(self.shape, slices, strict=True)]
        values = np.empty((int(np.prod(lengths[:-2])), *lengths[-2:]), self.dtype)
        numbers = np.arange(int(np.prod(self.shape[:-2]))).reshape(self.shape[:-2])[slices[:-2]].ravel()
        for place, number in enumerate(numbers):
            page = self.series.pages[int(number)].asarray()
            if page.shape != self.shape[-2:]:
                raise OSError(f"page {number} has shape {page.shape}")
            values[place] = page[slices[-2:]]
        return values.reshape(lengths)
