"""Slices that resemble their neighbours: where the data do not tell depth, nothing is invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from napari_mixedptycho._array import Array
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
class _Similarity(ObjectTerm):
    def measure(self, field: Array) -> tuple[float, Array]:
        slices = field.shape[1]
        rise = along_beam(field)
        # Each of the S − 1 steps stands for 1/S of the thickness.
        part = (slices - 1) / slices
        slope = along_beam_back(2 * part * self.share(rise) * rise, slices)
        return part * self.mean(squared(rise)), slope


class SliceSimilarity(Settings):
    """Mean square change along the beam, ``w·⟨∫|∂u/∂ζ|² dζ⟩``; ζ runs from 0 to 1 through the object.

    ``S·Σ_s |u_s+1 − u_s|²``, u = S·φ in rad, of a complex object S·(O − 1): a Tikhonov penalty in depth. The
    gentler relative of the kz filter, at which L-BFGS stays exact. It does nothing to one slice. Displaced
    states: of the object that they share.
    """

    kind: Literal["slice_similarity"] = "slice_similarity"
    weight: float = Field(
        1e-2,
        gt=0,
        le=1e6,
        description="Factor of the mean square change through the object, rad²; useful: 1e-4 to 1e-2.",
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> _Similarity | None:
        """Return the penalty for a problem; None with one slice."""
        if estimate.slices < 2:
            return None
        return _Similarity(self.weight, lit_pixels(problem, estimate))
