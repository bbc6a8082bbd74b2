"""The motion bracketed: what a side from below and a side from above have found, and whether they meet.

The bracket is run by `napari_mixedptycho.bracket`; here are its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.analysis.motion import ColumnMotion, measure
from napari_mixedptycho.result import Result
from napari_mixedptycho.settings import Settings

Side = Literal["below", "above"]
SIDES: tuple[Side, Side] = ("below", "above")


class BracketSettings(Settings):
    """Where the two sides start, and what counts as having met."""

    low: float = Field(
        0.02,
        gt=0,
        le=1,
        description="Rms displacement of the start from below, Å; less than expected.",
    )
    high: float = Field(
        0.1, gt=0, le=1, description="Rms displacement of the start from above, Å; more than expected."
    )
    every: int = Field(5, ge=1, le=1_000_000, description="Iterations from one measurement to the next.")
    tolerance: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="The sides have met when they differ by less, as a part of the motion.",
    )
    floor: float = Field(0.005, ge=0, lt=1, description="Smaller differences, Å, do not count either.")

    @model_validator(mode="after")
    def _has_two_sides(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low = {self.low} is not below high = {self.high}; change one of them")
        return self

    def start(self, side: Side) -> float:
        """Return the rms displacement at which a side starts, Å."""
        return self.low if side == "below" else self.high

    def equal(self, one: float, other: float) -> bool:
        """Tell whether two motions, Å, are the same as far as one can say."""
        return abs(one - other) <= max(self.floor, self.tolerance * (one + other) / 2)


@dataclass(frozen=True)
class Point:
    """The motion after so many iterations with several states.

    Attributes
    ----------
    iteration
        Counted from the first stage with several states.
    motion
        Rms over columns and both axes of the sd over states, Å.
    low, high
        Bootstrap interval of the same, Å: what so few states leave open; infinite where they bound nothing.
    loss
        Dimensionless.
    evaluations
        Cost so far of this side, in evaluations of all patterns.
    """

    iteration: int
    motion: float
    low: float
    high: float
    loss: float
    evaluations: float


@dataclass(frozen=True)
class Bracket:
    """What the two sides have found so far.

    Attributes
    ----------
    settings
        Where they started, and what counts as having met.
    columns
        (N, 2) where columns are measured, the same on both sides, (y, x) in the scan frame, Å.
    points
        Of each side, one after every few iterations.
    motions
        Of each side, the last measurement in full.
    """

    settings: BracketSettings
    columns: Floats
    points: Mapping[Side, tuple[Point, ...]] = field(default_factory=dict)
    motions: Mapping[Side, ColumnMotion] = field(default_factory=dict)

    def add(self, side: Side, point: Point, motion: ColumnMotion | None = None) -> Bracket:
        """Return a bracket with one more measurement, in place of one after as many iterations."""
        others = [entry for entry in self.points.get(side, ()) if entry.iteration < point.iteration]
        motions = self.motions if motion is None else {**self.motions, side: motion}
        return replace(self, points={**self.points, side: (*others, point)}, motions=motions)

    @property
    def complete(self) -> bool:
        """Whether both sides have been measured in full."""
        return all(side in self.motions for side in SIDES)

    @property
    def interval(self) -> tuple[float, float]:
        """The motion where the two sides stand, Å, the smaller one first; NaN before both are measured."""
        if not self.complete:
            return float("nan"), float("nan")
        low, high = sorted(self.points[side][-1].motion for side in SIDES)
        return low, high

    @property
    def met(self) -> bool:
        """Whether both sides stand at the same motion."""
        return self.complete and self.settings.equal(*self.interval)

    @property
    def enough(self) -> int | None:
        """Iterations after which the sides had met and stayed near their ends; None: they have not met."""
        if not self.met:
            return None
        ends = [self.points[side][-1].motion for side in SIDES]
        found = None
        for pair in reversed(list(zip(*(self.points[side] for side in SIDES), strict=False))):
            here = [point.motion for point in pair]
            same = [self.settings.equal(*here), *map(self.settings.equal, here, ends)]
            if pair[0].iteration != pair[1].iteration or not all(same):
                break
            found = pair[0].iteration
        return found

    @property
    def column_difference(self) -> float:
        """Rms over columns and axes of the difference of the sides' sd, Å; NaN before both are measured."""
        if not self.complete:
            return float("nan")
        difference = self.motions["above"].sd - self.motions["below"].sd
        return float(np.sqrt((difference**2).mean()))

    def drift(self, side: Side) -> float:
        """Return how much the motion of a side still changed in the last quarter of its iterations, Å."""
        points = self.points[side]
        since = 0.75 * points[-1].iteration
        earlier = [point for point in points if point.iteration <= since] or list(points[:1])
        return points[-1].motion - earlier[-1].motion


def measured(result: Result, begun: int, columns: Floats) -> tuple[Point, ColumnMotion]:
    """Measure the motion of columns (N, 2), Å, in a result whose states parted after `begun` iterations."""
    motion = measure(result, columns=columns)
    ends = np.array([motion.sd_y_interval, motion.sd_x_interval])
    low, high = (float(end) for end in np.sqrt((ends**2).mean(axis=0)))
    history = result.history
    spent = float(sum(history.evaluations[begun:]))
    size = float(np.sqrt((motion.sd_y**2 + motion.sd_x**2) / 2))
    return Point(len(history) - begun, size, low, high, history.loss[-1], spent), motion
