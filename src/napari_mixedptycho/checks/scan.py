"""Probe and scan: whether neighbours overlap, and whether positions lie where the data are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.words import counted

_POWER = 0.8
"""Part of its power that a probe is as wide as: 0.9 λ/α in focus, 0.9 of the disk of a large defocus."""
_APART = 2.0
"""Steps of so many widths leave no overlap, not even of the faint rings around a focused probe."""
_OVERLAP = 0.5
"""Least overlap of neighbouring probes that is not told; 0.6 was found best by Bunk et al. (2008),
*Ultramicroscopy* 108, 481."""


def probe_width(recipe: Recipe, dataset: Dataset, geometry: Geometry) -> float:
    """Return the diameter, Å, that holds four fifths of the first probe's power."""
    wave = recipe.guess.probe.wave(dataset, geometry.size, geometry.sampling)
    place = np.arange(geometry.size) - geometry.size // 2
    outwards = np.argsort(np.hypot(place[:, None], place), axis=None, kind="stable")
    power = np.cumsum(np.abs(wave.ravel()[outwards]) ** 2)
    # By the number of pixels, which is finer than their distances.
    pixels = np.interp(_POWER * power[-1], power, np.arange(1, power.size + 1))
    return float(2 * np.sqrt(pixels / np.pi) * geometry.sampling)


def overlap_text(recipe: Recipe, dataset: Dataset, width: float) -> list[str]:
    """Say when neighbouring probes hardly overlap; refuse when they do not at all."""
    if max(dataset.scan_shape) == 1:
        return ["There is one scan point only: a single pattern does not determine object and probe."]
    overlap = 1 - dataset.scan_step / width
    if overlap >= _OVERLAP:
        return []
    sizes = f"the scan step is {dataset.scan_step:.3g} Å and the probe {width:.3g} Å wide"
    # The probe of an earlier result may be wider than semi-angle and defocus let expect.
    if dataset.scan_step > _APART * width and recipe.guess.result is None:
        raise InputError(
            f"{dataset.name}: {sizes}: neighbouring probes do not overlap, so that every pattern stands "
            "alone; check scan_step, semiangle and defocus."
        )
    return [
        f"Neighbouring probes overlap by {max(overlap, 0):.0%} ({sizes}); below {_OVERLAP:.0%} object and "
        "probe are hard to tell apart."
    ]


def check_positions(positions: NDArray[np.float64], geometry: Geometry, name: str) -> None:
    """Refuse positions (position, 2), object px, that are no numbers or too far outside the object.

    The window of a position stays on the object and the probe moves within it; beyond a quarter of the
    window the probe would leave it at one side and come back at the other.

    Raises
    ------
    InputError
        Naming the first such position.
    """
    half = geometry.size // 2
    nearest = np.clip(positions, half, np.array(geometry.shape) - geometry.size + half)
    outside = ~(np.abs(positions - nearest).max(axis=1) <= geometry.size / 4)  # NaN is outside
    if outside.any():
        first = int(np.argmax(outside))
        y, x = geometry.to_angstroms(positions[first])
        many = counted(int(outside.sum()), "position")
        raise InputError(
            f"{name}: {many} outside the scanned field, the first (number {first}) "
            f"at y = {y:.3g} Å, x = {x:.3g} Å; check that scan and data belong together."
        )


def lit_area(dataset: Dataset, geometry: Geometry, width: float) -> float:
    """Return the object pixels under the scan and half a probe around it."""
    extent = (np.array(dataset.scan_shape) - 1) * dataset.scan_step + width
    return float(np.prod(extent / geometry.sampling))
