"""Tikhonov's penalty: nothing large, or nothing steep, without a reason in the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.penalties.measure import (
    ObjectTerm,
    inside,
    lit_pixels,
    slopes,
    slopes_back,
    squared,
)
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _Size(ObjectTerm):
    def measure(self, field: Array) -> tuple[float, Array]:
        return self.mean(squared(field)), 2 * self.share(field) * field


@dataclass(frozen=True)
class _Steepness(ObjectTerm):
    sampling: float

    def measure(self, field: Array) -> tuple[float, Array]:
        y, x = slopes(field, self.sampling)
        part = 2 * self.share(field)
        return self.mean(squared(y) + squared(x)), slopes_back(part * y, part * x, self.sampling)


class Tikhonov(Settings):
    """Mean square of the phase, ``w·⟨|u|²⟩``, or of its gradient, ``w·⟨|∇u|²⟩``; u = S·φ in rad, ∇ per Å.

    Tikhonov & Arsenin, Solutions of Ill-Posed Problems (1977). Of a complex object, u = S·(O − 1). Displaced
    states: of the object that they share.
    """

    kind: Literal["tikhonov"] = "tikhonov"
    weight: float = Field(
        1e-4,
        gt=0,
        le=1e6,
        description="Factor of the mean square, (rad/Å)²: useful 1e-5 to 1e-3; phase, rad²: to 1e-2.",
    )
    of: Literal["phase", "gradient"] = Field(
        "gradient", description="What to keep small; gradient leaves the level of the phase alone."
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> ObjectTerm:
        """Return the penalty for a problem."""
        lit = lit_pixels(problem, estimate)
        if self.of == "phase":
            return _Size(self.weight, lit)
        return _Steepness(self.weight, inside(lit), problem.sampling)
