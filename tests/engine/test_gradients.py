"""Every gradient against finite differences, in double precision."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import Loss
from tests.physics.toys import LOSSES, Toy, inner, random_like

UNKNOWNS = ("object", "probe", "positions")
SIZES = [(8, 8), (8, 12), (7, 7), (7, 10)]
MODELS = list(itertools.product((1, 2, 3), (1, 2), (1, 2)))


def slope(objective: Objective, estimate: Estimate, name: str, move: Any, batch: Any) -> float:
    """Directional derivative by a central difference of fourth order."""
    step = 1e-4 / float(np.abs(move).max())
    if name == "probe":
        step *= float(np.abs(estimate.probe).max())
    values = {
        k: objective.value_and_gradient(
            estimate.with_blocks({name: getattr(estimate, name) + k * step * move}), (), batch
        )[0]
        for k in (-2, -1, 1, 2)
    }
    return (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * step)


def check(objective: Objective, estimate: Estimate, batch: Any = None) -> None:
    random = np.random.default_rng(5)
    _, gradient = objective.value_and_gradient(estimate, UNKNOWNS, batch)
    for name in UNKNOWNS:
        assert gradient[name].shape == getattr(estimate, name).shape
        move = random_like(getattr(estimate, name), random)
        # A random direction is nearly at right angles to the gradient: give it half of the way.
        along = gradient[name] / np.linalg.norm(gradient[name]) * np.linalg.norm(move)
        expected = slope(objective, estimate, name, move + along, batch)
        assert inner(gradient[name], move + along) == pytest.approx(expected, rel=2e-6), name


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
@pytest.mark.parametrize("kind", ["phase", "complex"])
@pytest.mark.parametrize(("slices", "states", "modes"), MODELS)
def test_gradients(slices: int, states: int, modes: int, kind: str, loss: Loss) -> None:
    detector, padded = SIZES[(slices + states + modes) % len(SIZES)]
    toy = Toy(states, slices, modes, detector, padded, kind)
    check(toy.objective(loss), toy.estimate(1))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
@pytest.mark.parametrize(("detector", "padded"), SIZES)
@pytest.mark.parametrize("batch", [None, [3, 1, 4], [2]], ids=["all", "three", "one"])
def test_gradients_on_masked_padded_and_odd_detectors(
    detector: int, padded: int, batch: list[int] | None, loss: Loss
) -> None:
    toy = Toy(2, 2, 2, detector, padded)
    weight = np.random.default_rng(2).integers(0, 2, (detector, detector)).astype(float)
    objective = toy.objective(loss, weight=weight)
    check(objective, toy.estimate(1), None if batch is None else np.array(batch))


def test_gradients_with_counts_of_zero() -> None:
    toy = Toy(2, 2, 1, 8, 12)
    truth = toy.estimate(0)
    problem = toy.problem(truth)
    counts = np.random.default_rng(4).poisson(problem.measured / problem.measured.mean() * 0.5)
    assert (counts == 0).mean() > 0.3
    scale = float(problem.measured.mean() / counts.mean())
    for loss in LOSSES:
        counted = replace(problem, measured=counts.astype(np.uint8), scale=scale)
        check(Objective.of(counted, loss), toy.estimate(1))


def test_gradients_of_positions_beyond_the_object() -> None:
    toy = Toy(2, 2, 1, 8, 12)
    positions = toy.estimate(1).positions.copy()
    positions[1] = 1.7, 10.1
    check(toy.objective(LOSSES[2]), replace(toy.estimate(1), positions=positions))


def test_gradient_is_nothing_where_no_light_falls() -> None:
    toy = Toy(1, 2, 1, 8, 8, points=1)
    _, gradient = toy.objective(LOSSES[2]).value_and_gradient(toy.estimate(1), ("object",))
    corner = np.rint(toy.estimate(1).positions[0]).astype(int) - 4
    lit = np.zeros(gradient["object"].shape, bool)
    lit[..., corner[0] : corner[0] + 8, corner[1] : corner[1] + 8] = True
    assert np.abs(gradient["object"][~lit]).max() == 0
    assert np.abs(gradient["object"][lit]).min() > 0


def test_only_the_wanted_gradients_are_returned() -> None:
    toy = Toy(2, 2, 2)
    objective, estimate = toy.objective(LOSSES[0]), toy.estimate(1)
    value, everything = objective.value_and_gradient(estimate, UNKNOWNS)
    for name in UNKNOWNS:
        same, only = objective.value_and_gradient(estimate, (name,))
        assert list(only) == [name]
        assert same == value
        np.testing.assert_array_equal(only[name], everything[name])
    assert objective.value_and_gradient(estimate, ()) == (value, {})


def test_evaluating_writes_nothing_into_the_estimate() -> None:
    for points in (1, 5):
        toy = Toy(2, 2, 2, 8, 12, "complex", points)
        objective, estimate = toy.objective(LOSSES[2]), toy.estimate(1)
        before = [getattr(estimate, name).copy() for name in UNKNOWNS]
        measured = objective.problem.measured.copy()
        objective.value_and_gradient(estimate, UNKNOWNS)
        for name, copy in zip(UNKNOWNS, before, strict=True):
            np.testing.assert_array_equal(getattr(estimate, name), copy)
        np.testing.assert_array_equal(objective.problem.measured, measured)


def test_batches_add_up_to_the_whole() -> None:
    toy = Toy(2, 2, 1)
    objective, estimate = toy.objective(LOSSES[1]), toy.estimate(1)
    whole, gradient = objective.value_and_gradient(estimate, UNKNOWNS)
    parts = [np.array([4, 0]), np.array([1, 2, 3])]
    shares = [len(part) / objective.problem.count for part in parts]
    found = [objective.value_and_gradient(estimate, UNKNOWNS, part) for part in parts]
    assert sum(s * f[0] for s, f in zip(shares, found, strict=True)) == pytest.approx(whole, rel=1e-12)
    for name in UNKNOWNS:
        total = sum(s * f[1][name] for s, f in zip(shares, found, strict=True))
        np.testing.assert_allclose(total, gradient[name], rtol=1e-9, atol=1e-14)
