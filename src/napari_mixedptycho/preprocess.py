"""From patterns as they were stored to patterns that can be compared: region, mask, checks."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Dataset, Truth
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.orientation import Orientation, Oriented, centred
from napari_mixedptycho.stored import Stored

Region = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last scan point."""


def cut_scan(dataset: Dataset, region: Region) -> Dataset:
    """Return the part of the scan in a region; the truth moves into its frame.

    Raises
    ------
    InputError
        When the region does not lie in the scan.
    """
    top, bottom, left, right = region
    rows, columns = dataset.scan_shape
    if not (0 <= top < bottom <= rows and 0 <= left < right <= columns):
        raise InputError(f"data.scan_region is {region}; the scan has {rows} rows and {columns} columns.")
    if isinstance(dataset.patterns, Stored):
        patterns: Any = dataset.patterns.cut(*region)
    else:
        patterns = np.asarray(dataset.patterns[top:bottom, left:right])
    return dataset.replace(patterns=patterns, truth=truth_in(dataset, region, 0.0))


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
    descan = np.concatenate([left[None], np.zeros((2, 2))]) if left.any() else dataset.descan
    return dataset.replace(patterns=patterns, mask=mask, descan=descan)


def with_descan(
    dataset: Dataset,
    slopes: tuple[float, float, float, float] | None,
    whole: tuple[int, int],
    region: Region | None,
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
    """
    if slopes is None:
        return dataset
    slope = np.array(slopes).reshape(2, 2)
    start = np.array([0, 0]) if region is None else np.array([region[0], region[2]])
    first = slope @ (start - (np.array(whole) - 1) / 2)
    first = first if dataset.descan is None else first + dataset.descan[0]
    return dataset.replace(descan=np.concatenate([first[None], slope.T]))


def wander(dataset: Dataset) -> NDArray[np.float64] | None:
    """Return how far each pattern lies off the zero angle, (position, 2) px; None: not at all."""
    if dataset.descan is None:
        return None
    points = np.indices(dataset.scan_shape).reshape(2, -1).T
    found: NDArray[np.float64] = dataset.descan[0] + points @ dataset.descan[1:]
    return found


def truth_in(dataset: Dataset, region: Region | None, rotation: float | None = None) -> Truth | None:
    """Return the truth, if known, where a reconstruction of a region of the scan lies.

    Parameters
    ----------
    dataset
        Its truth lies along the scan.
    region
        Of the scan, whose first point is the origin; None: all of it.
    rotation
        Degrees by which the scan is turned, as the reconstruction took it; None: as the data set says.
    """
    truth = dataset.truth
    if truth is None:
        return None
    if region is not None:
        top, bottom, left, right = region
        start = np.array([top, left]) * dataset.scan_step
        extent = np.array([bottom - top - 1, right - left - 1]) * dataset.scan_step
        truth = truth.cut(start, extent)
    return truth.turned(dataset.scan_rotation if rotation is None else rotation)


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
    start = whole // 2 - size // 2
    inside = slice(start, start + size)
    mask = None if dataset.mask is None else dataset.mask[inside, inside]
    if isinstance(dataset.patterns, Stored):
        return dataset.replace(patterns=dataset.patterns.crop(start, start + size), mask=mask)
    return dataset.replace(patterns=np.asarray(dataset.patterns[..., inside, inside]), mask=mask)


def inside_angle(dataset: Dataset, max_angle: float) -> NDArray[np.bool_]:
    """Return the mask (ky, kx) of pixels up to a scattering angle, mrad.

    Raises
    ------
    InputError
        When the angle does not even hold the probe's disk.
    """
    inside: NDArray[np.bool_] = _angles(dataset) <= max_angle
    if max_angle <= dataset.semiangle:
        raise InputError(
            f"data.max_angle is {max_angle} mrad; it must exceed the semi-angle, {dataset.semiangle} mrad."
        )
    return _also_inside(dataset, inside)


def lit_disk(dataset: Dataset) -> NDArray[np.bool_] | None:
    """Return the mask without the corners beyond the outermost pixel that any pattern lights.

    A simulation with a round band limit, or a round detector, stores zeros there that were never measured.
    Within the largest circle on the detector a zero is a measurement.
    """
    angles, lit = _angles(dataset), dataset.survey.lit
    outermost = max(float(angles[lit].max(initial=0.0)), dataset.max_angle)
    inside: NDArray[np.bool_] = angles <= outermost * (1 + 1e-9)
    return dataset.mask if inside.all() else _also_inside(dataset, inside)


def usable_patterns(dataset: Dataset, *, signed: bool = False) -> Dataset:
    """Return the data set, its patterns zero where masked, after refusing what the loss cannot use.

    Parameters
    ----------
    dataset
        Patterns and mask.
    signed
        The loss takes values below zero as they are.

    Raises
    ------
    InputError
        When measured pixels hold NaN, infinite or (unless `signed`) negative values, or nothing at all, and
        when the mask leaves no pixel.
    """
    if dataset.mask is not None and not dataset.mask.any():
        raise InputError(f"{dataset.name}: the mask leaves no pixel; nonzero must mean measured.")
    usable = dataset.replace(patterns=_masked(dataset.rows, dataset.mask))
    found = usable.survey
    if not np.isfinite(found.total).all():
        raise InputError(f"{dataset.name}: patterns hold NaN or infinite values; replace or mask them.")
    if not signed and found.lowest < 0:
        raise InputError(
            f"{dataset.name}: patterns hold negative values ({found.lowest:.3g}); set them to zero, or take "
            "the loss gaussian_poisson in every stage if they are readout noise."
        )
    if not found.total.sum() > 0:
        raise InputError(f"{dataset.name}: all patterns are empty.")
    return usable


def _masked(patterns: NDArray[Any] | Stored, mask: NDArray[np.bool_] | None) -> NDArray[Any] | Stored:
    if mask is None:
        return patterns
    if isinstance(patterns, Stored):
        return patterns.masked(mask)
    return np.where(mask, patterns, patterns.dtype.type(0))


def reaches_edge(dataset: Dataset) -> bool:
    """Tell whether more than 0.1 % of the electrons lie within the probe angle of the detector edge.

    Then the exit wave reaches beyond the detector, and would alias on the bare grid.
    """
    angles = _angles(dataset)
    pattern = np.clip(dataset.mean_pattern, 0, None)
    return float(pattern[angles > dataset.max_angle - dataset.semiangle].sum()) > 1e-3 * float(pattern.sum())


def _also_inside(dataset: Dataset, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels (ky, kx) that the data set's own mask leaves and that lie inside."""
    return inside if dataset.mask is None else inside & dataset.mask


def _angles(dataset: Dataset) -> NDArray[np.float64]:
    """Scattering angle of each detector pixel, mrad, (ky, kx)."""
    n = dataset.detector_size
    k = (np.arange(n) - n // 2) * dataset.detector_sampling * dataset.wavelength * 1e3
    angles: NDArray[np.float64] = np.hypot(k[:, None], k[None, :])
    return angles
