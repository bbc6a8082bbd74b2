"""Which mixtures of states the patterns cannot tell from the states, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import AmplitudeLoss
from napari_mixedptycho.prepare import prepare
from tests.physics.toys import Toy, dataset, recipe

STATES = 4


def unitary(seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    return np.linalg.qr(random.normal(size=(STATES, STATES)) + 1j * random.normal(size=(STATES, STATES)))[0]


def turn_about_mean(seed: int = 0) -> Any:
    """Return a rotation that leaves the mean of the states alone."""
    basis = np.linalg.qr(np.column_stack([np.ones(STATES), np.eye(STATES)[:, 1:]]))[0]
    inner = np.eye(STATES)
    inner[1:, 1:] = np.linalg.qr(np.random.default_rng(seed).normal(size=(STATES - 1, STATES - 1)))[0]
    return basis @ inner @ basis.T


def mixing_loss(slices: int, kind: str, matrix: Any) -> float:
    """Loss of the true states, mixed alike in every slice."""
    toy = Toy(STATES, slices, 1, 12, 12, kind)
    truth = toy.estimate(0)
    waves = truth.object if kind == "complex" else np.exp(1j * truth.object)
    mixed = np.tensordot(matrix, waves, axes=1)
    stored = mixed if kind == "complex" else np.angle(mixed)
    return float(toy.objective(AmplitudeLoss()).value_and_gradient(replace(truth, object=stored), ())[0])


def test_any_unitary_mixture_of_complex_states_in_one_slice_gives_the_same_patterns() -> None:
    assert mixing_loss(1, "complex", unitary()) < 1e-28
    # Not so any other mixture, ...
    assert mixing_loss(1, "complex", unitary() + 0.01) > 1e-6


def test_neither_thick_specimens_nor_phase_objects_may_be_mixed() -> None:
    assert mixing_loss(2, "complex", unitary()) > 1e-3
    assert mixing_loss(1, "phase", unitary()) > 1e-3
    assert mixing_loss(1, "phase", np.eye(STATES)[[2, 0, 3, 1]]) < 1e-28


@pytest.mark.parametrize("slices", [1, 3])
def test_turning_phases_about_their_mean_is_felt_to_third_order_and_motion_to_second(slices: int) -> None:
    """So of small motions the data hold mean and covariance over the states, which a turn leaves alone."""
    toy = Toy(STATES, slices, 1, 12, 12, "phase")
    base = toy.estimate(0)
    mean = base.object.mean(axis=0, keepdims=True)
    turned, still = [], []
    for size in (0.01, 0.02):
        truth = replace(base, object=mean + size * (base.object - mean))
        moved = np.tensordot(turn_about_mean(), truth.object, axes=1)
        flat = [array.reshape(STATES, -1) for array in (truth.object, moved)]
        assert np.allclose(flat[0].mean(axis=0), flat[1].mean(axis=0))
        assert np.allclose(np.cov(flat[0].T), np.cov(flat[1].T))
        objective = Objective.of(toy.problem(truth), AmplitudeLoss())
        turned.append(objective.value_and_gradient(replace(truth, object=moved), ())[0])
        one = np.broadcast_to(mean, truth.object.shape).copy()
        still.append(objective.value_and_gradient(replace(truth, object=one), ())[0])
    assert np.log2(still[1] / still[0]) == pytest.approx(4, abs=0.3)
    assert np.log2(turned[1] / turned[0]) == pytest.approx(6, abs=0.5)
    assert turned[1] < 0.01 * still[1]


def told(stages: Any, **model: Any) -> list[str]:
    prepared = prepare(recipe(stages=stages, model={"states": 3, **model}), dataset((4, 5), 16))
    return [text for text in prepared.warnings if "unitary mixture" in text]


FREE = ({"name": "one", "iterations": 1, "states": 1}, {"name": "many", "iterations": 2})


def test_complex_states_of_a_thin_specimen_are_told_to_be_ambiguous() -> None:
    (text,) = told(FREE, object_type="complex", slices=1)
    assert "Stage 'many' has 3 free complex states in one slice" in text
    assert "model.object_type phase" in text
    (text,) = told(FREE, object_type="complex", slices=4, thickness=4.0)
    assert "span 3 Å" in text


@pytest.mark.parametrize(
    "model",
    [
        {"object_type": "phase", "slices": 1},
        {"object_type": "potential", "slices": 1},
        {"object_type": "complex", "slices": 1, "states": 1},
        {"object_type": "complex", "slices": 4, "thickness": 40.0},
    ],
)
def test_others_are_not(model: dict[str, Any]) -> None:
    assert told(FREE, **model) == []
