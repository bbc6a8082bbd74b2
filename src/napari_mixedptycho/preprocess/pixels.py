"""Detector pixels that count as not measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.calibration.pixels import BadPixels, bad_pixels, moments
from napari_mixedptycho.data_settings import Preprocess, pixels_named
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load_image, load_mask
from napari_mixedptycho.preprocess.values import responds, some_rows
from napari_mixedptycho.stored import Stored

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


def response(dataset: Dataset, file: str) -> NDArray[np.float64]:
    """Return the camera's response (ky, kx) as it lies on the patterns; errors as `fitting`."""
    return fitting(load_image(file, "gain image"), dataset, "data.gain")


def without_masked(dataset: Dataset, wish: Preprocess) -> Dataset:
    """Return the data set without the pixels of a mask, and those that were drawn, or listed, by hand.

    What the data set itself leaves out stays left out.

    Raises
    ------
    InputError
        When a mask does not fit the data.
    """
    found = dataset
    if wish.mask is not None:
        mask = fitting(load_mask(wish.mask).astype(np.float64), found, "mask") > 0
        if not mask.all():
            text = f"The mask leaves {int(mask.sum())} of {mask.size} pixels ({wish.mask})."
            found = _masked(found, mask).told(text)
    chosen = pixels_named(wish.masked_pixels, dataset.detector_size)
    if not chosen.any():
        return found
    text = f"Masked by hand: {int(chosen.sum())} of {chosen.size} pixels."
    return _masked(found, ~chosen).told(text)


def measured_only(dataset: Dataset, wish: Preprocess) -> Dataset:
    """Return the data set as stored, its patterns zero where its file or the settings leave pixels out.

    These are the pixels that `arranged` leaves out before the detector is set right, but for the bad ones
    that it looks for itself. No pattern is read, and none comes into memory.

    Parameters
    ----------
    dataset
        As opened.
    wish
        Its mask, masked pixels and response of the camera are heeded.

    Raises
    ------
    InputError
        When a mask does not fit the data, or leaves no pixel.
    """
    found = dataset
    if wish.gain is not None:
        found = _masked(found, responds(response(found, wish.gain)))
    found = without_masked(found, wish)
    patterns = found.patterns if isinstance(found.patterns, Stored) else Stored.of(found.patterns)
    if found.mask is None:
        return found.replace(patterns=patterns)
    if not found.mask.any():
        raise InputError(f"{dataset.name}: the masks leave no pixel; nonzero must mean measured.")
    return found.replace(patterns=patterns.masked(found.mask))


def _masked(dataset: Dataset, mask: NDArray[np.bool_]) -> Dataset:
    return dataset.replace(mask=mask if dataset.mask is None else mask & dataset.mask)


def without_bad(dataset: Dataset) -> Dataset:
    """Return the data set without hot and dead pixels, which are found on some of the patterns."""
    rows, columns = dataset.scan_shape
    if rows * columns < _FEWEST:
        return dataset
    seen = moments(some_rows(dataset.patterns, _LOOK))
    if seen.totals.size < _FEWEST or not np.isfinite(seen.mean).all():
        return dataset
    measured = np.ones(seen.mean.shape, bool) if dataset.mask is None else dataset.mask
    found = bad_pixels(seen, measured)
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
