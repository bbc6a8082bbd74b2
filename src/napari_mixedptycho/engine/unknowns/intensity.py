"""Beam current."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.unknowns.base import Refined


class Intensity(Refined):
    """Beam current at each scan point ÷ its mean: emission that flickers or decays."""

    kind: Literal["intensity"] = "intensity"
    smooth: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Scan steps within which the current changes together; not set: none.",
    )

    def begin(self, problem: Problem, estimate: Estimate) -> Array:
        """Start from a steady beam."""
        return np.ones(problem.count)

    def unit(self, problem: Problem, estimate: Estimate) -> float:
        """Return a hundredth."""
        return 0.01

    @property
    def reach(self) -> float | None:
        """Scan steps within which the current changes together."""
        return self.smooth

    @property
    def mean_fixed(self) -> bool:
        """The mean belongs to the probe."""
        return True

    def allowed(self, value: Array) -> Array:
        """There is always some beam."""
        return np.maximum(value, 0.01)

    def describe(self, value: Array) -> str:
        """Give the spread."""
        return f"beam current ± {100 * float(value.std()):.2f} %"
