"""What every trial of a solver is brought back to: the allowed estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Blocks
from napari_mixedptycho.engine.objects import ObjectType, project

Projection = Callable[[dict[str, Array]], dict[str, Array]]
"""From the refined unknowns after a step to the nearest allowed ones; nothing is written in place."""


@dataclass(frozen=True)
class Limits:
    """What the refined unknowns must obey.

    Attributes
    ----------
    kind
        Object type.
    projections
        Further constraints, in the order in which they are applied.
    """

    kind: ObjectType = "phase"
    projections: tuple[Projection, ...] = ()

    def __call__(self, blocks: Blocks) -> dict[str, Array]:
        """Return the nearest allowed unknowns."""
        allowed = dict(blocks)
        if "object" in allowed:
            allowed["object"] = project(allowed["object"], self.kind)
        for projection in self.projections:
            allowed = projection(allowed)
        return allowed
