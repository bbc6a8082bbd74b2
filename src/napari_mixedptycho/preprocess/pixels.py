"""Detector pixels that count as not measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.calibration.pixels import BadPixels, bad_pixels, moments
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.preprocess.values import some_rows

_FEWEST = 64
"""Patterns, below which a pixel cannot be told from chance."""
_LOOK = 2**27
"""Bytes of patterns that are looked at."""
_NAMED = 5


def fitting(image: NDArray[np.float64], dataset: Dataset, what: str) -> NDArray[np.float64]:
    """Return an image (ky, kx) that lies on the patterns.

    One of a detector that is not square is cropped, or continued with zeros, as the patterns are.

    Raises
    ------
    InputError
        When it has another shape.
    """
    size = dataset.detector_size
    if image.shape == (size, size):
        return image
    if image.shape[0] == image.shape[1] or size not in image.shape:
        raise InputError(f"{dataset.name}: {what} has shape {image.shape}; patterns have ({size}, {size}).")
    found = np.zeros((size, size))
    here, there = [], []
    for length in image.shape:
        both = min(length, size)
        here.append(slice(size // 2 - both // 2, size // 2 - both // 2 + both))
        there.append(slice(length // 2 - both // 2, length // 2 - both // 2 + both))
    found[tuple(here)] = image[tuple(there)]
    return found


def without_bad(dataset: Dataset) -> Dataset:
    """Return the data set without hot and dead pixels, which are found on some of the patterns."""
    rows, columns = dataset.scan_shape
    if rows * columns < _FEWEST:
        return dataset
    seen = moments(some_rows(dataset.patterns, _LOOK))
    if seen.totals.size < _FEWEST or not np.isfinite(seen.mean).all():
        return dataset
    measured = np.ones(seen.mean.shape, bool) if dataset.mask is None else dataset.mask
    found = bad_pixels(seen)
    found = BadPixels(found.hot & measured, found.dead & measured)
    if not found.bad.any():
        return dataset
    return dataset.replace(mask=measured & ~found.bad).told(_text(found, seen.totals.size))


def _text(found: BadPixels, patterns: int) -> str:
    parts = [
        f"{int(pixels.sum())} {name} ({_places(pixels)})"
        for name, pixels in (("hot", found.hot), ("dead", found.dead))
        if pixels.any()
    ]
    return (
        f"Detector pixels that no optics explains count as not measured: {' and '.join(parts)}, found on "
        f"{patterns} patterns."
    )


def _places(pixels: NDArray[np.bool_]) -> str:
    """Name some of the pixels (ky, kx)."""
    places = np.argwhere(pixels)
    named = ", ".join(f"row {y} column {x}" for y, x in places[:_NAMED])
    return named + (" …" if len(places) > _NAMED else "")
