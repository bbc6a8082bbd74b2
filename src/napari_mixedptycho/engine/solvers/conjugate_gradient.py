"""Nonlinear conjugate gradients: nearly the pace of L-BFGS with the memory of one step."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from napari_mixedptycho.engine.estimate import Blocks
from napari_mixedptycho.engine.scaling import Gains
from napari_mixedptycho.engine.solvers.descent import DISPLACEMENT_GAIN, SPREAD_GAIN, Descent
from napari_mixedptycho.engine.solvers.search import Found, Line, Trial, exacting
from napari_mixedptycho.engine.solvers.state import DescentState
from napari_mixedptycho.engine.vectors import add, dot, scale


class ConjugateGradient(Descent):
    """Preconditioned conjugate gradients of Hager & Zhang, SIAM J. Optim. 16, 170 (2005), eqs. 1.3 and 1.5.

    With the natural units P as preconditioner, ``d ← −P·g + β·s`` where s is the last step and y the change
    of gradient over it, ``β = max(0, gᵀP·y / sᵀy − 2·(yᵀP·y)(sᵀg) / (sᵀy)²)``. The directions go downhill
    whatever the line search did; theorem 1.1 of the paper covers the β cut off at zero. They cut it off a
    little below zero and so restart less often.
    """

    kind: Literal["conjugate_gradient"] = "conjugate_gradient"
    curvature: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Part of the slope that a line search may leave; smaller: more evaluations per step.",
    )

    spread_gain: float = SPREAD_GAIN
    displacement_gain: float = DISPLACEMENT_GAIN

    def _gains(self) -> Gains:
        return Gains(self.spread_gain, self.displacement_gain)

    def _direction(self, state: DescentState, gradient: Blocks) -> Blocks:
        downhill = scale(state.scaling(gradient), -1)
        if not state.pairs:
            return downhill
        move, change = state.pairs[-1]
        bend, bent = dot(move, change), state.scaling(change)
        if bend <= 0:
            return downhill
        ahead = 2 * dot(change, bent) * dot(move, gradient) / bend
        return add(downhill, move, max(0.0, (dot(gradient, bent) - ahead) / bend))

    def _search(self, line: Line, state: DescentState) -> Found:
        length = state.length
        if state.pairs:
            # As much to be gained, to first order, as by the last step; Nocedal & Wright, eq. 3.60.
            move, change = state.pairs[-1]
            gained = dot(move, add(line.gradient, change, -1))
            ahead = gained / dot(line.direction, line.gradient)
            length = ahead if ahead > 0 else length
        return exacting(line, length, self.curvature)

    def _remember(self, state: DescentState, line: Line, found: Found, trial: Trial) -> DescentState:
        change = add(trial.gradient, line.gradient, -1)
        return replace(state, length=trial.length, pairs=((trial.move, change),))
