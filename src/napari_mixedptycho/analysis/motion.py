"""How the columns move: mean, spread and covariance of their positions over the object states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from napari_mixedptycho.analysis.centroid import Fixed, Recentred, half_spacing
from napari_mixedptycho.analysis.columns import ColumnFinder, Floats, inside_scan
from napari_mixedptycho.analysis.estimators import Centroid
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import Result
from napari_mixedptycho.settings import Settings

_EDGE = 1.0
"""Å from the outline of the scan."""


class MotionSettings(Settings):
    """How columns are found and measured."""

    finder: ColumnFinder = Field(default_factory=ColumnFinder, description="How columns are found.")
    centroid: Centroid = Field(default_factory=Recentred, description="How a column's centre is measured.")
    confidence: float = Field(
        default=0.95,
        gt=0.0,
        lt=1.0,
        description="Nominal confidence of the bootstrap intervals. With 10 states, 95 % intervals hold the "
        "true spread about nine times in ten.",
    )
    draws: int = Field(
        default=2000, ge=100, le=100_000, description="Bootstrap resamplings of the states. Typical 2000."
    )
    seed: int = Field(default=0, ge=0, description="Seed of the bootstrap.")


@dataclass(frozen=True)
class ColumnMotion:
    """Positions of the columns in every state, and their statistics over the states.

    The states are the fitted ensemble, not a sample drawn from it: each is one of the equally occupied
    configurations that together explain the patterns. Spread and covariance are therefore those of this
    ensemble (division by the number of states, ``ddof=0``). Nothing depends on the order of the states.

    Attributes
    ----------
    columns
        (N, 2) where each column was looked for, (y, x) in the scan frame, Å.
    positions
        (state, N, 2) measured positions, Å.
    mean, sd
        (N, 2) mean and standard deviation over the states, Å.
    covariance
        (N, 2, 2) over the states, Å².
    sd_interval
        (N, 2, 2) as (column, axis, low/high): bootstrap interval of the sd, Å; NaN where nothing
        moves. The high end is infinite where the states are too few to bound it.
    standard_error
        (N, 2) of the mean, Å; NaN for one state.
    sd_y, sd_x
        Root mean square over the columns of the sd, Å; NaN without columns.
    sd_y_interval, sd_x_interval
        Bootstrap intervals (low, high) of `sd_y` and `sd_x`, Å.
    confidence
        Nominal confidence of the intervals.
    flagged
        (N,) bool: in some state the column was held at the farthest it may move; do not trust it.
    edge
        (N,) bool: nearer than 1 Å to the outline of the scan, where few patterns see it; None: not known.
    overlap
        (N,) bool: its window reaches into that of a neighbour, and is made smaller; None: not known.
    numbers
        (N,) by which the columns are called; None: from 0 on.
    """

    columns: Floats
    positions: Floats
    mean: Floats
    sd: Floats
    covariance: Floats
    sd_interval: Floats
    standard_error: Floats
    sd_y: float
    sd_x: float
    sd_y_interval: tuple[float, float]
    sd_x_interval: tuple[float, float]
    confidence: float
    flagged: NDArray[np.bool_]
    edge: NDArray[np.bool_] | None = None
    overlap: NDArray[np.bool_] | None = None
    numbers: tuple[int, ...] | None = None

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.columns)

    @property
    def n_states(self) -> int:
        """Number of object states."""
        return len(self.positions)

    @property
    def u_rms(self) -> Floats:
        """(N,) root mean square displacement from the mean, per axis, averaged over both axes, Å."""
        return np.asarray(np.sqrt((self.sd**2).mean(axis=1)))

    @property
    def rms(self) -> float:
        """Root mean square of `u_rms` over the columns, Å; NaN without columns."""
        return float(np.sqrt((self.u_rms**2).mean())) if self.n_columns else float("nan")

    def summary(self) -> dict[str, float | int | None]:
        """Return plain numbers for JSON: counts, `sd_y`, `sd_x` and their intervals."""
        numbers: dict[str, float | int | None] = {
            "n_columns": self.n_columns,
            "n_states": self.n_states,
            "n_flagged": int(self.flagged.sum()),
            "sd_y": finite(self.sd_y),
            "sd_x": finite(self.sd_x),
        }
        for axis, interval in (("y", self.sd_y_interval), ("x", self.sd_x_interval)):
            numbers[f"sd_{axis}_low"], numbers[f"sd_{axis}_high"] = (finite(end) for end in interval)
        return numbers


def measure(
    result: Result,
    settings: MotionSettings | None = None,
    columns: ArrayLike | None = None,
    numbers: Sequence[int] | None = None,
) -> ColumnMotion:
    """Find the columns of a result and measure their motion.

    Parameters
    ----------
    result
        A reconstruction, finished or not.
    settings
        How; the defaults suit atomic resolution.
    columns
        (N, 2) positions (y, x) in the scan frame, Å, to measure instead of those found.
    numbers
        (N,) by which these are called; None: from 0 on.

    Raises
    ------
    InputError
        When the phase is not finite or a given column lies outside it.
    """
    chosen = settings or MotionSettings()
    if columns is None:
        columns = find_columns(result, chosen.finder)
    found = measure_phases(result.projected_phase(), result.sampling, result.origin, columns, chosen)
    return replace(
        found,
        edge=~inside_scan(found.mean, scan_positions(result), _EDGE),
        overlap=2 * half_spacing(found.columns) < 2 * _window(chosen.centroid, result.sampling),
        numbers=None if numbers is None else tuple(numbers),
    )


def _window(centroid: Centroid, sampling: float) -> float:
    """Return the radius of the window that neighbours disturb, Å; 0 where they are fitted together."""
    if isinstance(centroid, Fixed):
        return (centroid.half_width + 0.5) * sampling
    return centroid.radius if isinstance(centroid, Recentred) else 0.0


def find_columns(result: Result, finder: ColumnFinder | None = None) -> Floats:
    """Find the columns inside the scanned field of a result: (N, 2) as (y, x) in the scan frame, Å."""
    chosen = finder or ColumnFinder()
    return chosen.find(result.mean_phase(), result.sampling, result.origin, scan_positions(result))


def scan_positions(result: Result) -> Floats:
    """Return the scan positions (P, 2) of a result as (y, x) in the scan frame, Å."""
    pixels = np.asarray(result.estimate.asnumpy().positions, dtype=np.float64)
    return result.geometry.to_angstroms(pixels.reshape(-1, 2))


def measure_phases(
    phases: ArrayLike,
    sampling: float,
    origin: ArrayLike,
    columns: ArrayLike,
    settings: MotionSettings | None = None,
) -> ColumnMotion:
    """Measure the motion of given columns.

    Parameters
    ----------
    phases
        Projected phase of the states, (state, y, x), rad.
    sampling, origin
        Pixel in Å, and position (y, x) of pixel (0, 0) in the scan frame, Å.
    columns
        (N, 2) positions (y, x) in the scan frame, Å.
    settings
        How; the `finder` is not used.

    Raises
    ------
    InputError
        As the chosen centroid's `positions`.
    """
    chosen = settings or MotionSettings()
    start = np.asarray(columns, dtype=np.float64).reshape(-1, 2)
    positions = chosen.centroid.positions(phases, sampling, origin, start)
    limit = np.full(len(start), np.inf)
    if not isinstance(chosen.centroid, Fixed):
        limit = np.minimum(chosen.centroid.reach, half_spacing(start)) * (1 - 1e-6)
    far = np.hypot(*np.moveaxis(positions - start, -1, 0)) >= limit
    return statistics(start, positions, far.any(axis=0), chosen)


def statistics(
    columns: Floats, positions: Floats, flagged: NDArray[np.bool_], settings: MotionSettings
) -> ColumnMotion:
    """Reduce positions (state, N, 2) to their statistics over the states.

    The bootstrap draws whole states, so columns that move together stay together. The interval is the pivotal
    one on the logarithmic scale, [sd²/q_high, sd²/q_low] with q the quantiles of the resampled sd: of ten
    normal states the plain percentile interval holds the true sd in 73 % of cases, this one in 89 %.
    """
    states, count = positions.shape[0], positions.shape[1]
    if states < 1:
        raise InputError("There is no object state to measure.")
    mean = positions.mean(axis=0)
    moved = positions - mean
    covariance = np.einsum("sni,snj->nij", moved, moved) / states
    sd = np.sqrt(np.einsum("nii->ni", covariance))
    resampled = resampled_sd(moved, settings)
    overall = _rms(sd)
    ends = _interval(overall, _rms(resampled), settings.confidence)
    return ColumnMotion(
        columns=columns,
        positions=positions,
        mean=mean,
        sd=sd,
        covariance=covariance,
        sd_interval=_interval(sd, resampled, settings.confidence).reshape(count, 2, 2),
        standard_error=sd / np.sqrt(states - 1) if states > 1 else np.full_like(sd, np.nan),
        sd_y=float(overall[0]),
        sd_x=float(overall[1]),
        sd_y_interval=(float(ends[0, 0]), float(ends[0, 1])),
        sd_x_interval=(float(ends[1, 0]), float(ends[1, 1])),
        confidence=settings.confidence,
        flagged=flagged,
    )


def finite(value: float) -> float | None:
    """Return the value, or None when it is not finite: JSON knows neither NaN nor infinity."""
    return float(value) if np.isfinite(value) else None


def _rms(sd: Floats) -> Floats:
    """Root mean square over the columns of sd (..., N, 2); NaN without columns."""
    if sd.shape[-2] == 0:
        return np.full((*sd.shape[:-2], 2), np.nan)
    return np.asarray(np.sqrt((sd**2).mean(axis=-2)))


def resampled_sd(moved: Floats, settings: MotionSettings) -> Floats:
    """Return the sd (draw, N, 2) of resampled states, from displacements (state, N, 2)."""
    states = len(moved)
    generator = np.random.default_rng(settings.seed)
    share = generator.multinomial(states, np.full(states, 1 / states), size=settings.draws) / states
    flat = moved.reshape(states, -1)
    # One fixed order of the states, so that the interval does not depend on how they are numbered.
    flat = flat[np.argsort(flat[:, 0])] if flat.shape[1] else flat
    variance = share @ flat**2 - (share @ flat) ** 2
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)).reshape(settings.draws, *moved.shape[1:]))


def _interval(sd: Floats, resampled: Floats, confidence: float) -> Floats:
    """Pivotal interval (..., low/high) on the logarithmic scale; NaN where nothing moves."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.stack([sd**2 / high, sd**2 / low], axis=-1))
