"""The detector: its axes set right, a part of it, and pixels joined."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.binning import binned, binned_dtype
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.orientation import Orientation, Oriented, centred
from napari_mixedptycho.preprocess.change import changed
from napari_mixedptycho.preprocess.scan import Region
from napari_mixedptycho.stored import Stored


def set_right(
    dataset: Dataset, orientation: Orientation, center: tuple[float, float] | None = None
) -> Dataset:
    """Return the data set with the detector's axes set right and the zero angle at ``n // 2``.

    Whole pixels are moved; the rest stays in `descan`, which the forward model takes into account, so that
    no count is interpolated. Pixels that are not on the stored detector count as not measured.

    Parameters
    ----------
    dataset
        As stored.
    orientation
        How to set it right.
    center
        Zero angle (row, column) on the stored detector, px; None: ``n // 2``.

    Raises
    ------
    InputError
        When the zero angle does not lie on the detector.
    """
    size = dataset.detector_size
    off = np.zeros(2) if center is None else np.array(center) - size // 2
    if orientation.straight and not off.any():
        return dataset
    if (np.abs(off) > size / 4).any():
        raise InputError(f"data.center is {center}; it must lie in the middle half of {size} px.")
    shift = (round(float(off[0])), round(float(off[1])))

    def right(images: NDArray[Any]) -> NDArray[Any]:
        return orientation.applied(centred(images, shift))

    if isinstance(dataset.patterns, Stored):
        stored = dataset.patterns
        patterns: Any = dataclasses.replace(stored, source=Oriented(stored.source, orientation, shift))
    else:
        patterns = np.ascontiguousarray(right(np.asarray(dataset.patterns)))
    mask = np.ones((size, size), bool) if dataset.mask is None else dataset.mask
    mask = right(mask) & orientation.measured(size)
    left = orientation.matrix @ (off - shift)
    before = np.zeros((3, 2)) if dataset.descan is None else dataset.descan @ orientation.matrix.T
    descan = before + np.concatenate([left[None], np.zeros((2, 2))])
    return dataset.replace(patterns=patterns, mask=mask, descan=descan if descan.any() else None)


def with_descan(
    dataset: Dataset,
    slopes: tuple[float, float, float, float] | None,
    whole: tuple[int, int],
    region: Region | None,
    every: int = 1,
) -> Dataset:
    """Return the data set with the plane along which patterns wander.

    Parameters
    ----------
    dataset
        Its detector set right.
    slopes
        ky per scan row, ky per scan column, kx per row, kx per column, px; None: none.
    whole, region
        Shape of the whole scan, at whose middle patterns are centred, and the part of it that these are.
    every
        Points of the whole scan from one of these to the next.
    """
    if slopes is None:
        return dataset
    slope = np.array(slopes).reshape(2, 2)
    start = np.array([0, 0]) if region is None else np.array([region[0], region[2]])
    first = slope @ (start - (np.array(whole) - 1) / 2)
    found = np.concatenate([first[None], every * slope.T])
    return dataset.replace(descan=found if dataset.descan is None else found + dataset.descan)


def wander(dataset: Dataset) -> NDArray[np.float64] | None:
    """Return how far each pattern lies off the zero angle, (position, 2) px; None: not at all."""
    if dataset.descan is None:
        return None
    points = np.indices(dataset.scan_shape).reshape(2, -1).T
    found: NDArray[np.float64] = dataset.descan[0] + points @ dataset.descan[1:]
    return found


def crop_detector(dataset: Dataset, part: float) -> Dataset:
    """Return the data set with the central `part` of the detector's edge, an even number of pixels.

    Raises
    ------
    InputError
        When that does not even hold the probe's disk.
    """
    whole = dataset.detector_size
    size = whole if part == 1 else min(2 * max(4, round(part * whole / 2)), whole)
    if size * dataset.detector_sampling / 2 * dataset.wavelength * 1e3 <= dataset.semiangle:
        ends = 1e3 * dataset.wavelength * dataset.detector_sampling * size / 2
        raise InputError(
            f"A stage uses {part:g} of the detector, up to {ends:.1f} mrad; it must exceed the semi-angle, "
            f"{dataset.semiangle} mrad."
        )
    return crop_pixels(dataset, size)


def crop_pixels(dataset: Dataset, size: int) -> Dataset:
    """Return the data set with the central `size` × `size` pixels of the detector."""
    start = dataset.detector_size // 2 - size // 2
    inside = slice(start, start + size)
    mask = None if dataset.mask is None else dataset.mask[inside, inside]
    if isinstance(dataset.patterns, Stored):
        return dataset.replace(patterns=dataset.patterns.crop(start, start + size), mask=mask)
    return dataset.replace(patterns=np.asarray(dataset.patterns[..., inside, inside]), mask=mask)


def first_bin(size: int, factor: int) -> int:
    """Return the pixel of an edge of `size` at which the first bin of `factor` pixels begins."""
    # The middle bin has the zero angle in its middle, or as near as the edges of the detector allow.
    count = size // factor
    first = size // 2 - (count // 2) * factor - (factor - 1) // 2
    return min(max(first, 0), size - count * factor)


def bin_pixels(dataset: Dataset, factor: int) -> Dataset:
    """Return the data set with `factor` × `factor` pixels added up to one, so that no count is lost.

    A bin that holds a pixel which is not measured is not measured: to scale up the others would make counts
    of what was never counted. The zero angle comes to lie in pixel ``n // 2``; how far from its middle goes
    into `descan`, which the forward model takes into account.

    Raises
    ------
    InputError
        When fewer than 8 pixels would be left along an edge.
    """
    size = dataset.detector_size
    count = size // factor
    if factor == 1:
        return dataset
    if count < 8:
        raise InputError(
            f"data.detector_bin is {factor}, which leaves {count} of {size} px along each detector axis; at "
            "least 8 are needed."
        )
    first = first_bin(size, factor)
    off = (size // 2 - first - (count // 2) * factor - (factor - 1) / 2) / factor
    dtype = binned_dtype(np.dtype(dataset.patterns.dtype), factor)
    descan = np.zeros((3, 2)) if dataset.descan is None else dataset.descan / factor
    descan = descan + np.array([[off], [0.0], [0.0]])
    mask = None if dataset.mask is None else binned(~dataset.mask, factor, first) == 0
    return dataset.replace(
        patterns=changed(dataset, partial(binned, factor=factor, shift=first), count, dtype),
        detector_sampling=dataset.detector_sampling * factor,
        mask=mask,
        descan=descan if descan.any() else None,
        stated={"detector_sampling": dataset.detector_sampling, **dataset.stated},
    )
