"""What every refined unknown has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.settings import Settings

if TYPE_CHECKING:
    from napari_mixedptycho.engine.estimate import Estimate
    from napari_mixedptycho.engine.forward import Term
    from napari_mixedptycho.engine.problem import Problem


class Refined(Settings):
    """An unknown that a stage refines; `kind` is its name in the estimate."""

    kind: str
    start: int = Field(
        0,
        ge=0,
        description="Iteration of the stage from which it is refined. Too early: it takes up what the "
        "object does not explain yet.",
    )

    def begin(self, problem: Problem, estimate: Estimate) -> Array | None:
        """Return where it starts when the estimate does not hold it yet; None: it always does."""
        return None

    def adapted(self, value: Array, problem: Problem) -> Array:
        """Return what an earlier stage has found, in the shape that this one refines."""
        return value

    def unit(self, problem: Problem, estimate: Estimate) -> Array | float | None:
        """Return a change that matters, of its own unit; None: its step is known by other means."""
        return None

    @property
    def reach(self) -> float | None:
        """Scan steps within which it changes together; None: each position for itself."""
        return None

    @property
    def mean_fixed(self) -> bool:
        """Whether its mean over the positions stays as it is."""
        return False

    def allowed(self, value: Array) -> Array:
        """Return the nearest allowed value."""
        return value

    def term(self) -> Term | None:
        """Return what is added to the loss for its own sake; None: nothing."""
        return None

    def describe(self, value: Array) -> str | None:
        """Say in a few words what was found; None: too much for words."""
        return None
