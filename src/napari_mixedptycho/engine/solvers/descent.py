"""What the descents share: evaluate, choose a direction, search along it, remember."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import Field

from napari_mixedptycho.engine.estimate import Blocks, Estimate, Unknown
from napari_mixedptycho.engine.forward import Indices, Objective
from napari_mixedptycho.engine.scaling import Gains, Scaling
from napari_mixedptycho.engine.solvers.search import Found, Line, Trial, bracketing
from napari_mixedptycho.engine.solvers.state import DescentState, Outcome
from napari_mixedptycho.engine.vectors import dot, scale
from napari_mixedptycho.settings import Settings

SPREAD_GAIN: Any = Field(
    1.0,
    gt=0,
    le=1000,
    description="Extra gain for differences between states; their curvature is far below the mean's.",
)
DISPLACEMENT_GAIN: Any = Field(
    100.0,
    gt=0,
    le=1e6,
    description="Extra gain for displacements of the states, which patterns feel only to second order.",
)


class Descent(Settings):
    """A solver that never climbs: each step lowers the loss of its patterns, or stays."""

    def init(self, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...]) -> DescentState:
        """Return an empty memory."""
        return DescentState(refined, self._scaling(objective, estimate, refined))

    def restore(self, packed: Blocks, refined: tuple[Unknown, ...]) -> DescentState:
        """Return the memory that a state packed."""
        return DescentState.unpack(packed, refined)

    def step(
        self, objective: Objective, estimate: Estimate, state: DescentState, batch: Indices | None = None
    ) -> tuple[Estimate, DescentState, Outcome]:
        """Make one step that lowers the loss, or none when the line search finds no lower point."""
        evaluations = 0
        value, gradient = state.value, state.gradient
        if batch is not None:
            state = forget(state)
        if value is None or gradient is None or batch is not None:
            value, gradient = objective.value_and_gradient(estimate, state.refined, batch)
            evaluations += 1
        direction = self._direction(state, gradient)
        if dot(direction, gradient) >= 0:
            state = forget(state)
            direction = self._direction(state, gradient)
        line = Line(objective, estimate, state.refined, batch, value, gradient, direction)
        found = self._search(line, state)
        cost = (evaluations + found.trials) * part_of(objective, batch)
        if found.trial is None:
            # Rounding, or a memory that misleads: forget it and try a shorter step next time.
            state = replace(forget(state), length=found.length, value=value, gradient=gradient)
            return estimate, state, Outcome(value, cost)
        state = self._remember(state, line, found, found.trial)
        state = replace(state, value=found.trial.value, gradient=found.trial.gradient)
        return found.trial.estimate, state, Outcome(found.trial.value, cost)

    def _scaling(self, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...]) -> Scaling:
        """Return natural units."""
        return Scaling.of(objective, estimate, refined, self._gains())

    def _gains(self) -> Gains:
        """Return how far weakly determined unknowns reach."""
        return Gains()

    def _direction(self, state: DescentState, gradient: Blocks) -> Blocks:
        """Return where to go; with an empty memory downhill in natural units."""
        return scale(state.scaling(gradient), -1)

    def _search(self, line: Line, state: DescentState) -> Found:
        """Search along a line."""
        return bracketing(line, state.length)

    def _remember(self, state: DescentState, line: Line, found: Found, trial: Trial) -> DescentState:
        """Return the memory after a step; value and gradient are added to it."""
        return replace(state, length=trial.length * (1.5 if found.trials == 1 else 1.0))


def part_of(objective: Objective, batch: Indices | None) -> float:
    """Return what a batch is of all patterns."""
    return 1.0 if batch is None else len(batch) / len(objective.problem.fitted)


def forget(state: DescentState) -> DescentState:
    """Return a memory that has seen no step."""
    return replace(state, pairs=(), direction=None, steps=0)
