"""Limited-memory BFGS: the default for all patterns at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho._device import free_memory
from napari_mixedptycho.engine.estimate import Blocks
from napari_mixedptycho.engine.scaling import Gains, Scaling
from napari_mixedptycho.engine.solvers.descent import DISPLACEMENT_GAIN, SPREAD_GAIN, Descent
from napari_mixedptycho.engine.solvers.search import Found, Line, Trial, bracketing
from napari_mixedptycho.engine.solvers.state import DescentState, Pair
from napari_mixedptycho.engine.vectors import add, beside, dot, scale


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
        pair: Pair = (move, change)
        if self._too_large(pair, len(state.pairs)):
            pair = (_on_host(move), _on_host(change))
        return replace(state, pairs=(*state.pairs, pair)[-self.memory :])

    def _too_large(self, pair: Pair, known: int) -> bool:
        """Tell whether what is still to be remembered would take more than half of a device's free memory."""
        parts = [part for blocks in pair for part in blocks.values() if not isinstance(part, np.ndarray)]
        if not parts:
            return False
        each = sum(int(part.nbytes) for part in parts)
        return each * max(self.memory - known, 1) > 0.5 * (free_memory(namespace(parts[0])) or 0)


def _on_host(blocks: Blocks) -> Blocks:
    """Return the same, what is large on the host; modes of the probe are mixed where they are."""
    large = ("object", "displacement")
    return {name: asnumpy(part) if name in large else part for name, part in blocks.items()}


def _two_loop(gradient: Blocks, pairs: tuple[Pair, ...], scaling: Scaling) -> dict[str, Array]:
    """Inverse Hessian × gradient; Nocedal & Wright, Algorithm 7.4, with the scaling as first guess."""
    vector = dict(gradient)
    weights = []
    for move, change in (_beside(pair, gradient) for pair in reversed(pairs)):
        weight = dot(move, vector) / dot(move, change)
        weights.append(weight)
        vector = add(vector, change, -weight)
    length = 1.0
    if pairs:
        move, change = _beside(pairs[-1], gradient)
        length = dot(move, change) / dot(change, scaling(change))
    vector = scale(scaling(vector), length)
    for pair, weight in zip(pairs, reversed(weights), strict=True):
        move, change = _beside(pair, gradient)
        vector = add(vector, move, weight - dot(change, vector) / dot(move, change))
    return vector


def _beside(pair: Pair, gradient: Blocks) -> Pair:
    move, change = pair
    return beside(move, gradient), beside(change, gradient)
