"""The forward model against an independent one, and its symmetries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective, illumination, predict
from napari_mixedptycho.engine.losses import Loss
from tests.physics.reference import patterns
from tests.physics.toys import ENERGY, LOSSES, SAMPLING, SPACING, Toy

UNKNOWNS = ("object", "probe", "positions")
ALL = np.arange(5)


@pytest.mark.parametrize("kind", ["phase", "complex"])
@pytest.mark.parametrize(
    ("states", "slices", "modes", "detector", "padded"),
    [
        (1, 1, 1, 12, 12),
        (1, 3, 1, 8, 12),
        (3, 2, 2, 8, 12),
        (2, 4, 1, 7, 10),
        (2, 2, 2, 9, 9),
        (1, 2, 3, 9, 15),
    ],
)
def test_patterns_agree_with_an_independent_multislice(
    states: int, slices: int, modes: int, detector: int, padded: int, kind: str
) -> None:
    toy = Toy(states, slices, modes, detector, padded, kind)
    estimate = toy.estimate(0)
    found = np.fft.fftshift(predict(toy.problem(estimate), estimate, ALL), axes=(-2, -1))
    waves = estimate.object if kind == "complex" else np.exp(1j * estimate.object)
    expected = patterns(waves, estimate.probe, estimate.positions, detector, ENERGY, SAMPLING, SPACING)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * expected.max())


def test_single_precision_keeps_six_digits() -> None:
    double = Toy(2, 3, 2, 8, 12)
    estimate = double.estimate(0)
    expected = predict(double.problem(estimate), estimate, ALL)
    single = replace(double, single=True)
    found = predict(single.problem(single.estimate(0)), single.estimate(0), ALL)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 3e-6 * expected.max()


def test_a_phase_object_keeps_every_electron() -> None:
    # An odd grid: on an even one the sub-pixel shift loses some of the highest frequency.
    toy = Toy(3, 2, 2, 13, 13)
    estimate = toy.estimate(0)
    power = 3 * (np.abs(estimate.probe) ** 2).sum()  # each state is lit by the probe
    electrons = predict(toy.problem(estimate), estimate, ALL).sum(axis=(1, 2))
    np.testing.assert_allclose(electrons, power, rtol=1e-12)


def test_patterns_come_in_the_order_asked_for() -> None:
    toy = Toy(2, 2, 1)
    estimate = toy.estimate(0)
    problem = toy.problem(estimate)
    everything = predict(problem, estimate, ALL)
    np.testing.assert_allclose(
        predict(problem, estimate, np.array([4, 0, 2])), everything[[4, 0, 2]], rtol=1e-12
    )


def test_moving_object_and_positions_together_changes_nothing() -> None:
    toy = Toy(2, 2, 1, 8, 12)
    estimate = toy.estimate(0)
    problem = toy.problem(estimate)
    moved = estimate.with_blocks(
        {
            "object": np.roll(estimate.object, (1, -1), axis=(-2, -1)),
            "positions": estimate.positions + np.array([1, -1]),
        }
    )
    np.testing.assert_allclose(predict(problem, moved, ALL), predict(problem, estimate, ALL), rtol=1e-10)


def test_transposing_the_world_transposes_the_patterns() -> None:
    toy = Toy(2, 3, 2, 8, 12)
    estimate = toy.estimate(0)
    problem = toy.problem(estimate)
    turned = Estimate(
        estimate.object.swapaxes(-1, -2), estimate.probe.swapaxes(-1, -2), estimate.positions[:, ::-1]
    )
    found = predict(problem, turned, ALL)
    np.testing.assert_allclose(found.swapaxes(-1, -2), predict(problem, estimate, ALL), rtol=1e-10)
    assert not np.allclose(found, predict(problem, estimate, ALL), rtol=1e-2)


# --- states and modes -----------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_identical_states_are_one_state(loss: Loss) -> None:
    one, count = Toy(1, 2, 2, 8, 12), 4
    objective, estimate = one.objective(loss), one.estimate(1)
    many = replace(
        estimate, object=np.repeat(estimate.object, count, axis=0), probe=estimate.probe / np.sqrt(count)
    )
    value, gradient = objective.value_and_gradient(estimate, UNKNOWNS)
    same, shared = objective.value_and_gradient(many, UNKNOWNS)
    assert same == pytest.approx(value, rel=1e-12)
    for state in shared["object"]:
        np.testing.assert_allclose(state * count, gradient["object"][0], rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(shared["probe"] / np.sqrt(count), gradient["probe"], rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(shared["positions"], gradient["positions"], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_states_are_exchangeable(loss: Loss) -> None:
    toy, order = Toy(3, 2, 1, 8, 12), [2, 0, 1]
    objective, estimate = toy.objective(loss), toy.estimate(1)
    value, gradient = objective.value_and_gradient(estimate, UNKNOWNS)
    same, shuffled = objective.value_and_gradient(replace(estimate, object=estimate.object[order]), UNKNOWNS)
    assert same == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(shuffled["object"], gradient["object"][order], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(shuffled["probe"], gradient["probe"], rtol=1e-9, atol=1e-14)


def test_unitary_mixing_of_modes_changes_neither_patterns_nor_loss() -> None:
    toy = Toy(2, 2, 3, 8, 12)
    estimate = toy.estimate(1)
    random = np.random.default_rng(0)
    unitary, _ = np.linalg.qr(random.normal(size=(3, 3)) + 1j * random.normal(size=(3, 3)))
    mixed = replace(estimate, probe=np.einsum("ab,byx->ayx", unitary, estimate.probe))
    objective = toy.objective(LOSSES[2])
    np.testing.assert_allclose(
        predict(objective.problem, mixed, ALL), predict(objective.problem, estimate, ALL), rtol=1e-10
    )
    value, gradient = objective.value_and_gradient(estimate, ("probe",))
    same, turned = objective.value_and_gradient(mixed, ("probe",))
    assert same == pytest.approx(value, rel=1e-12)
    expected = np.einsum("ab,byx->ayx", unitary, gradient["probe"])
    np.testing.assert_allclose(turned["probe"], expected, rtol=1e-8, atol=1e-13)


def test_a_phase_is_the_argument_of_a_complex_object() -> None:
    toy = Toy(2, 2, 1, 8, 12)
    estimate = toy.estimate(1)
    objective = toy.objective(LOSSES[2])
    same = replace(estimate, object=np.exp(1j * estimate.object))
    value, gradient = objective.value_and_gradient(estimate, ("object",))
    again, complexes = objective.value_and_gradient(same, ("object",))
    assert again == pytest.approx(value, rel=1e-12)
    # dO = i·O·dφ, so the gradient of the phase is the part of the other that is at right angles to O.
    across = np.imag(np.conj(same.object) * complexes["object"])
    np.testing.assert_allclose(gradient["object"], across, atol=1e-12 * np.abs(across).max())


def test_states_add_intensities_not_waves() -> None:
    toy = Toy(2, 1, 1, 8, 12)
    estimate = toy.estimate(0)
    problem = toy.problem(estimate)
    alone = [predict(problem, replace(estimate, object=state[None]), ALL) for state in estimate.object]
    np.testing.assert_allclose(predict(problem, estimate, ALL), alone[0] + alone[1], rtol=1e-12)


# --- chunks and threads ---------------------------------------------------------------------------


@pytest.mark.parametrize("single", [False, True])
def test_chunks_change_only_rounding(single: bool) -> None:
    toy = Toy(2, 2, 2, 8, 12, points=11, single=single)
    problem, estimate = toy.problem(toy.estimate(0)), toy.estimate(1)
    problem = replace(problem, lanes=(np.arange(0, 7), np.arange(7, 11)))
    rounding = 3e-5 if single else 1e-11
    value, gradient = Objective.of(problem, LOSSES[2]).value_and_gradient(estimate, UNKNOWNS)
    for chunk in (1, 3, 100):
        other = Objective.of(replace(problem, chunk=chunk), LOSSES[2])
        same, found = other.value_and_gradient(estimate, UNKNOWNS)
        assert same == pytest.approx(value, rel=rounding)
        for name in UNKNOWNS:
            assert np.abs(found[name] - gradient[name]).max() < rounding * np.abs(gradient[name]).max()


def test_any_number_of_threads_gives_the_same_bits() -> None:
    toy = Toy(2, 2, 2, 8, 12, points=23, single=True)
    problem, estimate = toy.problem(toy.estimate(0)), toy.estimate(1)
    problem = replace(problem, lanes=tuple(np.array_split(np.arange(23), 7)))
    value, gradient = Objective.of(problem, LOSSES[2]).value_and_gradient(estimate, UNKNOWNS)
    for threads in (1, 2, 5):
        for _ in range(3):
            objective = Objective.of(replace(problem, threads=threads), LOSSES[2])
            same, found = objective.value_and_gradient(estimate, UNKNOWNS)
            assert same == value
            for name in UNKNOWNS:
                assert found[name].tobytes() == gradient[name].tobytes()


def test_illumination_is_the_light_on_each_pixel() -> None:
    toy = Toy(2, 2, 2, 8, 12)
    estimate = toy.estimate(0)
    problem = toy.problem(estimate)
    whole = replace(estimate, positions=np.rint(estimate.positions))
    expected = np.zeros(estimate.object.shape[-2:])
    for y, x in whole.positions.astype(int) - 6:
        expected[y : y + 12, x : x + 12] += (np.abs(estimate.probe) ** 2).sum(axis=0)
    np.testing.assert_allclose(illumination(problem, whole), expected, rtol=1e-12)
