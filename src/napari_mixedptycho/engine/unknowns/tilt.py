"""Mis-tilt of the specimen."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.unknowns.base import Refined


class Tilt(Refined):
    """Angle between beam and columns: each slice lies a little further along the tilt than the one before.

    Without it the columns of a tilted crystal lean through the slices, and look smeared in projection.
    """

    kind: Literal["tilt"] = "tilt"
    per_position: bool = Field(
        False, description="A tilt for each scan point (bent specimens), not one for all."
    )
    smooth: float | None = Field(
        4.0, gt=0, le=1000, description="Scan steps within which tilts of single points change together."
    )

    def begin(self, problem: Problem, estimate: Estimate) -> Array:
        """Start untilted."""
        return np.zeros((problem.count if self.per_position else 1, 2))

    def adapted(self, value: Array, problem: Problem) -> Array:
        """Repeat one tilt for every position, or take the mean of theirs."""
        wanted = problem.count if self.per_position else 1
        if len(value) == wanted:
            return value
        return np.broadcast_to(value.mean(axis=0), (wanted, 2)).copy()

    def unit(self, problem: Problem, estimate: Estimate) -> float:
        """Return what shifts the last slice by a tenth of a pixel, mrad."""
        depth = problem.spacing * max(estimate.slices - 1, 1)
        return 1e3 * 0.1 * problem.sampling / depth

    @property
    def reach(self) -> float | None:
        """Scan steps within which tilts change together."""
        return self.smooth if self.per_position else None

    def describe(self, value: Array) -> str:
        """Give the mean, and the spread where each position has its own."""
        y, x = value.mean(axis=0)
        spread = f" ± ({value[:, 0].std():.1f}, {value[:, 1].std():.1f})" if len(value) > 1 else ""
        return f"specimen tilt ({y:+.1f}, {x:+.1f}){spread} mrad (y, x)"
