"""One stage of a reconstruction: which unknowns, compared how, lowered by what, how often."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from napari_mixedptycho.engine.batches import Grouping
from napari_mixedptycho.engine.constraints import Constraint
from napari_mixedptycho.engine.estimate import Unknown
from napari_mixedptycho.engine.losses import AutoLoss, LossChoice
from napari_mixedptycho.engine.penalties import Penalty
from napari_mixedptycho.engine.prior import AtomPrior
from napari_mixedptycho.engine.solvers import LBFGS, Solver
from napari_mixedptycho.engine.unknowns import Object, Probe, Refinement
from napari_mixedptycho.settings import Settings


class Stage(Settings):
    """A number of iterations with the same loss, solver and unknowns."""

    name: str = Field("mixed", min_length=1, max_length=40, description="What to call the stage on screen.")
    iterations: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Iterations of the solver; typical 20 to 200. Too few: loss and separation of the "
        "states still change at the end.",
    )
    states: int | None = Field(
        None, ge=1, le=1000, description="Object states during this stage; not set: those of the model."
    )
    refine: tuple[Refinement, ...] = Field(
        (Object(), Probe()),
        min_length=1,
        description="Unknowns by name, or with details: {kind = 'positions', start = 5}; displacement: "
        "states are copies of one object, each displaced.",
    )
    detector: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Part of the detector's edge in use, about its centre: less makes object pixels larger "
        "and early stages cheaper; not set: all of it.",
    )
    patterns_per_update: int | None = Field(
        None,
        ge=1,
        description="Patterns per update; not set: all of them. Few patterns make the states unphysical.",
    )
    grouping: Grouping = Field(
        "random",
        description="Patterns of an update: random, sparse (far apart, little in common), or compact.",
    )
    orthogonalise: Literal["svd", "gram_schmidt", "none"] = Field(
        "svd",
        description="Keep probe modes orthogonal: svd leaves the patterns alone; the paper: gram_schmidt.",
    )
    penalties: tuple[Penalty, ...] = Field(
        (),
        description="What the object should be like where the data leave it open; weights are dimensionless.",
    )
    constraints: tuple[Constraint, ...] = Field(
        (), description="What object and probe must obey, whatever the patterns say."
    )
    prior: AtomPrior | None = Field(None, description="What to expect of the object; not set: nothing.")
    loss: LossChoice = Field(AutoLoss(), description="How predicted and measured patterns are compared.")
    solver: Solver = Field(LBFGS(), description="How the loss is lowered.")

    @property
    def displaces(self) -> bool:
        """Whether the states are displaced copies of one object, rather than free."""
        return any(entry.kind == "displacement" for entry in self.refine)

    @model_validator(mode="after")
    def _refines_something(self) -> Self:
        for entries in (self.refine, self.penalties, self.constraints):
            kinds = [entry.kind for entry in entries]
            if twice := {kind for kind in kinds if kinds.count(kind) > 1}:
                raise ValueError(f"'{twice.pop()}' is named twice; name it once")
        if not self.refined_at(0):
            raise ValueError("nothing is refined at iteration 0; add 'object' to refine or lower the start")
        return self

    def refined_at(self, iteration: int) -> tuple[Unknown, ...]:
        """Return the unknowns that are refined at an iteration of this stage."""
        return tuple(entry.kind for entry in self.refine if iteration >= entry.start)
