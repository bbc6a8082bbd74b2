"""The values of patterns: background, response of the camera, values below zero."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.preprocess.change import BLOCK, changed
from napari_mixedptycho.preprocess.scan import Region, cut_scan

Floats = NDArray[np.float64]
_LOOK = 2**26
"""Bytes of patterns that are looked at to say how much a step changes."""


def subtract(dataset: Dataset, dark: Floats) -> Dataset:
    """Return the data set less a background (ky, kx), in stored units, as float32."""
    less = partial(_less, dark=dark.astype(np.float32))
    kind = np.dtype(np.float32)
    return dataset.replace(patterns=changed(dataset, less, dataset.detector_size, kind))


def divide(dataset: Dataset, gain: Floats) -> tuple[Dataset, Floats]:
    """Return the data set divided by the response (ky, kx) ÷ its mean, as float32, and that quotient.

    Pixels without a response are not measured.

    Raises
    ------
    InputError
        When no pixel has a response.
    """
    works = responds(gain)
    works &= True if dataset.mask is None else dataset.mask
    if not works.any():
        raise InputError(f"{dataset.name}: data.gain holds no value above zero.")
    relative: Floats = np.where(works, gain / gain[works].mean(), 1.0)
    times = partial(_times, factor=(1 / relative).astype(np.float32))
    kind = np.dtype(np.float32)
    patterns = changed(dataset, times, dataset.detector_size, kind)
    mask = dataset.mask if works.all() else works
    return dataset.replace(patterns=patterns, mask=mask), relative


def responds(gain: Floats) -> NDArray[np.bool_]:
    """Return which pixels (ky, kx) of a camera of this response have one."""
    found: NDArray[np.bool_] = np.isfinite(gain) & (gain > 0)
    return found


def not_negative(dataset: Dataset) -> tuple[Dataset, str | None]:
    """Return the data set with zero for what is below, and what that changed; None: nothing."""
    kind = np.dtype(dataset.patterns.dtype)
    if kind.kind == "u":
        return dataset, None
    measured = np.ones((dataset.detector_size,) * 2, bool) if dataset.mask is None else dataset.mask
    seen = below = patterns = 0
    lowest = 0.0
    for row in some_rows(dataset.patterns, _LOOK):
        values = row[:, measured]
        seen, patterns = seen + values.size, patterns + len(row)
        below, lowest = below + int((values < 0).sum()), min(lowest, float(np.nanmin(values)))
    clipped = dataset.replace(patterns=changed(dataset, _clipped, dataset.detector_size, kind))
    if not below:
        return clipped, None
    text = f"Values below zero are set to zero: {below / seen:.2g} of those in {patterns} patterns that were "
    return clipped, text + f"looked at, down to {lowest:.3g}."


def mean_of(dataset: Dataset, region: Region) -> Floats:
    """Return the mean pattern (ky, kx) of a part of the scan, read row by row.

    Raises
    ------
    InputError
        When the part does not lie in the scan.
    """
    part = cut_scan(dataset, region, "dark_region").patterns
    rows, columns = (int(n) for n in part.shape[:2])
    step = max(1, BLOCK // (8 * int(np.prod(part.shape[2:]))))
    total = np.zeros(part.shape[2:])
    for row in range(rows):
        for first in range(0, columns, step):
            total += np.asarray(part[row, first : first + step]).sum(axis=0, dtype=np.float64)
    return total / (rows * columns)


def some_rows(patterns: Any, most: int) -> Iterator[NDArray[Any]]:
    """Yield patterns (point, ky, kx) of rows from all over the scan, of at most so many bytes, or four."""
    rows, columns, *edges = (int(n) for n in patterns.shape)
    count = max(4, most // (int(np.prod(edges)) * np.dtype(patterns.dtype).itemsize))
    step = max(1, int(np.ceil(np.sqrt(rows * columns / count))))
    for row in range(0, rows, step):
        yield np.asarray(patterns[row, ::step])


def _less(images: NDArray[Any], dark: NDArray[np.float32]) -> NDArray[Any]:
    found: NDArray[Any] = images.astype(np.float32) - dark
    return found


def _times(images: NDArray[Any], factor: NDArray[np.float32]) -> NDArray[Any]:
    found: NDArray[Any] = images.astype(np.float32) * factor
    return found


def _clipped(images: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[Any] = np.maximum(images, images.dtype.type(0))
    return found
