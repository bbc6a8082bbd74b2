"""Solvers lower the loss, keep their promises, and can be interrupted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.limits import Limits
from napari_mixedptycho.engine.losses import Loss, PoissonLoss
from napari_mixedptycho.engine.scaling import Scaling
from napari_mixedptycho.engine.solvers import LBFGS, Adam, GradientDescent
from napari_mixedptycho.engine.solvers.descent import DescentState
from napari_mixedptycho.engine.vectors import add, dot, scale
from tests.physics.toys import LOSSES, Toy, random_like

SOLVERS = [
    GradientDescent(),
    GradientDescent(preconditioned=True),
    Adam(),
    LBFGS(),
    LBFGS(spread_gain=5.0),
]
DESCENTS = [solver for solver in SOLVERS if not isinstance(solver, Adam)]


def name(value: Any) -> str:
    extra = getattr(value, "preconditioned", False) or getattr(value, "spread_gain", 1.0) != 1.0
    return value.kind + ("+" if extra else "")


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


# --- on functions that are known to the last digit ------------------------------------------------


@dataclass(frozen=True)
class Known:
    """An objective of a vector: just what a descent asks of one."""

    function: Callable[[np.ndarray], tuple[float, np.ndarray]]
    limits: Limits = Limits()

    def value_and_gradient(self, estimate: Estimate, refined: Any, batch: Any = None) -> Any:
        value, gradient = self.function(estimate.object.ravel())
        return value, {"object": gradient.reshape(estimate.object.shape)}


def lowered(solver: Any, function: Any, first: np.ndarray, steps: int) -> tuple[np.ndarray, list[float]]:
    estimate = Estimate(first.reshape(1, 1, 1, -1), np.zeros((1, 1, 1), complex), np.zeros((1, 2)))
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
    value = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    slope = [-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)]
    return float(value), np.array(slope)


def test_lbfgs_is_as_good_as_that_of_scipy() -> None:
    found, losses = lowered(LBFGS(memory=20), bowl, np.zeros(20), 200)
    options = {"maxcor": 20, "maxiter": 200, "ftol": 0, "gtol": 0}
    known = minimize(bowl, np.zeros(20), jac=True, method="L-BFGS-B", options=options)
    assert losses[-1] < 10 * known.fun < 1e-6
    np.testing.assert_allclose(found, 1, atol=1e-3)


def test_lbfgs_follows_the_banana_valley() -> None:
    found, _ = lowered(LBFGS(), rosenbrock, np.array([-1.2, 1.0]), 60)
    np.testing.assert_allclose(found, 1, atol=1e-5)


def test_gradient_descent_reaches_the_bottom_of_a_round_bowl() -> None:
    def paraboloid(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(((x - 1) ** 2).sum() * 50), 100 * (x - 1)

    found, losses = lowered(GradientDescent(), paraboloid, np.zeros(5), 30)
    assert (np.diff(losses) <= 0).all()
    np.testing.assert_allclose(found, 1, atol=1e-4)


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1e3, 1e9])
def test_first_step_is_safe_whatever_the_units(size: float) -> None:
    def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = bowl(x)
        return size * value, size * slope

    for solver in (LBFGS(), GradientDescent()):
        _, losses = lowered(solver, scaled, np.zeros(20), 40)
        assert losses[-1] < 0.7 * scaled(np.zeros(20))[0]
        assert (np.diff(losses) <= 0).all()


@pytest.mark.parametrize("unit", [1e-5, 1e-3, 1e-1, 10.0])
def test_steps_that_are_too_short_or_too_long_are_mended(unit: float) -> None:
    estimate = Estimate(np.zeros((1, 1, 1, 20)), np.zeros((1, 1, 1), complex), np.zeros((1, 2)))
    state = DescentState(("object",), Scaling({"object": unit}))
    after, _, outcome = LBFGS().step(Known(bowl), estimate, state)
    (value, gradient), (lower, flatter) = bowl(estimate.object.ravel()), bowl(after.object.ravel())
    slope = float(gradient @ (after.object - estimate.object).ravel())
    assert lower <= value + 1e-4 * slope
    assert float(flatter @ (after.object - estimate.object).ravel()) >= 0.9 * slope
    assert outcome.evaluations > 2, "nothing had to be mended: this shows nothing"


# --- on tiny reconstructions ----------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
@pytest.mark.parametrize("kind", ["phase", "complex"])
@pytest.mark.parametrize("solver", SOLVERS, ids=name)
def test_every_solver_lowers_every_loss(solver: Any, kind: str, loss: Loss) -> None:
    objective, estimate = start(Toy(2, 2, 1, 8, 12, kind))
    objective = Objective.of(objective.problem, loss)
    first, _ = objective.value_and_gradient(estimate, ())
    state = solver.init(objective, estimate, ("object", "probe"))
    for _ in range(20):
        estimate, state, outcome = solver.step(objective, estimate, state)
    last, _ = objective.value_and_gradient(estimate, ())
    # Adam reports the loss before its step, the descents that after it.
    assert last == pytest.approx(outcome.loss, rel=0.5 if solver.kind == "adam" else 1e-9)
    assert last < (0.9 if name(solver) == "gradient_descent" else 0.5) * first


@pytest.mark.parametrize("kind", ["phase", "complex", "potential"])
@pytest.mark.parametrize("solver", DESCENTS, ids=name)
def test_descents_never_climb(solver: Any, kind: str) -> None:
    objective, estimate = start(Toy(2, 2, 2, 8, 12, "complex" if kind == "complex" else "phase"), kind)
    losses = [objective.value_and_gradient(estimate, ())[0]]
    state = solver.init(objective, estimate, ("object", "probe", "positions"))
    for _ in range(40):
        estimate, state, outcome = solver.step(objective, estimate, state)
        losses.append(outcome.loss)
    assert (np.diff(losses) <= 0).all()
    assert losses[-1] < 0.5 * losses[0]


def test_accepted_steps_fulfil_the_weak_wolfe_conditions() -> None:
    objective, estimate = start(Toy(2, 2, 1, 8, 12))
    refined = ("object", "probe")
    state = LBFGS().init(objective, estimate, refined)
    value, gradient = objective.value_and_gradient(estimate, refined)
    first_trial = 0
    for _ in range(30):
        after, state, outcome = LBFGS().step(objective, estimate, state)
        move = add(after.blocks(refined), estimate.blocks(refined), -1)
        lower, flatter = objective.value_and_gradient(after, refined)
        slope = dot(gradient, move)
        assert slope < 0
        assert lower <= value + 1e-4 * slope
        assert dot(flatter, move) >= 0.9 * slope
        assert outcome.loss == pytest.approx(lower, rel=1e-12)
        first_trial += outcome.evaluations == 1
        estimate, value, gradient = after, lower, flatter
    assert first_trial > 20, "a step should cost about one evaluation"


@pytest.mark.parametrize("solver", SOLVERS, ids=name)
def test_a_potential_is_nowhere_negative(solver: Any) -> None:
    objective, estimate = start(Toy(2, 2, 1, 8, 12), "potential")
    state = solver.init(objective, estimate, ("object", "probe"))
    clipped = 0
    for _ in range(15):
        estimate, state, _ = solver.step(objective, estimate, state)
        assert estimate.object.min() >= 0
        clipped = max(clipped, int((estimate.object == 0).sum()))
    assert clipped > 0, "the limit was never touched: this shows nothing"


@pytest.mark.parametrize("solver", SOLVERS, ids=name)
def test_a_memory_that_is_packed_goes_on_as_if_nothing_had_been(solver: Any) -> None:
    objective, estimate = start(Toy(2, 2, 2, 8, 12))
    refined = ("object", "probe", "positions")
    state = solver.init(objective, estimate, refined)
    for _ in range(4):
        estimate, state, _ = solver.step(objective, estimate, state)
    packed = {key: np.array(value) for key, value in state.pack().items()}
    again = solver.restore(packed, refined)
    other = estimate
    for _ in range(3):
        estimate, state, outcome = solver.step(objective, estimate, state)
        other, again, same = solver.step(objective, other, again)
        assert outcome == same
    for block in refined:
        np.testing.assert_array_equal(getattr(estimate, block), getattr(other, block))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
@pytest.mark.parametrize("dose", [1e-6, 1e8])
def test_no_number_has_to_be_tuned_to_the_dose(loss: Loss, dose: float) -> None:
    objective, estimate = start(Toy(1, 2, 1, 8, 12))
    problem = replace(objective.problem, scale=dose)
    objective = Objective.of(problem, loss)
    estimate = estimate.with_blocks({"probe": estimate.probe * np.sqrt(dose)})
    first, _ = objective.value_and_gradient(estimate, ())
    state = LBFGS().init(objective, estimate, ("object", "probe"))
    for _ in range(20):
        estimate, state, outcome = LBFGS().step(objective, estimate, state)
    assert outcome.loss < 0.3 * first


def test_the_natural_step_of_the_likelihood_is_nearly_right() -> None:
    # Length 1 is tried first, so that a run costs about one evaluation per iteration from the beginning.
    objective, estimate = start(Toy(1, 1, 1, 12, 12))
    state = LBFGS().init(objective, estimate, ("object",))
    _, _, outcome = LBFGS().step(objective, estimate, state)
    assert outcome.evaluations <= 4


def test_unknowns_that_are_not_refined_stay_the_same() -> None:
    objective, estimate = start(Toy(2, 1, 1, 8, 12))
    for solver in SOLVERS:
        state = solver.init(objective, estimate, ("probe",))
        after, _, _ = solver.step(objective, estimate, state)
        assert after.object is estimate.object
        assert after.positions is estimate.positions
        assert not np.array_equal(after.probe, estimate.probe)


def test_steps_do_not_write_into_the_estimate_they_were_given() -> None:
    for solver in SOLVERS:
        objective, estimate = start(Toy(2, 1, 1, 8, 12))
        before = estimate.object.copy(), estimate.probe.copy(), estimate.positions.copy()
        state = solver.init(objective, estimate, ("object", "probe", "positions"))
        for _ in range(3):
            _, state, _ = solver.step(objective, estimate, state)
        np.testing.assert_array_equal(estimate.object, before[0])
        np.testing.assert_array_equal(estimate.probe, before[1])
        np.testing.assert_array_equal(estimate.positions, before[2])


def test_vectors() -> None:
    a = {"object": np.array([1.0, 2.0]), "probe": np.array([1 + 2j])}
    b = {"object": np.array([3.0, -1.0]), "probe": np.array([2 - 1j])}
    assert dot(a, b) == 3 - 2 + 2 - 2
    np.testing.assert_array_equal(add(a, b, 2.0)["object"], [7, 0])
    np.testing.assert_array_equal(scale(a, -1)["probe"], [-1 - 2j])
    single = {"object": np.ones(3, np.float32)}
    assert add(single, single, 0.1)["object"].dtype == np.float32


def test_spread_gain_changes_the_differences_and_not_the_mean() -> None:
    objective, estimate = start(Toy(3, 1, 1, 8, 12))
    gradient = {"object": random_like(estimate.object, np.random.default_rng(0))}
    plain, gained = (
        LBFGS(spread_gain=gain).init(objective, estimate, ("object",)).scaling(gradient)["object"]
        for gain in (1.0, 4.0)
    )
    size = np.abs(gained).max()
    np.testing.assert_allclose(gained.mean(axis=0), plain.mean(axis=0), atol=1e-12 * size)
    expected = 4 * (plain - plain.mean(axis=0))
    np.testing.assert_allclose(gained - gained.mean(axis=0), expected, atol=1e-12 * size)


@pytest.mark.parametrize("gains", [{}, {"spread_gain": 5.0}], ids=str)
def test_scaling_is_symmetric_and_positive(gains: dict[str, float]) -> None:
    # What L-BFGS asks of its first guess of the inverse Hessian.
    objective, estimate = start(Toy(3, 2, 2, 8, 12))
    refined = ("object", "probe", "positions")
    scaling = LBFGS(**gains).init(objective, estimate, refined).scaling
    random = np.random.default_rng(0)
    for _ in range(5):
        a, b = ({k: random_like(v, random) for k, v in estimate.blocks(refined).items()} for _ in range(2))
        assert dot(a, scaling(b)) == pytest.approx(dot(scaling(a), b), rel=1e-9)
        assert dot(a, scaling(a)) > 0


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_every_loss_leads_to_the_known_answer(loss: Loss) -> None:
    toy = Toy(1, 2, 1, 12, 12, points=9)
    objective, estimate = start(toy)
    objective = Objective.of(objective.problem, loss)
    estimate = replace(estimate, probe=toy.estimate(0).probe)
    first, _ = objective.value_and_gradient(estimate, ())
    state = LBFGS().init(objective, estimate, ("object",))
    for _ in range(60):
        estimate, state, outcome = LBFGS().step(objective, estimate, state)
    assert outcome.loss < 1e-3 * first
