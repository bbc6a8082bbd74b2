"""Limited-memory BFGS: the default for all patterns at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Blocks
from napari_mixedptycho.engine.scaling import Gains, Scaling
from napari_mixedptycho.engine.solvers.descent import DISPLACEMENT_GAIN, SPREAD_GAIN, Descent
from napari_mixedptycho.engine.solvers.search import Found, Line, Trial, bracketing
from napari_mixedptycho.engine.solvers.state import DescentState, Pair
from napari_mixedptycho.engine.vectors import add, dot, scale


class LBFGS(Descent):
    """Limited-memory BFGS, illumination-preconditioned, weak Wolfe line search; Liu & Nocedal (1989)."""

    kind: Literal["lbfgs"] = "lbfgs"
    memory: int = Field(
        10, ge=1, le=100, description="Earlier steps remembered; each costs two objects of memory."
    )
    spread_gain: float = SPREAD_GAIN
    displacement_gain: float = DISPLACEMENT_GAIN

    def _gains(self) -> Gains:
        return Gains(self.spread_gain, self.displacement_gain)

    def _direction(self, state: DescentState, gradient: Blocks) -> Blocks:
        return scale(_two_loop(gradient, state.pairs, state.scaling), -1)

    def _search(self, line: Line, state: DescentState) -> Found:
        return bracketing(line, 1.0 if state.pairs else state.length)

    def _remember(self, state: DescentState, line: Line, found: Found, trial: Trial) -> DescentState:
        move, change = trial.move, add(trial.gradient, line.gradient, -1)
        state = super()._remember(state, line, found, trial)
        if dot(move, change) <= 1e-10 * np.sqrt(dot(move, move) * dot(change, change)):
            return state
        return replace(state, pairs=(*state.pairs, (move, change))[-self.memory :])


def _two_loop(gradient: Blocks, pairs: tuple[Pair, ...], scaling: Scaling) -> dict[str, Array]:
    """Inverse Hessian × gradient; Nocedal & Wright, Algorithm 7.4, with the scaling as first guess."""
    vector = dict(gradient)
    weights = []
    for move, change in reversed(pairs):
        weight = dot(move, vector) / dot(move, change)
        weights.append(weight)
        vector = add(vector, change, -weight)
    length = 1.0
    if pairs:
        move, change = pairs[-1]
        length = dot(move, change) / dot(change, scaling(change))
    vector = scale(scaling(vector), length)
    for (move, change), weight in zip(pairs, reversed(weights), strict=True):
        vector = add(vector, move, weight - dot(change, vector) / dot(move, change))
    return vector
