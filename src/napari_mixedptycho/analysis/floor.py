"""Whether a motion was seen: that of a result against the floor, what its stationary control shows.

The control is run by `napari_mixedptycho.control`; here are its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.analysis.motion import ColumnMotion, finite
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings
from napari_mixedptycho.words import interval

_STILL = 1e-9  # Å: nothing but rounding
_CLEAR = 2.0
"""Times the floor: where all of the interval lies above, a drift is no reason to doubt."""


class FloorSettings(Settings):
    """When a motion counts as seen."""

    least: float = Field(
        0.005,
        ge=0,
        lt=1,
        description="The least motion above the floor that counts, Å. The control knows nothing of what is "
        "wrong with the model, which looks like motion of a few thousandths of an Å.",
    )
    confidence: float = Field(0.95, gt=0, lt=1, description="Nominal confidence of the interval.")
    draws: int = Field(2000, ge=100, le=100_000, description="Bootstrap resamplings of columns and states.")
    seed: int = Field(0, ge=0, description="Seed of the bootstrap.")


@dataclass(frozen=True)
class Verdict:
    """A motion beside its floor; all lengths per axis, Å.

    Attributes
    ----------
    motion, floor
        Root mean square over columns and axes of the sd over states, of the result and of its control.
    ratio, ratio_error, ratio_interval
        Of the two, with the standard error and the interval by bootstrap over columns and states; infinite
        where the control is perfectly still.
    resolved
        Whether all of the interval lies above 1, and the motion above the floor is more than the least that
        counts.
    above, above_interval
        Root of motion² − floor², 0 where the floor is higher, and its interval.
    columns
        (N, 2) where, (y, x) in the scan frame.
    column_motion, column_floor, column_above
        (N,) the same of each column.
    column_above_interval
        (N, low/high) interval of the last.
    settings
        When a motion counts as seen.
    """

    motion: float
    floor: float
    ratio: float
    ratio_error: float
    ratio_interval: tuple[float, float]
    resolved: bool
    above: float
    above_interval: tuple[float, float]
    columns: Floats
    column_motion: Floats
    column_floor: Floats
    column_above: Floats
    column_above_interval: Floats
    settings: FloorSettings

    def sentence(self) -> str:
        """Say it in words."""
        numbers = f"{self.motion:.4f} Å against {self.floor:.4f} Å in the stationary control"
        if not np.isfinite(self.ratio):
            return f"Motion is {'' if self.resolved else 'not '}resolved: {numbers}."
        times = f"{self.ratio:.1f} ± {self.ratio_error:.1f} times the floor"
        if self.resolved:
            return f"Motion is {times}: {numbers}; {self.above:.4f} Å above it."
        low, high = self.ratio_interval
        text = f"Motion is not resolved: {numbers}, {times} ({interval(low, high, 2)})"
        if low <= 1:
            return f"{text}."
        least = self.settings.least
        return f"{text}; {self.above:.4f} Å above it may be the model's error (less than {least:g} Å)."

    def numbers(self) -> dict[str, float | bool | int | list[float | None] | None]:
        """Return plain values for JSON; None for what is not finite."""
        return {
            "motion": finite(self.motion),
            "floor": finite(self.floor),
            "ratio": finite(self.ratio),
            "ratio_error": finite(self.ratio_error),
            "ratio_interval": [finite(end) for end in self.ratio_interval],
            "resolved": self.resolved,
            "above_floor": finite(self.above),
            "above_floor_interval": [finite(end) for end in self.above_interval],
            "least": self.settings.least,
            "n_columns": len(self.columns),
            "column_motion": [finite(value) for value in self.column_motion],
            "column_floor": [finite(value) for value in self.column_floor],
            "column_above_floor": [finite(value) for value in self.column_above],
            "column_above_floor_low": [finite(end) for end in self.column_above_interval[:, 0]],
            "column_above_floor_high": [finite(end) for end in self.column_above_interval[:, 1]],
        }


def judge(motion: ColumnMotion, control: ColumnMotion, settings: FloorSettings | None = None) -> Verdict:
    """Compare a motion with that of the same columns in its stationary control.

    Columns are drawn together for both, states of each on their own, as whole configurations; the interval
    is the pivotal one on the logarithmic scale, as for the sd itself.

    Parameters
    ----------
    motion, control
        Of the same columns, in the same order.
    settings
        When a motion counts as seen.

    Raises
    ------
    InputError
        When the columns are not the same, or there are none.
    """
    chosen = settings or FloorSettings()
    if not motion.n_columns or motion.columns.shape != control.columns.shape:
        raise InputError(
            f"The result has {motion.n_columns} columns and its control {control.n_columns}; the same "
            "columns must be measured in both."
        )
    sizes = [_rms(one.covariance[None])[0] for one in (motion, control)]
    random = np.random.default_rng(chosen.seed)
    count = motion.n_columns
    weights = random.multinomial(count, np.full(count, 1 / count), size=chosen.draws) / count
    variance = [_resampled(one, random, chosen.draws) for one in (motion, control)]
    drawn = [np.sqrt((part * weights).sum(axis=1)) for part in variance]
    sizes = [size if size > _STILL else np.float64(0.0) for size in sizes]
    ratio, spread = _divided(*sizes), _divided(*drawn)
    certain = spread[np.isfinite(spread)]
    interval = _interval(float(ratio), spread, chosen.confidence)
    variances = [np.einsum("nii->n", one.covariance) / 2 for one in (motion, control)]
    above = float(np.sqrt(max(sizes[0] ** 2 - sizes[1] ** 2, 0.0)))
    squares = [np.array([size**2]) for size in sizes], [part[:, None] ** 2 for part in drawn]
    whole = _above(*squares, chosen.confidence)[0]
    return Verdict(
        motion=float(sizes[0]),
        floor=float(sizes[1]),
        ratio=float(ratio),
        ratio_error=float(certain.std()) if len(certain) else float("nan"),
        ratio_interval=interval,
        resolved=bool(interval[0] > 1 and above > chosen.least),
        above=above,
        above_interval=(float(whole[0]), float(whole[1])),
        columns=motion.columns,
        column_motion=np.sqrt(variances[0]),
        column_floor=np.sqrt(variances[1]),
        column_above=np.sqrt(np.maximum(variances[0] - variances[1], 0.0)),
        column_above_interval=_above(variances, variance, chosen.confidence),
        settings=chosen,
    )


def drift_text(verdict: Verdict, motion: float | None, floor: float | None) -> str:
    """Say that motion or floor still change where that may change the verdict, else nothing.

    Parameters
    ----------
    verdict
        Of the two.
    motion, floor
        Change of the motion of result and control in the last quarter of their iterations, Å
        (`result.History.motion_drift`); None: not known.
    """
    told = [f"{name} {drift:+.4f} Å" for name, drift in (("result", motion), ("control", floor)) if drift]
    if not told or verdict.ratio_interval[0] >= _CLEAR:
        return ""
    return (
        f"Motion, change in the last quarter of the iterations: {', '.join(told)}. Where that is as much as "
        "lies between the two, more iterations may change the verdict."
    )


def _interval(ratio: float, spread: Floats, confidence: float) -> tuple[float, float]:
    """Return the pivotal interval on the logarithmic scale; the ratio itself where it is not finite.

    Few states, drawn again, may all be the same: a spread may be infinite, or (both still) not known.
    """
    if not np.isfinite(ratio):
        return ratio, ratio
    known = np.where(np.isnan(spread), ratio, spread)
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail], method="inverted_cdf")
    return float(_divided(ratio**2, high)), float(_divided(ratio**2, low))


def _above(found: Sequence[Floats], drawn: Sequence[Floats], confidence: float) -> Floats:
    """Return the interval (part, low/high) of √(motion² − floor²), 0 where the floor may be higher.

    What a resampling is to the estimate, the estimate may be to the truth: so each variance v is known as far
    as v²/v* tells, v* being drawn again; their difference gives the interval.

    Parameters
    ----------
    found, drawn
        Variances (part,) and (draw, part) of motion and floor, Å².
    confidence
        Nominal.
    """
    likely = []
    for one, again in zip(found, drawn, strict=True):
        likely.append(np.where(one > _STILL**2, one**2 / np.maximum(again, _STILL**2), 0.0))
    tail = (1 - confidence) / 2
    ends = np.quantile(likely[0] - likely[1], [tail, 1 - tail], axis=0)
    # Few states, drawn again, are all the same so often that nothing bounds the motion from above.
    unbounded = (found[0] > _STILL**2) & ((drawn[0] <= _STILL**2).mean(axis=0) > tail)
    ends[1] = np.where(unbounded, np.inf, ends[1])
    return np.asarray(np.sqrt(np.maximum(ends, 0.0)).T)


def _rms(covariance: Floats) -> Floats:
    """Root mean square per axis (draw,) of covariances (draw, N, 2, 2)."""
    return np.asarray(np.sqrt(np.einsum("dnii->dn", covariance).mean(axis=1) / 2))


def _resampled(motion: ColumnMotion, random: np.random.Generator, draws: int) -> Floats:
    """Return the variance per axis (draw, N) over states drawn again."""
    states = motion.n_states
    share = random.multinomial(states, np.full(states, 1 / states), size=draws) / states
    flat = (motion.positions - motion.mean).reshape(states, -1)
    # One fixed order of the states, so that the interval does not depend on how they are numbered.
    flat = flat[np.argsort(flat[:, 0])]
    variance = np.maximum(share @ flat**2 - (share @ flat) ** 2, 0.0)
    return np.asarray(variance.reshape(draws, motion.n_columns, 2).mean(axis=-1))


def _divided(one: Floats | float, other: Floats | float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(one, other))
