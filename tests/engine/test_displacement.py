"""States as displaced copies of one object: gradients, adjoints, and that they are what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.engine.displacement import displaced
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective, predict
from napari_mixedptycho.engine.losses import Loss, PoissonLoss
from napari_mixedptycho.engine.solvers import LBFGS, LSQML, Adam, ConjugateGradient, Momentum, Solver
from napari_mixedptycho.engine.vectors import dot
from tests.physics.toys import LOSSES, Toy, inner, random_like

REFINED = ("object", "displacement", "probe", "positions")


def with_fields(toy: Toy, seed: int, count: int, size: float = 0.2) -> Estimate:
    """Return an estimate of one stored object and `count` displacement fields."""
    estimate = toy.estimate(seed)
    fields = np.random.default_rng(seed).normal(0, size, (count, 2, *estimate.object.shape[-2:]))
    return replace(estimate, displacement=fields)


def bumps(edge: int, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Return smooth bumps on a periodic square, (1, 1, y, x), moved by `shift` px."""
    y, x = np.indices((edge, edge)) * 2 * np.pi / edge
    dy, dx = (2 * np.pi * part / edge for part in shift)
    return np.exp(np.cos(y - dy) + np.cos(2 * (x - dx)))[None, None]


def test_no_displacement_is_the_object_itself() -> None:
    stored = np.random.default_rng(0).normal(size=(1, 2, 9, 10))
    phases, _ = displaced(stored, np.zeros((3, 2, 9, 10)))
    np.testing.assert_allclose(phases, np.repeat(stored, 3, axis=0), atol=1e-14)


@pytest.mark.parametrize("shift", [(1.0, 0.0), (0.0, 1.0), (0.6, -0.8)])
def test_a_common_displacement_moves_the_object_there_to_third_order(shift: tuple[float, float]) -> None:
    errors = []
    for size in (0.8, 0.4, 0.2):
        moved = tuple(size * part for part in shift)
        fields = np.broadcast_to(np.array(moved)[None, :, None, None], (1, 2, 24, 24))
        errors.append(np.abs(displaced(bumps(24), fields)[0] - bumps(24, moved)).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 3, atol=0.3)


@pytest.mark.parametrize("shape", [(8, 8), (9, 8), (8, 9), (9, 9)])
def test_pullback_is_the_adjoint(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    stored, fields = random.normal(size=(1, 2, *shape)), random.normal(0, 0.3, (3, 2, *shape))
    phases, back = displaced(stored, fields)
    other = random.normal(size=phases.shape)
    base, slopes = back(other)
    # Linear in the object ...
    assert inner(other, phases) == pytest.approx(inner(base, stored), rel=1e-12)
    # ... and quadratic in the fields, where a central difference is exact.
    move = random.normal(size=fields.shape)
    up, down = (displaced(stored, fields + sign * move)[0] for sign in (1, -1))
    assert inner(other, up - down) / 2 == pytest.approx(inner(slopes, move), rel=1e-10)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
@pytest.mark.parametrize(("slices", "states", "modes"), [(1, 1, 1), (1, 3, 1), (3, 2, 2)])
def test_gradients(slices: int, states: int, modes: int, loss: Loss) -> None:
    toy = Toy(1, slices, modes, 8, 12)
    objective, estimate = toy.objective(loss), with_fields(toy, 1, states)
    _, gradient = objective.value_and_gradient(estimate, REFINED)
    random = np.random.default_rng(3)
    for name in REFINED:
        values = getattr(estimate, name)
        along = gradient[name] / np.linalg.norm(gradient[name])
        move = random_like(values, random)
        move = move / np.linalg.norm(move) + along
        step = 1e-4 * float(np.abs(values).max()) / float(np.abs(move).max())
        up, down, far_up, far_down = (
            objective.value_and_gradient(estimate.with_blocks({name: values + k * step * move}), ())[0]
            for k in (1, -1, 2, -2)
        )
        expected = (8 * (up - down) - (far_up - far_down)) / (12 * step)
        assert inner(gradient[name], move) == pytest.approx(expected, rel=5e-6), name


def test_displaced_copies_predict_what_their_states_would() -> None:
    toy = Toy(1, 2, 1, 8, 12)
    estimate = with_fields(toy, 1, 3)
    assert estimate.states == 3
    free = replace(estimate, object=displaced(estimate.object, estimate.displacement)[0], displacement=None)
    problem = toy.problem(toy.estimate(0))
    found, expected = (predict(problem, one, np.arange(5)) for one in (estimate, free))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_scaling_is_symmetric_and_leaves_no_common_displacement() -> None:
    toy = Toy(1, 2, 1, 8, 12)
    objective, estimate = toy.objective(PoissonLoss()), with_fields(toy, 1, 3)
    scaling = LBFGS().init(objective, estimate, REFINED).scaling
    random = np.random.default_rng(0)
    a, b = ({k: random_like(v, random) for k, v in estimate.blocks(REFINED).items()} for _ in range(2))
    assert dot(a, scaling(b)) == pytest.approx(dot(scaling(a), b), rel=1e-9)
    assert dot(a, scaling(a)) > 0
    common = scaling(a)["displacement"].mean(axis=0)
    assert np.abs(common).max() < 1e-12 * np.abs(scaling(a)["displacement"]).max()


@pytest.mark.parametrize(
    "solver",
    [LBFGS(), ConjugateGradient(), Momentum(), LSQML(), Adam(rate=0.005)],
    ids=lambda solver: solver.kind,
)
def test_solvers_lower_the_loss(solver: Solver) -> None:
    toy = Toy(1, 1, 1, 12, 12, points=9)
    truth = with_fields(toy, 0, 2, 0.3)
    objective = Objective.of(toy.problem(truth), PoissonLoss())
    estimate = replace(truth, displacement=0.3 * truth.displacement)
    first, _ = objective.value_and_gradient(estimate, ())
    state = solver.init(objective, estimate, ("object", "displacement"))
    for _ in range(30):
        estimate, state, _ = solver.step(objective, estimate, state)
    assert objective.value_and_gradient(estimate, ())[0] < 0.5 * first
