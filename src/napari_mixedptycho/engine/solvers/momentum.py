"""Momentum: heavy ball and Nesterov's acceleration, for all patterns or for mini-batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Blocks, Estimate
from napari_mixedptycho.engine.forward import Indices, Objective
from napari_mixedptycho.engine.scaling import Gains
from napari_mixedptycho.engine.solvers.descent import DISPLACEMENT_GAIN, SPREAD_GAIN, Descent, part_of
from napari_mixedptycho.engine.solvers.search import Found, Line, Trial, backtracking
from napari_mixedptycho.engine.solvers.state import DescentState, Outcome
from napari_mixedptycho.engine.vectors import add, scale

_LONGER, _FAR_LONGER = 1.05, 4.0
"""How much longer to step after a step that was not too long, and after one that was far too short."""
_FLAT = 0.999
"""A step over which the slope stays above this part of itself was far too short."""


class Momentum(Descent):
    """Gradient descent that keeps its velocity, in natural units P.

    ``v ← β·v − γ·P·g``; heavy ball (Polyak, USSR Comput. Math. Math. Phys. 4(5), 1, 1964): ``x ← x + v``;
    Nesterov (Soviet Math. Dokl. 27, 372, 1983, as rewritten by Sutskever et al., ICML 2013, with x the point
    that looks ahead): ``x ← x + β·v − γ·P·g``. β grows as ``k / (k + 3)`` up to `memory`.

    With all patterns γ is found by backtracking and the loss never rises; a velocity that points uphill is
    dropped (O'Donoghue & Candès, Found. Comput. Math. 15, 715, 2015). With mini-batches γ is `rate`, and
    the velocity carries over from batch to batch.
    """

    kind: Literal["momentum"] = "momentum"
    nesterov: bool = Field(True, description="Take the gradient where the momentum leads; off: heavy ball.")
    memory: float = Field(0.9, ge=0, lt=1, description="Largest part of the velocity that is kept (beta).")
    rate: float = Field(
        0.1, gt=0, le=2, description="Mini-batches: step as a part of the natural one; all patterns: found."
    )

    spread_gain: float = SPREAD_GAIN
    displacement_gain: float = DISPLACEMENT_GAIN

    def _gains(self) -> Gains:
        return Gains(self.spread_gain, self.displacement_gain)

    def step(
        self, objective: Objective, estimate: Estimate, state: DescentState, batch: Indices | None = None
    ) -> tuple[Estimate, DescentState, Outcome]:
        """Make one step; that of a mini-batch is fixed, and its loss that before the step."""
        if batch is None:
            return super().step(objective, estimate, state)
        value, gradient = objective.value_and_gradient(estimate, state.refined, batch)
        state = replace(state, length=self.rate, value=None, gradient=None)
        target = add(estimate.blocks(state.refined), self._direction(state, gradient))
        state = replace(state, direction=self._velocity(state, gradient), steps=state.steps + 1)
        outcome = Outcome(value, part_of(objective, batch))
        return estimate.with_blocks(objective.limits(target)), state, outcome

    def _velocity(self, state: DescentState, gradient: Blocks) -> dict[str, Array]:
        downhill = scale(state.scaling(gradient), -state.length)
        return add(downhill, state.direction, self._kept(state)) if state.direction else downhill

    def _kept(self, state: DescentState) -> float:
        return min(self.memory, state.steps / (state.steps + 3))

    def _direction(self, state: DescentState, gradient: Blocks) -> Blocks:
        velocity = self._velocity(state, gradient)
        if not self.nesterov:
            return velocity
        return add(scale(state.scaling(gradient), -state.length), velocity, self._kept(state))

    def _search(self, line: Line, state: DescentState) -> Found:
        found = backtracking(line, 1.0)
        return found if found.trial else replace(found, length=state.length * found.length)

    def _remember(self, state: DescentState, line: Line, found: Found, trial: Trial) -> DescentState:
        velocity = scale(self._velocity(state, line.gradient), trial.length)
        longer = _FAR_LONGER if trial.after < _FLAT * trial.before else _LONGER
        length = state.length * (longer if found.trials == 1 else trial.length)
        return replace(state, direction=velocity, length=length, steps=state.steps + 1)
