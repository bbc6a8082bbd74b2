"""Total variation along the beam: slices that change in few places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.penalties.measure import (
    ObjectTerm,
    along_beam,
    along_beam_back,
    lit_pixels,
    squared,
)
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _SliceVariation(ObjectTerm):
    softness: float

    def measure(self, field: Array) -> tuple[float, Array]:
        xp, slices = namespace(field), field.shape[1]
        rise = along_beam(field)
        steepness = xp.sqrt(squared(rise) + self.softness**2)
        # Each of the S − 1 steps stands for 1/S of the thickness.
        part = (slices - 1) / slices
        slope = along_beam_back(part * self.share(rise) / steepness * rise, slices)
        return part * self.mean(steepness - self.softness), slope


class SliceVariation(Settings):
    """Total variation along the beam, ``w·⟨∫√(|∂u/∂ζ|² + ε²) − ε dζ⟩``; ζ: 0 to 1 through the object.

    ``Σ_s |u_s+1 − u_s|`` where ε is small; u = S·φ in rad, of a complex object S·(O − 1). It leaves sharp
    interfaces in depth, which `slice_similarity` blurs. It does nothing to one slice. Displaced states: of
    the object that they share.
    """

    kind: Literal["slice_variation"] = "slice_variation"
    weight: float = Field(
        1e-3,
        gt=0,
        le=1e6,
        description="Factor of the mean change of phase through the object, rad; useful from 1e-4 to 1e-2.",
    )
    softness: float = Field(
        0.1,
        gt=0,
        le=100,
        description="Change ε over the thickness, rad, below which it is smoothed, not cut.",
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> _SliceVariation | None:
        """Return the penalty for a problem; None with one slice."""
        if estimate.slices < 2:
            return None
        return _SliceVariation(self.weight, lit_pixels(problem, estimate), self.softness)
