"""Several reconstructions of the same data from different seeds: pooled, and how well they reproduce.

Ptychography leaves a shift and a phase ramp open, so each run is brought onto the first before its columns
are measured; columns are matched by position, since their numbers mean nothing; states are pooled as what
they are, exchangeable. Runs on the same data share its noise: what they reproduce is not for that
reason true, but what they do not reproduce is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.analysis.motion import (
    ColumnMotion,
    MotionSettings,
    find_columns,
    finite,
    measure_phases,
    statistics,
)
from napari_mixedptycho.analysis.pair import pair
from napari_mixedptycho.analysis.truth import match_columns
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import Result
from napari_mixedptycho.settings import Settings

_STILL = 1e-9  # Å: nothing but rounding


class EnsembleSettings(Settings):
    """How the runs are measured, and what counts as stable."""

    motion: MotionSettings = Field(MotionSettings(), description="How columns are found and measured.")
    stable: float = Field(
        0.1, gt=0, lt=1, description="Relative spread of a standard deviation that counts as stable."
    )
    draws: int = Field(400, ge=20, le=100_000, description="Ensembles drawn for each number of states.")
    seed: int = Field(0, ge=0, description="Of these draws.")


@dataclass(frozen=True)
class Sizes:
    """How far the sd is still open with so many states.

    Attributes
    ----------
    states
        (size,) states drawn from all runs together.
    column
        (size,) spread of the sd of a column ÷ its mean, rms over columns and axes.
    overall
        (size,) the same of the rms sd over all columns.
    theory
        (size,) of independent Gaussian states, 1/√(2(n − 1)); to compare with `column`.
    """

    states: NDArray[np.int64]
    column: Floats
    overall: Floats
    theory: Floats


@dataclass(frozen=True)
class Ensemble:
    """K runs of the same place, of the N columns that all of them show.

    Attributes
    ----------
    names
        Of the runs.
    shifts, ramps
        (K, 2) by which each lies farther along y and x than the first, Å; slope of its phase against that of
        the first, rad/Å.
    missing
        (K,) columns of the first run that the others do not show.
    runs
        The columns of each, in the frame of the first.
    pooled
        All states of all runs together. Its sd holds the differences between the means of the runs too.
    sizes
        How the spread of the sd falls with the number of states.
    settings
        How.
    """

    names: tuple[str, ...]
    shifts: Floats
    ramps: Floats
    missing: NDArray[np.int64]
    runs: tuple[ColumnMotion, ...]
    pooled: ColumnMotion
    sizes: Sizes
    settings: EnsembleSettings

    @property
    def motions(self) -> Floats:
        """(K,) rms over columns and axes of the sd of each run, Å."""
        return np.array([np.sqrt((run.sd**2).mean()) for run in self.runs])

    @property
    def within(self) -> Floats:
        """(N, 2) sd about the mean of each run, rms over runs, Å: the motion."""
        return np.asarray(np.sqrt(np.mean([run.sd**2 for run in self.runs], axis=0)))

    @property
    def between(self) -> Floats:
        """(N, 2) sd between the means of the runs (``ddof=1``), Å: how well mean positions reproduce."""
        return np.asarray(np.std([run.mean for run in self.runs], axis=0, ddof=1))

    @property
    def spread(self) -> Floats:
        """(N, 2) sd between runs of the sd of a column (``ddof=1``) ÷ its mean over runs; 0 at rest."""
        sds = np.array([run.sd for run in self.runs])
        return _relative(sds, ddof=1)

    @property
    def correlation(self) -> Floats:
        """(K, K) Pearson's r of the sd over columns and axes, run against run; NaN where it does not vary."""
        rows = np.array([run.sd.ravel() for run in self.runs])
        rows = rows - rows.mean(axis=1, keepdims=True)
        size = np.sqrt((rows**2).sum(axis=1))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(rows @ rows.T / np.outer(size, size))

    @property
    def reproducibility(self) -> float:
        """Mean of `correlation` over pairs of runs."""
        return float(self.correlation[np.triu_indices(len(self.runs), 1)].mean())

    @property
    def column_spread(self) -> float:
        """Rms of `spread` over columns and axes: of one run."""
        return float(np.sqrt((self.spread**2).mean()))

    @property
    def overall_spread(self) -> float:
        """Sd between runs (``ddof=1``) of `motions` ÷ their mean."""
        return float(_relative(self.motions, ddof=1))

    @property
    def enough_states(self) -> int | None:
        """Independent states after which the sd of a column is stable; None: more than there are."""
        found = self.sizes.states[self.sizes.column <= self.settings.stable]
        return int(found[0]) if len(found) else None

    @property
    def enough_runs(self) -> int:
        """Runs like these whose mean makes the sd of a column stable: spreads fall as one over their root."""
        return max(1, int(np.ceil((self.column_spread / self.settings.stable) ** 2)))

    def numbers(self) -> dict[str, object]:
        """Return plain values for JSON; lengths in Å, None for what is not known."""
        within, between = (float(np.sqrt((part**2).mean())) for part in (self.within, self.between))
        independent = np.mean([(run.sd**2).mean() / run.n_states for run in self.runs])
        return {
            "runs": len(self.runs),
            "states": [run.n_states for run in self.runs],
            "n_columns": self.pooled.n_columns,
            "missing": self.missing.tolist(),
            "shifts": self.shifts.tolist(),
            "motion": within,
            "motions": self.motions.tolist(),
            "motion_spread": self.overall_spread,
            "pooled": finite(float(np.sqrt((self.pooled.sd**2).mean()))),
            "column_spread": self.column_spread,
            "sd_correlation": finite(self.reproducibility),
            "between": between,
            "between_if_independent": float(np.sqrt(independent)),
            "stable": self.settings.stable,
            "enough_states": self.enough_states,
            "enough_runs": self.enough_runs,
            "sizes": {
                name: getattr(self.sizes, name).tolist() for name in ("states", "column", "overall", "theory")
            },
        }


