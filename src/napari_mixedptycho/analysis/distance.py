"""How far two ensembles of column positions are from each other, and whether chance explains it.

Two measures. The energy distance of Székely and Rizzo, ``2E|X − Y| − E|X − X'| − E|Y − Y'|``, is zero only
where both distributions are the same; whether it is more than chance is told by giving the states out again
at random (J. Stat. Plan. Inference 143, 1249, 2013). The covariance distance of Bures and Wasserstein is how
far mass must be carried to turn one Gaussian into another of the same mean (Dowson and Landau, J. Multivar.
Anal. 12, 450, 1982); it compares size and direction of the motion alone.

States are exchangeable and hold all columns at once: one state goes to the one or to the other side with all
its columns, so that columns that move together make no false certainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.analysis.motion import finite
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings

_ROOM = 2_000_000
"""Distances of states that are held at once."""


class DistanceSettings(Settings):
    """How two ensembles are compared."""

    permutations: int = Field(
        999,
        ge=19,
        le=100_000,
        description="Times the states are given out again; no p is below 1/(this + 1).",
    )
    seed: int = Field(0, ge=0, description="Of the permutations.")


@dataclass(frozen=True)
class Energy:
    """Energy distances of N columns and the chance of as much.

    Attributes
    ----------
    value, p
        Sum over the columns, Å, and the part of all ways to give out the states that come to as much; NaN
        where a side has one state only.
    column_value, column_p
        (N,) the same of each column. Of many columns one in twenty is below 0.05 by chance.
    """

    value: float
    p: float
    column_value: Floats
    column_p: Floats


@dataclass(frozen=True)
class Distances:
    """Two ensembles of the same N columns, side by side.

    Attributes
    ----------
    position
        Energy distances of the positions, once the common shift of all columns is taken out.
    motion
        Those of the displacements: each side about its own mean, column by column.
    shift
        (N, 2) mean of the second less that of the first, without the common shift, Å.
    covariance
        (N,) Bures-Wasserstein distances of the covariances, Å.
    """

    position: Energy
    motion: Energy
    shift: Floats
    covariance: Floats

    @property
    def covariance_rms(self) -> float:
        """Root mean square of `covariance` over the columns, Å."""
        return float(np.sqrt((self.covariance**2).mean()))

    def numbers(self) -> dict[str, float | None]:
        """Return plain values for JSON; lengths in Å, None for what is not known."""
        return {
            "energy_distance": finite(self.position.value),
            "energy_p": finite(self.position.p),
            "motion_energy_distance": finite(self.motion.value),
            "motion_energy_p": finite(self.motion.p),
            "covariance_distance": finite(self.covariance_rms),
        }

    def table(self) -> dict[str, Floats]:
        """Return one column of numbers per header."""
        return {
            "energy_distance (angstrom)": self.position.column_value,
            "energy_p": self.position.column_p,
            "motion_energy_distance (angstrom)": self.motion.column_value,
            "motion_energy_p": self.motion.column_p,
            "covariance_distance (angstrom)": self.covariance,
        }


def distances(one: ArrayLike, other: ArrayLike, settings: DistanceSettings | None = None) -> Distances:
    """Compare two ensembles of the same columns.

    Parameters
    ----------
    one, other
        (state, N, 2) and (another number of states, N, 2) positions (y, x), Å.
    settings
        How.

    Raises
    ------
    InputError
        When they are not of the same columns, or there are none.
    """
    first, second = (np.asarray(part, dtype=np.float64) for part in (one, other))
    if first.ndim != 3 or not first.size or second.ndim != 3 or first.shape[1:] != second.shape[1:]:
        raise InputError(
            f"The positions have the shapes {first.shape} and {second.shape}; both must be (state, column, "
            "2) of the same columns, at least one."
        )
    chosen = settings or DistanceSettings()
    shift = second.mean(axis=0) - first.mean(axis=0)
    second = second - shift.mean(axis=0)
    return Distances(
        _tested(first, second, chosen, centred=False),
        _tested(first, second, chosen, centred=True),
        shift - shift.mean(axis=0),
        covariance_distance(_covariance(first), _covariance(second)),
    )


def covariance_distance(one: ArrayLike, other: ArrayLike) -> Floats:
    """Return the Bures-Wasserstein distances (N,) of covariances (N, 2, 2), Å for Å².

    ``d² = tr A + tr B − 2 tr(A^½ B A^½)^½``; of 2 × 2 matrices the last trace is
    ``√(tr AB + 2√(det A det B))``.
    """
    first, second = (np.asarray(part, dtype=np.float64).reshape(-1, 2, 2) for part in (one, other))
    product = np.einsum("nij,nji->n", first, second)
    size = np.maximum(np.linalg.det(first), 0.0) * np.maximum(np.linalg.det(second), 0.0)
    common = np.sqrt(np.maximum(product + 2 * np.sqrt(size), 0.0))
    traces = np.einsum("nii->n", first) + np.einsum("nii->n", second)
    return np.asarray(np.sqrt(np.maximum(traces - 2 * common, 0.0)))


def _covariance(positions: Floats) -> Floats:
    moved = positions - positions.mean(axis=0)
    return np.asarray(np.einsum("sni,snj->nij", moved, moved) / len(moved))


def _tested(first: Floats, second: Floats, chosen: DistanceSettings, *, centred: bool) -> Energy:
    """Measure the energy distances and give the states out again; `centred`: both sides about their means."""
    random = np.random.default_rng(chosen.seed)
    pooled, count = np.concatenate([first, second]), len(first)
    if centred:
        pooled = pooled - np.concatenate([np.broadcast_to(s.mean(axis=0), s.shape) for s in (first, second)])
    labels = np.arange(len(pooled)) < count
    found = _energies(pooled, labels[None], centred=centred)[0]
    if min(count, len(second)) < 2:
        return Energy(float(found.sum()), float("nan"), found, np.full_like(found, np.nan))
    orders = random.permuted(np.tile(labels, (chosen.permutations, 1)), axis=1)
    room = max(1, _ROOM // (pooled.shape[1] * len(pooled) ** 2))
    parts = [
        _energies(pooled, orders[start : start + room], centred=centred)
        for start in range(0, len(orders), room)
    ]
    again, least = np.concatenate(parts), 1 - 1e-9
    scale = 1 / (chosen.permutations + 1)
    p = (1 + (again.sum(axis=1) >= found.sum() * least).sum()) * scale
    return Energy(float(found.sum()), float(p), found, (1 + (again >= found * least).sum(axis=0)) * scale)


def _energies(pooled: Floats, ones: NDArray[np.bool_], *, centred: bool) -> Floats:
    """Return the energy distances (draw, N) of the states that are `ones` (draw, state) from the others.

    ``2E|X − Y| − E|X − X'| − E|Y − Y'|`` is minus the quadratic form of the difference of both measures in
    the distances of all states of `pooled` (state, N, 2).
    """
    share = ones / ones.sum(axis=1, keepdims=True)
    rest = ~ones / (~ones).sum(axis=1, keepdims=True)
    if centred:
        # Each side lies about its own mean by construction, so it must after a permutation too.
        means = [np.einsum("ds,sna->dna", part, pooled)[:, None] for part in (share, rest)]
        pooled = pooled - np.where(ones[:, :, None, None], *means)
    columns = np.moveaxis(pooled, -2, 0)
    steps = columns[..., :, None, :] - columns[..., None, :, :]
    gaps = np.hypot(steps[..., 0], steps[..., 1])
    weight = share - rest
    draws = "ndij" if centred else "nij"
    form = np.einsum(f"di,{draws},dj->dn", weight, gaps, weight, optimize=True)
    return np.asarray(np.maximum(-form, 0.0))
