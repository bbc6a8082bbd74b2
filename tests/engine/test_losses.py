"""Losses against their formulas, at the ends of their range, and in single precision."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import AmplitudeLoss, IntensityLoss, Loss, PoissonLoss
from tests.physics.toys import LOSSES, Toy

RANDOM = np.random.default_rng(8)
PREDICTED = RANDOM.gamma(1.0, 5.0, (3, 6, 6))
MEASURED = RANDOM.poisson(RANDOM.gamma(1.0, 5.0, (3, 6, 6))).astype(float)
WEIGHT = RANDOM.integers(0, 2, (6, 6)).astype(float)


def formula(loss: Loss, i: float, d: float, floor: float) -> float:
    """One pixel, as the class's docstring has it."""
    if isinstance(loss, IntensityLoss):
        return (i - d) ** 2
    if isinstance(loss, AmplitudeLoss):
        return (math.sqrt(i) - math.sqrt(d)) ** 2
    model = i + floor
    return model - d + (d * math.log(d / model) if d else 0.0)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_losses_are_their_formulas(loss: Loss) -> None:
    values, _ = loss.terms(PREDICTED, MEASURED, WEIGHT)
    for found, i, d in zip(values, PREDICTED, MEASURED, strict=True):
        floor = getattr(loss, "background", 0) * (d * WEIGHT).sum() / WEIGHT.sum()
        pixels = [w * formula(loss, a, b, floor) for w, a, b in zip(WEIGHT.flat, i.flat, d.flat, strict=True)]
        assert found == pytest.approx(math.fsum(pixels), rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_slope_is_the_derivative(loss: Loss) -> None:
    _, slope = loss.terms(PREDICTED, MEASURED, WEIGHT)
    for pixel in [(0, 1, 2), (1, 5, 5), (2, 0, 0), (2, 3, 4)]:
        step = np.zeros_like(PREDICTED)
        step[pixel] = 1e-5 * PREDICTED[pixel]
        up, down = (loss.terms(PREDICTED + s * step, MEASURED, WEIGHT)[0].sum() for s in (1, -1))
        assert slope[pixel] == pytest.approx((up - down) / 2 / step[pixel], rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_loss_is_lowest_where_the_prediction_is_right(loss: Loss) -> None:
    values, slope = loss.terms(MEASURED + 1.0, MEASURED + 1.0, WEIGHT)
    assert np.abs(values).max() < 1e-4
    assert np.abs(slope).max() < 2e-4  # not zero: the background of the Poisson loss
    assert (loss.terms(PREDICTED + 1, MEASURED + 1, WEIGHT)[0] > 0.1).all()


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_nothing_predicted_and_nothing_measured_stay_finite(loss: Loss, precision: type) -> None:
    predicted = np.array([[[0, 0, 1e-30, 1e6]]], precision)
    measured = np.array([[[0, 1000, 0, 0]]], precision)
    values, slope = loss.terms(predicted, measured, np.ones((1, 4), precision))
    assert np.isfinite(values).all() and np.isfinite(slope).all()
    assert slope.dtype == precision
    empty, flat = loss.terms(predicted * 0, measured * 0, np.ones((1, 4), precision))
    assert np.isfinite(empty).all() and np.isfinite(flat).all()


@pytest.mark.parametrize("excess", [1e-1, 1e-2, 1e-3, 1e-4])
def test_poisson_keeps_its_digits_in_single_precision(excess: float) -> None:
    """Near I = D the deviance is D·e²/2; I − D − D·log(I/D) has no digits left below e = 1e-3."""
    loss = PoissonLoss(background=0.0)
    measured = RANDOM.uniform(10, 1000, (1, 64, 64)).astype(np.float32)
    predicted = (measured * (1 + excess * RANDOM.normal(size=measured.shape))).astype(np.float32)
    weight = np.ones((64, 64), np.float32)
    found, slope = loss.terms(predicted, measured, weight)
    i, d = predicted.astype(np.float64), measured.astype(np.float64)
    ratio = (d - i) / i
    # Double precision, by the series where the closed form would cancel even there.
    series = i * (ratio**2 / 2 - ratio**3 / 6 + ratio**4 / 12 - ratio**5 / 20 + ratio**6 / 30)
    exact = np.where(np.abs(ratio) < 1e-2, series, i - d + d * np.log1p(ratio))
    assert float(found[0]) == pytest.approx(exact.sum(), rel=1e-4)
    np.testing.assert_allclose(slope, -ratio, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
@pytest.mark.parametrize("dose", [1e-6, 1e6])
def test_dose_changes_neither_loss_nor_relative_gradient(loss: Loss, dose: float) -> None:
    toy = Toy(2, 2, 1, 8, 12)
    problem, estimate = toy.problem(toy.estimate(0)), toy.estimate(1)
    value, gradient = Objective.of(problem, loss).value_and_gradient(estimate, ("object", "probe"))
    brighter = toy.problem(toy.estimate(0), scale=dose)
    lit = estimate.with_blocks({"probe": estimate.probe * np.sqrt(dose)})
    same, scaled = Objective.of(brighter, loss).value_and_gradient(lit, ("object", "probe"))
    assert same == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(scaled["object"], gradient["object"], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(scaled["probe"] * np.sqrt(dose), gradient["probe"], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_number_of_patterns_does_not_change_the_scale(loss: Loss) -> None:
    toy = Toy(1, 1, 1)
    truth = toy.estimate(0)
    problem, estimate = toy.problem(truth), toy.estimate(1)
    value, _ = Objective.of(problem, loss).value_and_gradient(estimate, ())
    measured = np.concatenate([problem.measured] * 2)
    twice = replace(problem, measured=measured, lanes=(np.arange(5), np.arange(5, 10)))
    again = estimate.with_blocks({"positions": np.concatenate([estimate.positions] * 2)})
    assert Objective.of(twice, loss).value_and_gradient(again, ())[0] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_masked_pixels_count_for_nothing(loss: Loss) -> None:
    toy = Toy(2, 2, 1, 8, 12)
    weight = np.ones((8, 8))
    weight[2, 3:6] = 0
    problem = toy.problem(toy.estimate(0), weight=weight)
    hot = problem.measured.copy()
    hot[:, 2, 3:6] = 1e7
    value, gradient = Objective.of(problem, loss).value_and_gradient(toy.estimate(1), ("object",))
    spoilt = replace(problem, measured=hot)
    same, found = Objective.of(spoilt, loss).value_and_gradient(toy.estimate(1), ("object",))
    assert same == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose(found["object"], gradient["object"], rtol=1e-7, atol=1e-13)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_a_batch_of_empty_patterns_has_a_loss(loss: Loss) -> None:
    toy = Toy(1, 1, 1)
    problem = toy.problem(toy.estimate(0))
    measured = problem.measured.copy()
    measured[2] = 0
    objective = Objective.of(replace(problem, measured=measured), loss)
    value, gradient = objective.value_and_gradient(toy.estimate(1), ("object",), np.array([2]))
    assert np.isfinite(value)
    assert np.isfinite(gradient["object"]).all()


def test_poisson_prefers_the_rate_and_the_amplitude_loss_does_not() -> None:
    # Counts of mean 0.3: why real data need the likelihood. The lowest point over a constant prediction.
    counts = RANDOM.poisson(0.3, (1, 200, 200)).astype(float)
    weight = np.ones((200, 200))
    rates = np.linspace(0.02, 0.6, 117)

    def best(loss: Loss) -> float:
        return rates[np.argmin([loss.terms(np.full_like(counts, r), counts, weight)[0][0] for r in rates])]

    assert best(PoissonLoss()) == pytest.approx(0.3, abs=0.01)
    assert best(IntensityLoss()) == pytest.approx(0.3, abs=0.01)
    assert best(AmplitudeLoss()) < 0.15
