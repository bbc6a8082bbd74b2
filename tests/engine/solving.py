"""What the tests of the solvers share: the solvers, a start near a known answer, and plain functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.limits import Limits
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.scaling import Scaling
from napari_mixedptycho.engine.solvers import LBFGS, LSQML, Adam, ConjugateGradient, GradientDescent, Momentum
from napari_mixedptycho.engine.solvers.state import DescentState
from tests.physics.toys import Toy, random_like

DESCENTS = [
    GradientDescent(),
    GradientDescent(preconditioned=True),
    Momentum(),
    Momentum(nesterov=False),
    ConjugateGradient(),
    LBFGS(),
    LBFGS(spread_gain=5.0),
]
"""Those that promise never to climb when they see all patterns."""
SOLVERS: list[Any] = [*DESCENTS, Adam(), LSQML()]


def name(value: Any) -> str:
    """Name a solver, with a + where a setting is not the default."""
    return str(value.kind) + "+" * (value != type(value)())


def start(toy: Toy, kind: str = "phase") -> tuple[Objective, Estimate]:
    """Return a problem with a known answer, and a place not far from it."""
    truth = toy.estimate(0)
    if kind == "potential":
        truth = truth.with_blocks({"object": abs(truth.object)})
    random = np.random.default_rng(1)
    moved = {
        "object": truth.object + 0.1 * random_like(truth.object, random).astype(truth.object.dtype),
        "probe": truth.probe * (1 + 0.1 * random_like(truth.probe, random)),
    }
    if kind == "potential":
        moved["object"] = abs(moved["object"])
    objective = Objective.of(toy.problem(truth), PoissonLoss())
    return replace(objective, limits=Limits(kind)), truth.with_blocks(moved)


@dataclass(frozen=True)
class Known:
    """An objective of a vector: just what a descent asks of one."""

    function: Callable[[np.ndarray], tuple[float, np.ndarray]]
    limits: Limits = field(default_factory=Limits)

    def value_and_gradient(self, estimate: Estimate, refined: Any, batch: Any = None) -> Any:
        value, gradient = self.function(estimate.object.ravel())
        return value, {"object": gradient.reshape(estimate.object.shape)}


def place(first: np.ndarray) -> Estimate:
    """Return a vector as an estimate."""
    return Estimate(first.reshape(1, 1, 1, -1), np.zeros((1, 1, 1), complex), np.zeros((1, 2)))


def lowered(solver: Any, function: Any, first: np.ndarray, steps: int) -> tuple[np.ndarray, list[float]]:
    """Lower a function; return where it ends, and the loss of each step."""
    estimate = place(first)
    state, losses = DescentState(("object",), Scaling({"object": 1.0})), []
    for _ in range(steps):
        estimate, state, outcome = solver.step(Known(function), estimate, state)
        losses.append(outcome.loss)
    return estimate.object.ravel(), losses


def bowl(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Convex, of condition number 1e4, lowest (0) at 1."""
    curvature = np.geomspace(1e-2, 1e2, x.size)
    return float((curvature * (x - 1) ** 2).sum() / 2), curvature * (x - 1)


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the banana valley; lowest (0) at 1."""
    value = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    slope = [-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)]
    return float(value), np.array(slope)
