"""Steps whose lengths come from least squares: preconditioned, for mini-batches, with no rate to choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho.engine.estimate import Blocks, Estimate, Unknown
from napari_mixedptycho.engine.forward import Indices, Objective
from napari_mixedptycho.engine.scaling import Gains, Scaling
from napari_mixedptycho.engine.solvers.descent import part_of
from napari_mixedptycho.engine.solvers.search import Line
from napari_mixedptycho.engine.solvers.state import DescentState, Outcome
from napari_mixedptycho.engine.vectors import add, dots, scale, scale_each
from napari_mixedptycho.settings import Settings

_CHANGE = 4.0
"""A measurement changes a length by at most this factor."""
_FIRST = 3
"""Measurements before the first step, when nothing is known."""


class LSQML(Settings):
    """Least-squares maximum likelihood, in the manner of Odstrčil et al., Opt. Express 26, 3108 (2018).

    As there: mini-batches; every unknown goes along its own preconditioned direction, for the object the
    gradient divided by the light on each pixel; and the step lengths of all unknowns together minimise a
    quadratic model of the loss of the batch.

    Not as there: the paper solves for two lengths, of object and probe, in the exit wave of each pattern, and
    averages them over the batch. Here any number of unknowns takes part, through every slice, state and mode:
    the loss of the batch is its own model. With the present lengths α a second gradient is taken at
    ``x + Σ α_b·d_b``; the bend of the loss along each direction, couplings included, is ``h_b = d_b·Δg``,
    and ``α_b ← α_b·(−g·d_b)/h_b``. Where that stands still, ``H·α = −d·g`` holds: the least-squares lengths.
    Lengths of the last batches are used again in between and improved by the square root of that factor. The
    light is that of all patterns, and directions are averaged over batches (`memory`).
    """

    kind: Literal["lsqml"] = "lsqml"
    relaxation: float = Field(1.0, gt=0, le=2, description="Part of the best step length that is taken.")
    memory: float = Field(
        0.9, ge=0, lt=1, description="Part of the last step that is kept; 0: each batch goes its own way."
    )
    every: int = Field(
        8,
        ge=1,
        le=1000,
        description="Updates per measurement of step lengths; one costs as much as an update.",
    )

    def init(self, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...]) -> DescentState:
        """Return an empty memory."""
        return DescentState(refined, Scaling.of(objective, estimate, refined, Gains()))

    def restore(self, packed: Blocks, refined: tuple[Unknown, ...]) -> DescentState:
        """Return the memory that a state packed."""
        return DescentState.unpack(packed, refined)

    def step(
        self, objective: Objective, estimate: Estimate, state: DescentState, batch: Indices | None = None
    ) -> tuple[Estimate, DescentState, Outcome]:
        """Make one step; the loss is that of the batch before the step."""
        value, gradient = objective.value_and_gradient(estimate, state.refined, batch)
        direction = scale(state.scaling(gradient), -1)
        line = Line(objective, estimate, state.refined, batch, value, gradient, direction)
        lengths, trials = state.lengths, 0
        if not lengths:
            lengths, trials = dict.fromkeys(direction, 1.0), _FIRST
            for _ in range(trials):
                lengths = _measured(line, lengths, 1.0)
        elif state.steps % self.every == 0:
            lengths, trials = _measured(line, lengths, 0.5), 1
        kept = min(self.memory, state.steps / (state.steps + 3))
        move = scale_each(direction, lengths, self.relaxation * (1 - kept))
        if state.direction is not None:
            move = add(move, state.direction, kept)
        target = objective.limits(add(estimate.blocks(state.refined), move))
        state = replace(
            state, direction=move if self.memory else None, steps=state.steps + 1, lengths=lengths
        )
        cost = (1 + trials) * part_of(objective, batch)
        return estimate.with_blocks(target), state, Outcome(value, cost)


def _measured(line: Line, lengths: Mapping[str, float], trust: float) -> dict[str, float]:
    """Return better step lengths; `trust` is the power of the factor by which they change."""
    trial = replace(line, direction=scale_each(line.direction, lengths)).at(1.0)
    falls = dots(trial.move, line.gradient)
    bends = dots(trial.move, add(trial.gradient, line.gradient, -1))
    return {name: length * _factor(-falls[name], bends[name]) ** trust for name, length in lengths.items()}


def _factor(fall: float, bend: float) -> float:
    """Return by how much a length should change: to where a parabola is lowest."""
    if not np.isfinite(bend):
        return 1 / _CHANGE
    if fall <= 0 or bend <= 0:  # no parabola, or one without a lowest point, tells nothing
        return 1.0
    return float(np.clip(fall / bend, 1 / _CHANGE, _CHANGE))
