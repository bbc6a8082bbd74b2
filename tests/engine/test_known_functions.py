"""Solvers on functions that are known to the last digit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from napari_mixedptycho.engine.scaling import Scaling
from napari_mixedptycho.engine.solvers import LBFGS, LSQML, ConjugateGradient, GradientDescent, Momentum
from napari_mixedptycho.engine.solvers.search import Line, backtracking, bracketing, exacting
from napari_mixedptycho.engine.solvers.state import DescentState
from tests.engine.solving import DESCENTS, Known, bowl, lowered, name, place, rosenbrock


def test_lbfgs_is_as_good_as_that_of_scipy() -> None:
    found, losses = lowered(LBFGS(memory=20), bowl, np.zeros(20), 200)
    options = {"maxcor": 20, "maxiter": 200, "ftol": 0, "gtol": 0}
    known = minimize(bowl, np.zeros(20), jac=True, method="L-BFGS-B", options=options)
    assert losses[-1] < 10 * known.fun < 1e-6
    np.testing.assert_allclose(found, 1, atol=1e-3)


def test_conjugate_gradients_are_as_good_as_those_of_scipy() -> None:
    # The default search is loose, to save evaluations; this one is as exact as theirs.
    _, losses = lowered(ConjugateGradient(curvature=0.1), bowl, np.zeros(20), 150)
    known = minimize(bowl, np.zeros(20), jac=True, method="CG", options={"maxiter": 150, "gtol": 0})
    assert losses[-1] < 3 * known.fun < 0.01


def test_conjugate_gradients_end_after_as_many_steps_as_there_are_curvatures() -> None:
    # On a parabola with exact line searches; two curvatures here, and searches that are nearly exact.
    def two(x: np.ndarray) -> tuple[float, np.ndarray]:
        curvature = np.where(np.arange(x.size) % 2, 1.0, 30.0)
        return float((curvature * (x - 1) ** 2).sum() / 2), curvature * (x - 1)

    _, losses = lowered(ConjugateGradient(curvature=1e-6), two, np.zeros(10), 2)
    assert losses[-1] < 1e-8 * two(np.zeros(10))[0]


@pytest.mark.parametrize(("solver", "steps"), [(LBFGS(), 60), (ConjugateGradient(), 150)], ids=str)
def test_the_banana_valley_is_followed(solver: Any, steps: int) -> None:
    found, _ = lowered(solver, rosenbrock, np.array([-1.2, 1.0]), steps)
    np.testing.assert_allclose(found, 1, atol=1e-5)


@pytest.mark.parametrize("nesterov", [True, False])
def test_momentum_overtakes_gradient_descent(nesterov: bool) -> None:
    # Of condition number 1e4 plain descent needs thousands of steps, accelerated hundreds.
    _, plain = lowered(GradientDescent(), bowl, np.zeros(20), 300)
    _, losses = lowered(Momentum(nesterov=nesterov, memory=0.98), bowl, np.zeros(20), 300)
    assert losses[-1] < 0.15 * plain[-1]


def test_least_squares_finds_the_step_of_a_parabola() -> None:
    # One curvature, thirty times what the natural unit says: a step of 1/30 ends at the bottom.
    def paraboloid(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(((x - 1) ** 2).sum() * 15), 30 * (x - 1)

    found, losses = lowered(LSQML(memory=0.0), paraboloid, np.zeros(5), 2)
    assert losses[-1] < 1e-6 * losses[0]
    np.testing.assert_allclose(found, 1, atol=1e-3)


def test_gradient_descent_reaches_the_bottom_of_a_round_bowl() -> None:
    def paraboloid(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(((x - 1) ** 2).sum() * 50), 100 * (x - 1)

    found, losses = lowered(GradientDescent(), paraboloid, np.zeros(5), 30)
    assert (np.diff(losses) <= 0).all()
    np.testing.assert_allclose(found, 1, atol=1e-4)


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1e3, 1e9])
@pytest.mark.parametrize("solver", DESCENTS, ids=name)
def test_first_step_is_safe_whatever_the_units(solver: Any, size: float) -> None:
    def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = bowl(x)
        return size * value, size * slope

    _, losses = lowered(solver, scaled, np.zeros(20), 100)
    assert losses[-1] < 0.7 * scaled(np.zeros(20))[0]
    assert (np.diff(losses) <= 0).all()


def line(unit: float) -> Line:
    """Return a line downhill into the bowl; `unit` times the gradient is its direction."""
    value, gradient = bowl(np.zeros(20))
    blocks = {"object": gradient.reshape(1, 1, 1, -1)}
    downhill = {"object": -unit * blocks["object"]}
    return Line(Known(bowl), place(np.zeros(20)), ("object",), None, value, blocks, downhill)  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", [1e-5, 1e-3, 1e-1, 10.0, 1e4])
@pytest.mark.parametrize("search", [bracketing, backtracking, exacting])
def test_a_step_that_is_too_short_or_too_long_is_mended(search: Any, unit: float) -> None:
    found = search(line(unit), 1.0)
    trial = found.trial
    assert trial is not None
    value, _ = bowl(np.zeros(20))
    assert trial.value <= value + 1e-4 * trial.before
    assert trial.value == bowl(trial.estimate.object.ravel())[0]
    if search is bracketing:
        assert trial.after >= 0.9 * trial.before
    if search is exacting:
        assert abs(trial.after) <= 0.2 * abs(trial.before)
    long = unit > 0.02
    assert (found.trials > 1) == (long or search is not backtracking), (
        "nothing was mended: this shows nothing"
    )


@pytest.mark.parametrize("search", [bracketing, backtracking, exacting])
def test_a_search_uphill_finds_nothing_and_tries_shorter_next_time(search: Any) -> None:
    uphill = line(-1.0)
    found = search(uphill, 1.0)
    assert found.trial is None
    assert 0 < found.length < 1


@pytest.mark.parametrize("search", [bracketing, backtracking, exacting])
def test_a_search_comes_back_from_where_the_loss_has_no_number(search: Any) -> None:
    def edge(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = bowl(x)
        return (value, slope) if abs(x).max() < 0.5 else (np.nan, slope * np.nan)

    value, gradient = edge(np.zeros(20))
    blocks = {"object": gradient.reshape(1, 1, 1, -1)}
    downhill = {"object": -blocks["object"]}
    start = Line(Known(edge), place(np.zeros(20)), ("object",), None, value, blocks, downhill)  # type: ignore[arg-type]
    found = search(start, 1.0)
    assert found.trial is not None
    assert found.trial.value < value


def test_a_memory_of_steps_that_mislead_is_forgotten() -> None:
    # A pair that says the function bends the wrong way round would lead uphill.
    estimate = place(np.zeros(20))
    value, gradient = bowl(np.zeros(20))
    wrong = {"object": gradient.reshape(1, 1, 1, -1)}
    for solver in (LBFGS(), ConjugateGradient()):
        pairs = (({"object": 1e3 * wrong["object"]}, {"object": -wrong["object"]}),)
        state = DescentState(("object",), Scaling({"object": 1.0}), pairs)
        after, state, outcome = solver.step(Known(bowl), estimate, state)  # type: ignore[arg-type]
        assert outcome.loss < value
        assert bowl(after.object.ravel())[0] == outcome.loss
