"""Solvers lower the loss of reconstructions, keep their promises, and can be interrupted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import Loss, PoissonLoss
from napari_mixedptycho.engine.scaling import Scaling
from napari_mixedptycho.engine.solvers import LBFGS, LSQML, Adam, Momentum
from napari_mixedptycho.engine.solvers.adam import natural_units
from napari_mixedptycho.engine.unknowns import CLASSES
from napari_mixedptycho.engine.vectors import add, dot
from napari_mixedptycho.optics import wavelength
from tests.engine.solving import DESCENTS, SOLVERS, name, start
from tests.physics.toys import ENERGY, LOSSES, SAMPLING, SPACING, Toy


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
    # The descents report the loss after their step, the others that before it.
    assert last == pytest.approx(outcome.loss, rel=1e-9 if solver in DESCENTS else 0.5)
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


def small_unknowns() -> tuple[Objective, Estimate, tuple[Any, ...]]:
    """Return a problem with unknowns of every shape, real and complex, and where to begin."""
    toy = Toy(2, 2, 2, 8, 12, points=9)
    truth = replace(toy.estimate(0), tilt=np.array([[8.0, -5.0]]), intensity=np.linspace(0.8, 1.2, 9))
    facts = {"sampling": SAMPLING, "spacing": SPACING, "wavelength": wavelength(ENERGY)}
    objective = Objective.of(toy.problem(truth, **facts), PoissonLoss())
    refined = ("object", "probe", "positions", "tilt", "intensity")
    unknowns = {kind: CLASSES[kind]() for kind in refined}
    begin = {"tilt": np.zeros((1, 2)), "intensity": np.ones(9), "object": 0.9 * truth.object}
    return replace(objective, unknowns=unknowns), truth.with_blocks(begin), refined


@pytest.mark.parametrize("batch", [None, np.arange(0, 9, 2)], ids=["all", "batch"])
@pytest.mark.parametrize("solver", SOLVERS, ids=name)
def test_unknowns_of_any_shape_take_part_and_survive_a_break(solver: Any, batch: Any) -> None:
    objective, estimate, refined = small_unknowns()
    first, before = objective.value_and_gradient(estimate, (), batch)[0], estimate
    state = solver.init(objective, estimate, refined)
    for _ in range(6):
        estimate, state, _ = solver.step(objective, estimate, state, batch)
    assert objective.value_and_gradient(estimate, (), batch)[0] < 0.9 * first
    for block in refined:
        now, then = getattr(estimate, block), getattr(before, block)
        assert now.shape == then.shape
        assert now.dtype == then.dtype
        assert not np.array_equal(now, then)
    again = solver.restore({key: np.array(value) for key, value in state.pack().items()}, refined)
    goes_on, _, outcome = solver.step(objective, estimate, state, batch)
    other, _, same = solver.step(objective, estimate, again, batch)
    assert outcome == same
    for block in refined:
        np.testing.assert_array_equal(getattr(goes_on, block), getattr(other, block))


@pytest.mark.parametrize("solver", SOLVERS, ids=name)
def test_a_turn_of_the_probe_modes_is_a_turn_of_the_memory(solver: Any) -> None:
    # What a descent does next does not depend on which modes stand for the same patterns.
    objective, estimate = start(Toy(2, 1, 2, 8, 12))
    refined = ("object", "probe")
    state = solver.init(objective, estimate, refined)
    for _ in range(4):
        estimate, state, _ = solver.step(objective, estimate, state)
    mix = np.array([[0.6, 0.8], [-0.8, 0.6]])

    def turn(modes: Any) -> Any:
        return np.tensordot(mix, modes, 1)

    turned, changed = estimate.with_blocks({"probe": turn(estimate.probe)}), state.map_probe(turn)
    for _ in range(2):
        estimate, state, outcome = solver.step(objective, estimate, state)
        turned, changed, same = solver.step(objective, turned, changed)
    if isinstance(solver, Adam):  # element by element: its path is another one
        return
    assert same.loss == pytest.approx(outcome.loss, rel=1e-6)
    np.testing.assert_allclose(turned.object, estimate.object, atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS, ids=name)
def test_a_batch_costs_its_part(solver: Any) -> None:
    objective, estimate = start(Toy(1, 1, 1, 8, 12, points=8))
    state = solver.init(objective, estimate, ("object",))
    _, _, outcome = solver.step(objective, estimate, state, np.arange(2))
    assert (outcome.evaluations * 4) % 1 == 0
    if isinstance(solver, Adam | Momentum):
        assert outcome.evaluations == pytest.approx(0.25)
    assert outcome.evaluations < 2


@pytest.mark.parametrize("solver", [Adam(), Momentum(), LSQML(), LSQML(memory=0.0)], ids=name)
def test_mini_batches_lower_the_loss_of_all(solver: Any) -> None:
    objective, estimate = start(Toy(1, 1, 1, 8, 12, points=12))
    first, _ = objective.value_and_gradient(estimate, ())
    state = solver.init(objective, estimate, ("object", "probe"))
    random = np.random.default_rng(0)
    for _ in range(15):
        for batch in np.array_split(random.permutation(12), 3):
            estimate, state, _ = solver.step(objective, estimate, state, batch)
    assert objective.value_and_gradient(estimate, ())[0] < 0.3 * first


@pytest.mark.parametrize("wrong", [1e-2, 30.0])
def test_least_squares_mends_units_that_are_wrong(wrong: float) -> None:
    # One unknown far too eager or too shy, and the other as it should be: the lengths make up for it.
    objective, estimate = start(Toy(1, 1, 1, 8, 12, points=12))
    state = LSQML().init(objective, estimate, ("object", "probe"))
    _, right, _ = LSQML().step(objective, estimate, state)
    inverse = {**state.scaling.inverse, "probe": wrong * state.scaling.inverse["probe"]}
    state = replace(state, scaling=Scaling(inverse))
    losses = []
    for _ in range(30):
        estimate, state, outcome = LSQML(every=1).step(objective, estimate, state)
        losses.append(outcome.loss)
    assert losses[-1] < 0.2 * losses[0]
    ratio = wrong * state.lengths["probe"] / right.lengths["probe"]
    assert 0.2 < ratio < 5


def test_natural_units_are_like_plain_ones() -> None:
    # The same rule that gives the other unknowns their unit finds, for these, about the peak and one pixel.
    objective, estimate = start(Toy(1, 1, 1, 12, 12, points=9))
    refined = ("object", "probe", "positions")
    scaling = LBFGS().init(objective, estimate, refined).scaling
    units = natural_units(scaling, estimate.blocks(refined))
    assert 0.1 < units["probe"] / abs(estimate.probe).max() < 10
    assert 0.1 < units["positions"] < 10


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
