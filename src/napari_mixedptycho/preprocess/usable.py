"""Patterns that a loss can use: what was never measured is masked, what cannot be right is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.stored import Stored


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
