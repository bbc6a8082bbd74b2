"""Atoms advance the phase: nothing is negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _NotNegative:
    every_trial: ClassVar[bool] = True

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        if "object" not in blocks:
            return blocks
        stored = blocks["object"]
        xp = namespace(stored)
        if stored.dtype.kind != "c":
            return {**blocks, "object": xp.maximum(stored, 0)}
        allowed = stored.copy()
        allowed.imag = xp.maximum(stored.imag, 0)
        return {**blocks, "object": allowed}


class Positivity(Settings):
    """φ ≥ 0 in every slice: the nearest such object, a convex projection; negative values become 0.

    Of a complex object Im O ≥ 0, which is a phase from 0 to π. The same for a phase as the object type
    `potential`; displaced states: of the object that they share.
    """

    kind: Literal["positivity"] = "positivity"

    def fitted(self, problem: Problem, estimate: Estimate) -> _NotNegative:
        """Return the projection."""
        return _NotNegative()
