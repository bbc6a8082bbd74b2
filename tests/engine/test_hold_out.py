"""Patterns that are left out of the loss: which, and that nothing is learnt from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective, illumination
from napari_mixedptycho.engine.hold_out import every_kth
from napari_mixedptycho.engine.iterate import Start, Step, iterate
from napari_mixedptycho.engine.problem import Problem, divide
from napari_mixedptycho.engine.solvers import LBFGS, Adam
from napari_mixedptycho.engine.stage import Stage
from tests.physics.toys import LOSSES, Toy

POINTS = 12
HELD = np.array([1, 5, 9])


def toy(seed: int = 0) -> tuple[Problem, Estimate]:
    """Return a problem that holds out three of its patterns, and an estimate near the truth."""
    chosen = Toy(states=2, slices=2, detector=8, padded=12, points=POINTS)
    truth = chosen.estimate(0)
    fitted = np.setdiff1d(np.arange(POINTS), HELD)
    problem = chosen.problem(truth, held_out=HELD, lanes=divide(fitted, 2))
    random = np.random.default_rng(seed)
    near = truth.object + 0.2 * random.normal(size=truth.object.shape)
    return problem, truth.with_blocks({"object": near})


def spoilt(problem: Problem, places: np.ndarray) -> Problem:
    """Return the problem with other patterns at some places."""
    measured = problem.measured.copy()
    measured[places] = measured[places][:, ::-1] * 3 + 1
    return replace(problem, measured=measured)


@pytest.mark.parametrize("shape", [(24, 24), (20, 30), (7, 40), (1, 50), (50, 1)])
@pytest.mark.parametrize("every", [2, 3, 4, 5, 7, 10, 24])
def test_about_every_kth_point_is_chosen(shape: tuple[int, int], every: int) -> None:
    chosen = every_kth(shape, every)
    assert 0.6 * np.prod(shape) / every <= len(chosen) <= np.ceil(np.prod(shape) / every) + max(shape) / 2
    assert len(np.unique(chosen)) == len(chosen)
    assert chosen.min() >= 0
    assert chosen.max() < np.prod(shape)


@pytest.mark.parametrize("every", [2, 3, 4, 5, 6, 8, 10, 12, 20])
def test_they_are_spread_evenly_and_never_a_column(every: int) -> None:
    points = np.stack(np.divmod(every_kth((24, 24), every), 24), axis=1)
    distances = np.hypot(*(points[:, None] - points).T)
    np.fill_diagonal(distances, np.inf)
    # The densest lattice of all would have 1.07 √k.
    assert distances.min() >= 0.8 * np.sqrt(every)
    for axis in (0, 1):
        assert np.bincount(points[:, axis], minlength=24).max() <= 12  # half of a row or column at most
    assert [12, 12] in points.tolist()


def test_fitted_and_held_out_are_all() -> None:
    problem, _ = toy()
    assert sorted([*problem.fitted, *problem.held_out]) == list(range(POINTS))
    assert len(replace(problem, held_out=np.zeros(0, np.int64)).fitted) == POINTS


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_loss_and_gradient_know_nothing_of_them(loss: Any) -> None:
    problem, estimate = toy()
    one, other = (Objective.of(p, loss) for p in (problem, spoilt(problem, HELD)))
    refined = ("object", "probe", "positions")
    value, gradient = one.value_and_gradient(estimate, refined)
    same, slope = other.value_and_gradient(estimate, refined)
    assert (one.total, one.electrons, value) == (other.total, other.electrons, same)
    for name in refined:
        np.testing.assert_array_equal(gradient[name], slope[name])
    assert not gradient["positions"][HELD].any()
    assert gradient["positions"][problem.fitted].all()
    assert one.held_out(estimate) != other.held_out(estimate)
    np.testing.assert_array_equal(illumination(problem, estimate), illumination(other.problem, estimate))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_both_losses_have_one_scale(loss: Any) -> None:
    """What is held out in one problem and fitted in another has the same loss."""
    problem, estimate = toy()
    turned = replace(problem, held_out=problem.fitted, lanes=divide(HELD, 2))
    assert Objective.of(problem, loss).held_out(estimate) == pytest.approx(
        Objective.of(turned, loss).value_and_gradient(estimate, ())[0]
    )


def test_without_any_there_is_no_such_loss() -> None:
    problem, estimate = toy()
    everything = replace(problem, held_out=np.zeros(0, np.int64), lanes=divide(np.arange(POINTS), 2))
    assert np.isnan(Objective.of(everything, LOSSES[0]).held_out(estimate))


def run(problem: Problem, estimate: Estimate, **how: Any) -> list[Step]:
    return list(iterate(problem, Stage(**{"iterations": 6, **how}), "phase", Start(estimate), 0))


@pytest.mark.parametrize(
    "how",
    [{"solver": LBFGS()}, {"solver": Adam(), "patterns_per_update": 4}, {"solver": Adam()}],
    ids=["lbfgs", "adam in batches", "adam"],
)
def test_a_run_learns_nothing_from_them(how: dict[str, Any]) -> None:
    problem, estimate = toy()
    one, other = run(problem, estimate, **how), run(spoilt(problem, HELD), estimate, **how)
    assert [step.loss for step in one] == [step.loss for step in other]
    np.testing.assert_array_equal(one[-1].estimate.object, other[-1].estimate.object)
    assert one[-1].held_out != other[-1].held_out
    assert one[-1].evaluations == pytest.approx(other[-1].evaluations)


def test_truth_is_predicted_and_the_prediction_gets_better() -> None:
    problem, estimate = toy()
    losses = [step.held_out for step in run(problem, estimate, iterations=12, refine=("object",))]
    assert losses[-1] < 0.5 * losses[0]
    truth = Toy(states=2, slices=2, detector=8, padded=12, points=POINTS).estimate(0)
    assert Objective.of(problem, LOSSES[0]).held_out(truth) < 1e-20
