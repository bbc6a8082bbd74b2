"""Distance between slices."""

from __future__ import annotations

from typing import Literal

import numpy as np

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.unknowns.base import Refined


class Spacing(Refined):
    """Distance from slice to slice, the same for all gaps: how thick the specimen is."""

    kind: Literal["spacing"] = "spacing"

    def begin(self, problem: Problem, estimate: Estimate) -> Array:
        """Start from the model's thickness."""
        return np.array([problem.spacing])

    def unit(self, problem: Problem, estimate: Estimate) -> float:
        """Return a twentieth of the spacing, Å."""
        return 0.05 * problem.spacing

    def allowed(self, value: Array) -> Array:
        """Slices follow one another."""
        return np.maximum(value, 0.0)

    def describe(self, value: Array) -> str:
        """Give the distance."""
        return f"slice spacing {float(value[0]):.3f} Å"
