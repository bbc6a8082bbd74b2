"""A level for the phase, which patterns leave open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.kept import MEASURED
from napari_mixedptycho.engine.penalties.measure import lit_pixels
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _MeanPhase:
    lit: Array = field(metadata=MEASURED)
    every_trial: ClassVar[bool] = True

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        if "object" not in blocks:
            return blocks
        stored = blocks["object"]
        mean = (stored * self.lit).sum(axis=(-2, -1), keepdims=True)
        if stored.dtype.kind != "c":
            return {**blocks, "object": stored - mean}
        xp = namespace(stored)
        turn = xp.exp(-1j * xp.angle(mean)).astype(stored.dtype)
        return {**blocks, "object": turn * stored}


class MeanPhase(Settings):
    """Mean phase 0 of every slice of every state, over the lit pixels; of a complex object the angle of ⟨O⟩.

    A constant phase of a slice leaves all patterns exactly as they are, so this costs nothing and changes
    nothing but what is shown. Not together with `positivity` or the object type `potential`: these set the
    level themselves.
    """

    kind: Literal["mean_phase"] = "mean_phase"

    def fitted(self, problem: Problem, estimate: Estimate) -> _MeanPhase:
        """Return the projection."""
        return _MeanPhase(lit_pixels(problem, estimate))