def ensemble(results: Sequence[Result], settings: EnsembleSettings | None = None) -> Ensemble:
    """Align, measure and pool several results of the same place.

    Parameters
    ----------
    results
        At least two, with several states each; usually of one recipe and different seeds.
    settings
        How.

    Raises
    ------
    InputError
        With fewer than two results, one state, another place, or few columns that all of them show.
    """
    chosen = settings or EnsembleSettings()
    _check(results)
    first, *others = results
    columns = find_columns(first, chosen.motion.finder)
    shifts, ramps, shown = [np.zeros(2)], [np.zeros(2)], [np.ones(len(columns), dtype=bool)]
    for other in others:
        found = pair(first, other)
        mine, _, _ = match_columns(columns, find_columns(other, chosen.motion.finder) - found.shift)
        seen = np.zeros(len(columns), dtype=bool)
        seen[mine] = True
        shifts, ramps, shown = [*shifts, found.shift], [*ramps, found.ramp], [*shown, seen]
    common = np.logical_and.reduce(shown)
    if 2 * common.sum() < max(len(columns), 1):
        raise InputError(
            f"Of {len(columns)} columns of {first.name} only {common.sum()} are found in all {len(results)} "
            "results; are they of the same place, and complete?"
        )
    measured = [
        _measured(*entry, columns[common], chosen.motion)
        for entry in zip(results, shifts, ramps, strict=True)
    ]
    runs = _together(measured, columns[common], chosen.motion)
    centres = np.array([positions.mean(axis=(0, 1)) for positions, _ in measured])
    every = np.concatenate([run.positions for run in runs])
    flagged = np.logical_or.reduce([run.flagged for run in runs])
    moved = np.concatenate([run.positions - run.mean for run in runs])
    return Ensemble(
        names=tuple(f"{result.name}, seed {result.recipe.run.seed}" for result in results),
        shifts=np.array(shifts) + centres - centres[0],
        ramps=np.array(ramps),
        missing=np.array([int((~seen).sum()) for seen in shown]),
        runs=runs,
        pooled=statistics(columns[common], every, flagged, chosen.motion),
        sizes=spread_with_states(moved, chosen.draws, chosen.seed),
        settings=chosen,
    )


def spread_with_states(moved: Floats, draws: int = 400, seed: int = 0) -> Sizes:
    """Tell how far the sd is open with n states, by drawing them from the displacements of many.

    States are drawn whole and with replacement, as if the many were the distribution itself; so the curve
    compares with the theory of independent ones, and ends where they do.

    Parameters
    ----------
    moved
        (state, N, 2) displacements about the mean of each run, Å.
    draws
        For each n.
    seed
        Of the draws.
    """
    random, many = np.random.default_rng(seed), len(moved)
    counts = np.unique(np.rint(np.geomspace(2, many, 12)).astype(np.int64))
    flat = moved.reshape(many, -1)
    column, overall = np.zeros((2, len(counts)))
    for index, count in enumerate(counts):
        share = random.multinomial(count, np.full(many, 1 / many), size=draws) / count
        variance = np.maximum(share @ flat**2 - (share @ flat) ** 2, 0.0)
        column[index] = np.sqrt((_relative(np.sqrt(variance)) ** 2).mean())
        overall[index] = _relative(np.sqrt(variance.mean(axis=1, keepdims=True)))[0]
    return Sizes(counts, column, overall, 1 / np.sqrt(2 * (counts - 1)))


def _relative(values: Floats, ddof: int = 0) -> Floats:
    """Return the sd along the first axis ÷ the mean; 0 where nothing moves."""
    mean = values.mean(axis=0)
    moves = mean > _STILL
    return np.asarray(np.where(moves, values.std(axis=0, ddof=ddof) / np.where(moves, mean, 1.0), 0.0))


def _check(results: Sequence[Result]) -> None:
    if len(results) < 2:
        raise InputError(f"An ensemble needs at least two results; there is {len(results)}.")
    for result in results:
        if result.estimate.states < 2:
            raise InputError(f"{result.name}: a result of one state shows no motion; leave it out.")


def _measured(
    result: Result, shift: Floats, ramp: Floats, columns: Floats, settings: MotionSettings
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return positions (state, N, 2), moved back by the shift, and flags, of phases without ramp."""
    phases = result.projected_phase().astype(np.float64)
    rows, cols = np.ogrid[: phases.shape[1], : phases.shape[2]]
    phases -= result.sampling * (ramp[0] * rows + ramp[1] * cols)
    found = measure_phases(phases, result.sampling, result.origin, columns + shift, settings)
    return found.positions - shift, found.flagged


def _together(
    measured: Sequence[tuple[Floats, NDArray[np.bool_]]], columns: Floats, settings: MotionSettings
) -> tuple[ColumnMotion, ...]:
    """Return the motion of each run, moved so that the mean of all columns is that of the first run."""
    centre = measured[0][0].mean(axis=(0, 1))
    return tuple(
        statistics(columns, positions - positions.mean(axis=(0, 1)) + centre, flagged, settings)
        for positions, flagged in measured
    )
