"""One stage of a reconstruction: which unknowns, compared how, lowered by what, how often."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from napari_mixedptycho.engine.estimate import Unknown
from napari_mixedptycho.engine.losses import AutoLoss, LossChoice
from napari_mixedptycho.engine.prior import AtomPrior
from napari_mixedptycho.engine.solvers import LBFGS, Solver
from napari_mixedptycho.settings import Settings


class Stage(Settings):
    """A number of iterations with the same loss, solver and unknowns."""

    name: str = Field("mixed", min_length=1, max_length=40, description="What to call the stage on screen.")
    iterations: int = Field(100, ge=1, le=1_000_000, description="Iterations of the solver.")
    states: int | None = Field(
        None, ge=1, le=1000, description="Object states during this stage; not set: those of the model."
    )
    refine: tuple[Unknown, ...] = Field(
        ("object", "probe"),
        min_length=1,
        description="Unknowns: object, probe, positions; displacement: states are copies, each displaced.",
    )
    probe_from: int = Field(0, ge=0, description="Iteration of this stage from which the probe is refined.")
    positions_from: int = Field(
        0, ge=0, description="Iteration of this stage from which positions are refined."
    )
    patterns_per_update: int | None = Field(
        None,
        ge=1,
        description="Patterns per update; not set: all of them. Few patterns make the states unphysical.",
    )
    orthogonalise: Literal["svd", "gram_schmidt", "none"] = Field(
        "svd",
        description="Keep probe modes orthogonal: svd leaves the patterns alone; the paper: gram_schmidt.",
    )
    prior: AtomPrior | None = Field(None, description="What to expect of the object; not set: nothing.")
    loss: LossChoice = Field(AutoLoss(), description="How predicted and measured patterns are compared.")
    solver: Solver = Field(LBFGS(), description="How the loss is lowered.")

    @property
    def displaces(self) -> bool:
        """Whether the states are displaced copies of one object, rather than free."""
        return "displacement" in self.refine

    @model_validator(mode="after")
    def _refines_something(self) -> Self:
        if len(set(self.refine)) < len(self.refine):
            raise ValueError("refine names an unknown twice; name each once")
        if not self.refined_at(0):
            raise ValueError("nothing is refined at iteration 0; add 'object' to refine or lower the start")
        return self

    def refined_at(self, iteration: int) -> tuple[Unknown, ...]:
        """Return the unknowns that are refined at an iteration of this stage."""
        starts = {"object": 0, "probe": self.probe_from, "positions": self.positions_from, "displacement": 0}
        return tuple(name for name in self.refine if iteration >= starts[name])
