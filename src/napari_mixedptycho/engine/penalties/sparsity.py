"""The L1 penalty: vacuum is empty, and phase gathers in few places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.penalties.measure import ObjectTerm, lit_pixels, squared
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _Sparsity(ObjectTerm):
    softness: float

    def measure(self, field: Array) -> tuple[float, Array]:
        size = namespace(field).sqrt(squared(field) + self.softness**2)
        return self.mean(size - self.softness), self.share(field) / size * field


class Sparsity(Settings):
    """Mean modulus of the phase, ``w·⟨√(|u|² + ε²) − ε⟩``, u = S·φ in rad.

    Smoothed by ε so that it has a gradient everywhere. Of a complex object, u = S·(O − 1). It sets the level
    of the phase, which data leave open, to that of the most frequent value: the vacuum. Displaced states: of
    the object that they share.
    """

    kind: Literal["l1"] = "l1"
    weight: float = Field(
        1e-3,
        gt=0,
        le=1e6,
        description="Factor of the mean modulus of the phase, rad; useful from 1e-4 to 1e-2.",
    )
    softness: float = Field(
        0.05, gt=0, le=100, description="Phase ε, rad, below which it is smoothed, not cut."
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> _Sparsity:
        """Return the penalty for a problem."""
        return _Sparsity(self.weight, lit_pixels(problem, estimate), self.softness)
