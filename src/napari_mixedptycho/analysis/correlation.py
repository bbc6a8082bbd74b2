"""How columns move together: correlations of pairs, in-phase and anti-phase motion, and what chance makes.

Few states make chance correlations: of N independent states |r| reaches 2/√N in one pair of twenty (0.63 with
10). So nothing here is read off single pairs: pairs are pooled by distance, and every number stands beside
what the same columns give after the states of each have been shuffled on their own, which keeps every
column's motion and breaks what they do together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from scipy.spatial import cKDTree

from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings

Indices = NDArray[np.intp]


class CorrelationSettings(Settings):
    """How pairs of columns are pooled."""

    reach: float = Field(8.0, gt=0, le=1000, description="The farthest columns that make a pair, Å.")
    step: float = Field(1.0, gt=0, le=100, description="Width of a class of distances, Å.")
    neighbour: float = Field(
        1.3, gt=1, le=10, description="Neighbours are no farther apart than this times the nearest distance."
    )
    common: bool = Field(
        False,
        description="Take out the mean displacement of all columns in each state first: motion that all that "
        "the probe sees have in common cannot be told from a source of finite size.",
    )
    confidence: float = Field(0.95, gt=0, lt=1, description="Of the range that shuffled states stay within.")
    draws: int = Field(1000, ge=20, le=100_000, description="Shufflings, and resamplings of the states.")
    seed: int = Field(0, ge=0, description="Of both.")


@dataclass(frozen=True)
class Pooled:
    """A number per class, how sure it is, and what chance gives.

    Attributes
    ----------
    value
        (class,).
    interval
        (class, low/high) bootstrap interval over the states.
    chance
        (class, low/high) range within which shuffled states stay.
    p
        (class,) part of the shufflings that are at least as far from their mean; never below 1/(draws + 1).
    """

    value: Floats
    interval: Floats
    chance: Floats
    p: Floats

    @property
    def significant(self) -> NDArray[np.bool_]:
        """(class,) outside what chance gives."""
        return (self.value < self.chance[:, 0]) | (self.value > self.chance[:, 1])


@dataclass(frozen=True)
class Correlations:
    """Correlation of the displacements of pairs, pooled by distance.

    Attributes
    ----------
    edges
        (class, 2) of the distances, Å; classes without pairs are left out.
    distance, pairs
        (class,) mean distance, Å, and number of pairs.
    longitudinal, transverse
        Σ u_i·u_j / √(Σu_i²·Σu_j²) over pairs and states, along the line between the columns and across it.
    states
        Number of states.
    """

    edges: Floats
    distance: Floats
    pairs: NDArray[np.int64]
    longitudinal: Pooled
    transverse: Pooled
    states: int

    @property
    def single_pair(self) -> float:
        """|r| of one pair that chance exceeds in about one case of twenty."""
        return float(2 / np.sqrt(self.states))


@dataclass(frozen=True)
class Amplitudes:
    """Relative and common motion of neighbours.

    Attributes
    ----------
    pairs
        (pair, 2) which columns are neighbours.
    longitudinal_in_phase, longitudinal_anti_phase, transverse_in_phase, transverse_anti_phase
        Mean square over pairs and states of (u_i + u_j)/√2 and (u_i − u_j)/√2, Å², along the line between the
        two columns and across it: each is ⟨u²⟩ of one column where columns move independently. One value,
        beside what chance gives.
    """

    pairs: Indices
    longitudinal_in_phase: Pooled
    longitudinal_anti_phase: Pooled
    transverse_in_phase: Pooled
    transverse_anti_phase: Pooled


def correlations(positions: ArrayLike, settings: CorrelationSettings | None = None) -> Correlations:
    """Correlate the displacements of pairs of columns, pooled by distance.

    Parameters
    ----------
    positions
        (state, N, 2) of the columns, (y, x), Å.
    settings
        How pairs are pooled.

    Raises
    ------
    InputError
        With fewer than three states, or no pair within reach.
    """
    chosen = settings or CorrelationSettings()
    places = _checked(positions)
    mean = places.mean(axis=0)
    pairs = _pairs(mean, chosen.reach)
    directions, distance = _directions(mean, pairs)
    edges = np.arange(0.0, chosen.reach + chosen.step, chosen.step)
    classes = np.clip(np.digitize(distance, edges) - 1, 0, len(edges) - 2)
    kept, label = np.unique(classes, return_inverse=True)
    count = np.bincount(label)

    def statistic(moved: Floats) -> Floats:
        rows = []
        for direction in directions:
            product, one, other = _second_moments(moved, pairs, direction)
            sums = [np.bincount(label, part, len(kept)) for part in (product, one, other)]
            power = np.sqrt(sums[1] * sums[2])
            rows.append(np.where(power > 0, sums[0] / np.where(power > 0, power, 1.0), 0.0))
        return np.stack(rows)

    found = _pooled(statistic, places, chosen, logarithmic=False)
    return Correlations(
        edges=np.stack([edges[kept], edges[kept + 1]], axis=1),
        distance=np.bincount(label, distance) / count,
        pairs=count,
        longitudinal=found[0],
        transverse=found[1],
        states=len(places),
    )


def neighbour_amplitudes(positions: ArrayLike, settings: CorrelationSettings | None = None) -> Amplitudes:
    """Measure how much neighbours move with and against each other.

    Parameters and errors as of `correlations`. Arithmetic of ⟨u²⟩ to frequencies:
    `vibration.mean_frequency` with the mass of one column (arXiv:2309.12017v2 does this for in-phase and
    anti-phase motion, as a mean over the acoustic and over the optical branches).
    """
    chosen = settings or CorrelationSettings()
    places = _checked(positions)
    mean = places.mean(axis=0)
    nearest = cKDTree(mean).query(mean, k=2)[0][:, 1]
    pairs = _pairs(mean, chosen.neighbour * float(np.median(nearest)))
    directions, _ = _directions(mean, pairs)

    def statistic(moved: Floats) -> Floats:
        rows = []
        for direction in directions:
            product, one, other = _second_moments(moved, pairs, direction)
            half = (one + other) / 2
            rows += [(half + product).mean(keepdims=True), (half - product).mean(keepdims=True)]
        return np.stack(rows)

    found = _pooled(statistic, places, chosen, logarithmic=True)
    return Amplitudes(pairs, found[0], found[1], found[2], found[3])


def _checked(positions: ArrayLike) -> Floats:
    places = np.asarray(positions, dtype=np.float64)
    if places.ndim != 3 or len(places) < 3 or places.shape[1] < 2:
        raise InputError(
            f"Positions have the shape {places.shape}; correlations need (state, column, 2) of at least "
            "three states and two columns."
        )
    return places


def _pairs(mean: Floats, reach: float) -> Indices:
    """Return the pairs (pair, 2) of columns (N, 2) that are at most `reach` apart, Å."""
    pairs = cKDTree(mean).query_pairs(reach, output_type="ndarray")
    if not len(pairs):
        raise InputError(f"No two of {len(mean)} columns are within {reach:g} Å; give a larger reach.")
    return np.asarray(pairs[np.lexsort(pairs.T[::-1])])


def _directions(mean: Floats, pairs: Indices) -> tuple[tuple[Floats, Floats], Floats]:
    """Return unit vectors (pair, 2) along and across the line of each pair, and distances (pair,), Å."""
    line = mean[pairs[:, 1]] - mean[pairs[:, 0]]
    distance = np.hypot(line[:, 0], line[:, 1])
    along = line / distance[:, None]
    return (along, np.stack([along[:, 1], -along[:, 0]], axis=1)), distance


def _second_moments(moved: Floats, pairs: Indices, direction: Floats) -> tuple[Floats, Floats, Floats]:
    """Return ⟨u_i·u_j⟩, ⟨u_i²⟩, ⟨u_j²⟩ (pair,) of displacements (state, N, 2) along a direction per pair."""
    one, other = (np.einsum("spa,pa->sp", moved[:, pairs[:, side]], direction) for side in (0, 1))
    return (one * other).mean(axis=0), (one**2).mean(axis=0), (other**2).mean(axis=0)


def _pooled(
    statistic: Callable[[Floats], Floats],
    places: Floats,
    chosen: CorrelationSettings,
    *,
    logarithmic: bool,
) -> list[Pooled]:
    """Evaluate a statistic (row, class) of displacements, with its interval and what shuffled states give."""
    random = np.random.default_rng(chosen.seed)
    states, count = places.shape[:2]

    def of(positions: Floats) -> Floats:
        moved = positions - positions.mean(axis=0)
        return statistic(moved - moved.mean(axis=1, keepdims=True) if chosen.common else moved)

    columns = np.arange(count)
    value, drawn, chance = of(places), [], []
    for _ in range(chosen.draws):
        drawn.append(of(places[random.integers(states, size=states)]))
        order = random.permuted(np.tile(np.arange(states)[:, None], (1, count)), axis=0)
        chance.append(of(places[order, columns]))
    again, shuffled = np.stack(drawn), np.stack(chance)
    tail = (1 - chosen.confidence) / 2
    ends = np.quantile(again, [tail, 1 - tail], axis=0)
    if logarithmic:  # a variance: pivotal, as for the sd of a column
        ends = value**2 / np.maximum(ends[::-1], np.finfo(float).tiny)
    limits = np.quantile(shuffled, [tail, 1 - tail], axis=0)
    middle = shuffled.mean(axis=0)
    farther = (np.abs(shuffled - middle) >= np.abs(value - middle) * (1 - 1e-9)).sum(axis=0)
    p = (1 + farther) / (chosen.draws + 1)
    return [Pooled(value[row], ends[:, row].T, limits[:, row].T, p[row]) for row in range(len(value))]
