"""Line searches: how far to go along a direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_mixedptycho.engine.estimate import Blocks, Estimate, Unknown
from napari_mixedptycho.engine.forward import Indices, Objective
from napari_mixedptycho.engine.vectors import add, dot

SUFFICIENT, CURVATURE = 1e-4, 0.9
"""Constants of the Wolfe conditions; Nocedal & Wright, Numerical Optimization, eq. 3.6."""
_TRIALS = 12


@dataclass(frozen=True)
class Trial:
    """A point on the line.

    Attributes
    ----------
    length
        How far along the direction.
    estimate, move
        The allowed estimate there, and what leads to it.
    value, gradient
        Of the objective, there.
    before, after
        Slopes along the move, at its beginning and at its end.
    """

    length: float
    estimate: Estimate
    move: Blocks
    value: float
    gradient: Blocks
    before: float
    after: float

    def lowers(self, value: float) -> bool:
        """Whether the loss falls enough: the first Wolfe condition."""
        return self.value <= value + SUFFICIENT * self.before

    @property
    def flattens(self) -> bool:
        """Whether the slope has become less steep: the weak second Wolfe condition."""
        return self.after >= CURVATURE * self.before


@dataclass(frozen=True)
class Found:
    """What a search found: a trial, or None; the length to try first next time; how many trials it took."""

    trial: Trial | None
    length: float
    trials: int


@dataclass(frozen=True)
class Line:
    """A ray from an estimate, bent where it meets the limits.

    Attributes
    ----------
    objective, estimate, refined, batch
        What is lowered, from where, by which unknowns, for which patterns.
    value, gradient
        At the estimate.
    direction
        Where to go.
    """

    objective: Objective
    estimate: Estimate
    refined: tuple[Unknown, ...]
    batch: Indices | None
    value: float
    gradient: Blocks
    direction: Blocks

    def at(self, length: float) -> Trial:
        """Evaluate a point."""
        blocks = self.estimate.blocks(self.refined)
        target = self.objective.limits(add(blocks, self.direction, length))
        estimate, move = self.estimate.with_blocks(target), add(target, blocks, -1)
        value, gradient = self.objective.value_and_gradient(estimate, self.refined, self.batch)
        return Trial(length, estimate, move, value, gradient, dot(self.gradient, move), dot(gradient, move))


Search = Callable[[Line, float], Found]


def bracketing(line: Line, length: float, trials: int = _TRIALS) -> Found:
    """Search for the weak Wolfe conditions by bracketing; Lewis & Overton, Math. Program. 141, 135 (2013).

    Parameters
    ----------
    line
        Where to search.
    length
        First trial.
    trials
        Give up after so many.
    """
    low, high = 0.0, np.inf
    best: Trial | None = None
    for count in range(1, trials + 1):
        trial = line.at(length)
        if not trial.lowers(line.value):
            high = length
            length = low + (length - low) * _part_to_keep(line, trial, low)
        else:
            best = trial
            if trial.flattens:
                return Found(trial, length, count)
            low = length
            length = 2 * length if np.isinf(high) else (low + high) / 2
    return Found(best, length if best is None else best.length, trials)


def backtracking(line: Line, length: float, trials: int = _TRIALS) -> Found:
    """Shorten the step until the loss falls enough (Armijo's condition alone)."""
    for count in range(1, trials + 1):
        trial = line.at(length)
        if trial.lowers(line.value):
            return Found(trial, length, count)
        length *= _part_to_keep(line, trial, 0.0)
    return Found(None, length, trials)


def exacting(line: Line, length: float, curvature: float = 0.2, trials: int = _TRIALS) -> Found:
    """Search for the strong Wolfe conditions by secants and cubics within a bracket.

    The sufficient decrease may also be shown by the slope, as in the approximate Wolfe conditions of Hager &
    Zhang, SIAM J. Optim. 16, 170 (2005), eq. 4.1, where differences of the loss drown in rounding; here the
    loss may never rise.

    Parameters
    ----------
    line
        Where to search.
    length
        First trial.
    curvature
        Part of the first slope that may be left.
    trials
        Give up after so many and take the best that lowers the loss.
    """
    start = dot(line.gradient, line.direction)
    low, high = (0.0, line.value, start), None
    best: Trial | None = None
    for count in range(1, trials + 1):
        trial = line.at(length)
        slope = trial.after / length
        lower = trial.lowers(line.value) or _nearly(trial, line.value)
        if lower and (best is None or trial.value < best.value):
            best = trial
        if lower and abs(trial.after) <= curvature * abs(trial.before):
            return Found(trial, length, count)
        here = (length, trial.value, slope)
        if not lower or trial.value > low[1] or slope >= 0:
            high = here
        else:
            low = here
        length = _next(low, high)
    return Found(best, length if best is None else best.length, trials)


def _nearly(trial: Trial, value: float) -> bool:
    """Whether the slope shows the decrease that the loss is too coarse to show."""
    return trial.value <= value and trial.after <= (2 * SUFFICIENT - 1) * trial.before


def _next(low: tuple[float, float, float], high: tuple[float, float, float] | None) -> float:
    """Return the next length: twice as far without a bracket, else the minimum of a cubic within it."""
    if high is None:
        return 3 * low[0]
    (a, value_a, slope_a), (b, value_b, slope_b) = low, high
    width = b - a
    if not np.isfinite(value_b):
        return a + 0.1 * width
    # Nocedal & Wright, eq. 3.59.
    first = slope_a + slope_b - 3 * (value_a - value_b) / (a - b)
    root = first * first - slope_a * slope_b
    if root < 0 or not np.isfinite(root):
        return a + 0.5 * width
    second = np.sign(width) * np.sqrt(root)
    below = slope_b - slope_a + 2 * second
    if below == 0:
        return a + 0.5 * width
    part = 1 - (slope_b + second - first) / below
    return a + width * float(np.clip(part, 0.1, 0.9))


def _part_to_keep(line: Line, trial: Trial, low: float) -> float:
    """Part of the way to keep: the minimum of a parabola, or one half within a bracket."""
    if low > 0 or not np.isfinite(trial.value):
        return 0.5 if low > 0 else 0.1
    curvature = 2 * (trial.value - line.value - trial.before)
    return float(np.clip(-trial.before / curvature, 0.1, 0.5)) if curvature > 0 else 0.5
