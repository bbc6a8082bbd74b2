"""Total variation across the beam: few edges instead of many small ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from napari_mixedptycho._array import Array, namespace
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
class _Variation(ObjectTerm):
    sampling: float
    softness: float

    def measure(self, field: Array) -> tuple[float, Array]:
        xp = namespace(field)
        y, x = slopes(field, self.sampling)
        steepness = xp.sqrt(squared(y) + squared(x) + self.softness**2)
        part = self.share(field) / steepness
        return self.mean(steepness - self.softness), slopes_back(part * y, part * x, self.sampling)


class TotalVariation(Settings):
    """Mean steepness across the beam, ``w·⟨√(|∇u|² + ε²) − ε⟩``, u = S·φ in rad and ∇ per Å.

    Rudin, Osher & Fatemi, Physica D 60, 259 (1992), smoothed by ε so that it has a gradient everywhere. Of a
    complex object, u = S·(O − 1). Displaced states: of the object that they share.
    """

    kind: Literal["total_variation"] = "total_variation"
    weight: float = Field(
        1e-3,
        gt=0,
        le=1e6,
        description="Factor of the mean steepness, rad/Å; useful: 1e-4 to 3e-3, above it plateaus.",
    )
    softness: float = Field(
        0.1, gt=0, le=100, description="Steepness ε, rad/Å, below which slopes are smoothed, not cut."
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> _Variation:
        """Return the penalty for a problem."""
        lit = inside(lit_pixels(problem, estimate))
        return _Variation(self.weight, lit, problem.sampling, self.softness)
