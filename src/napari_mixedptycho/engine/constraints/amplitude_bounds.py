"""An object that takes electrons away within bounds, and makes none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _Bounded:
    lowest: float
    highest: float
    every_trial: ClassVar[bool] = True

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        if "object" not in blocks:
            return blocks
        stored = blocks["object"]
        xp = namespace(stored)
        modulus = xp.abs(stored)
        safe = xp.where(modulus > 0, modulus, 1)
        factor = xp.clip(modulus, self.lowest, self.highest) / safe
        allowed = xp.where(modulus > 0, factor * stored, self.lowest).astype(stored.dtype)
        return {**blocks, "object": allowed}


class AmplitudeBounds(Settings):
    """``lowest ≤ |O| ≤ highest`` for a complex object: the nearest one, the phase stays.

    The upper bound is convex, the lower one is not. It does nothing to an object that is stored as a phase.
    """

    kind: Literal["amplitude_bounds"] = "amplitude_bounds"
    lowest: float = Field(0.0, ge=0, le=1, description="Smallest amplitude of a slice.")
    highest: float = Field(
        1.0, gt=0, le=10, description="Largest amplitude of a slice; 1: the object makes no electrons."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.lowest > self.highest:
            raise ValueError(f"lowest ({self.lowest}) lies above highest ({self.highest}); exchange them")
        return self

    def fitted(self, problem: Problem, estimate: Estimate) -> _Bounded | None:
        """Return the projection; None for an object that is a phase."""
        if estimate.object.dtype.kind != "c":
            return None
        return _Bounded(self.lowest, self.highest)
