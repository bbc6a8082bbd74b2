"""An object that takes no electron away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _OfModulusOne:
    every_trial: ClassVar[bool] = True

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        if "object" not in blocks:
            return blocks
        stored = blocks["object"]
        xp = namespace(stored)
        modulus = xp.abs(stored)
        safe = xp.where(modulus > 0, modulus, 1)
        allowed = xp.where(modulus > 0, stored / safe, 1).astype(stored.dtype)
        return {**blocks, "object": allowed}


class PhaseOnly(Settings):
    """|O| = 1 for a complex object: the nearest one, O/|O|; zeros become 1.

    The set is a circle for each pixel, not convex, but smooth: descents go along it. It does nothing to an
    object that is stored as a phase.
    """

    kind: Literal["phase_only"] = "phase_only"

    def fitted(self, problem: Problem, estimate: Estimate) -> _OfModulusOne | None:
        """Return the projection; None for an object that is a phase."""
        return _OfModulusOne() if estimate.object.dtype.kind == "c" else None
