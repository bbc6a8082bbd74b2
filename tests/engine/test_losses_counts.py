"""Losses of counted electrons: what is lowest where the truth is, however few electrons there are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import gammaln

from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.losses import (
    AmplitudeLoss,
    AnscombeLoss,
    AutoLoss,
    GaussianPoissonLoss,
    IntensityLoss,
    Loss,
    LossChoice,
    PoissonLoss,
)
from napari_mixedptycho.engine.losses.anscombe import _fading
from napari_mixedptycho.engine.stage import Stage
from tests.engine.test_gradients import check
from tests.physics.toys import Toy

NEW = [AnscombeLoss(), GaussianPoissonLoss(readout=1.5), GaussianPoissonLoss(readout=0.05)]
ALL: list[Any] = [IntensityLoss(), AmplitudeLoss(), PoissonLoss(), *NEW]


def name(loss: Any) -> str:
    return f"{loss.kind}{getattr(loss, 'readout', '')}"


def lowest(loss: Loss, measured: np.ndarray) -> float:
    """Return the one intensity that explains all pixels best: where the slope vanishes."""
    measured = measured.reshape(1, 1, -1)
    weight = np.ones(measured.shape[1:])

    def slope(log: float) -> float:
        return float(loss.terms(np.full_like(measured, math.exp(log)), measured, weight)[1].sum())

    return math.exp(brentq(slope, -12, 6, xtol=1e-10))


def mean_root(intensity: float) -> float:
    """Return the mean of 2·√(D + 3/8) under Poisson statistics, summed term by term."""
    counts = np.arange(2000)
    logs = counts * np.log(intensity) - intensity - gammaln(counts + 1)
    return float((np.exp(logs) * 2 * np.sqrt(counts + 0.375)).sum())


# --- bias -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mean", [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])
def test_the_corrected_amplitude_loss_has_no_bias_and_the_bare_one_has(mean: float) -> None:
    counts = np.random.default_rng(1).poisson(mean, 2_000_000).astype(float)
    shot = 4 / math.sqrt(counts.sum())  # four standard deviations, relative
    assert lowest(AnscombeLoss(), counts) == pytest.approx(mean, rel=0.001 + 1.2 * shot)
    assert lowest(PoissonLoss(), counts) == pytest.approx(mean, rel=0.001 + shot)
    bare = lowest(AmplitudeLoss(), counts) / mean - 1
    # The square of the mean square root: one electron per pixel and below it misses most, above 1/(4·mean).
    assert bare < (-0.2 if mean <= 1 else -0.8 / (4 * mean))
    assert mean > 0.03 or bare < -0.95


def test_the_mean_of_the_stabilised_counts_is_met() -> None:
    intensity = np.concatenate([[1e-6, 1e-4], np.geomspace(1e-3, 500, 120)])
    fading, slope = _fading(intensity)
    model = 2 * np.sqrt(intensity + 0.125 + 0.25 * fading)
    exact = np.array([mean_root(value) for value in intensity])
    derivative = (2 + 0.5 * slope) / model
    # What is off in the mean, as a part of the intensity that would be found.
    off = (model - exact) / derivative
    assert np.abs(off / intensity)[intensity >= 1e-3].max() < 1e-3
    steps = np.array([1 - 1e-6, 1 + 1e-6])[:, None] * intensity
    down, up = (_fading(step)[0] for step in steps)
    np.testing.assert_allclose(slope, (up - down) / (2e-6 * intensity), rtol=1e-4, atol=1e-5)


def test_stabilised_counts_of_many_electrons_count_as_the_likelihood() -> None:
    random = np.random.default_rng(3)
    predicted = random.uniform(2e3, 4e3, (1, 32, 32))
    measured, weight = random.poisson(predicted).astype(float), np.ones((32, 32))
    likelihood, slope = PoissonLoss(background=0).terms(predicted, measured, weight)
    found, same = AnscombeLoss().terms(predicted, measured, weight)
    assert found[0] == pytest.approx(likelihood[0], rel=2e-3)
    np.testing.assert_allclose(same, slope, atol=2e-3)


@pytest.mark.parametrize("readout", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("mean", [0.1, 1.0, 10.0])
def test_readout_noise_shifts_nothing_and_clipping_it_does(mean: float, readout: float) -> None:
    random = np.random.default_rng(2)
    pixels = 400_000
    values = random.poisson(mean, pixels) + random.normal(0, readout, pixels)
    assert (values < -(readout**2)).mean() > (0.05 if readout < 1 > mean else -1)
    error = 4 * math.sqrt((mean + readout**2) / pixels)
    assert lowest(GaussianPoissonLoss(readout=readout), values) == pytest.approx(mean, abs=error)
    if mean < readout:
        assert lowest(PoissonLoss(), np.maximum(values, 0)) > mean + 2 * error


def test_without_readout_noise_it_is_the_poisson_loss() -> None:
    random = np.random.default_rng(6)
    predicted = random.gamma(1.0, 50.0, (2, 8, 8)) + 1
    measured, weight = random.poisson(predicted).astype(float), np.ones((8, 8))
    values, slope = PoissonLoss(background=0).terms(predicted, measured, weight)
    found, same = GaussianPoissonLoss(readout=0.01).terms(predicted, measured, weight)
    np.testing.assert_allclose(found, values, rtol=1e-3)
    np.testing.assert_allclose(same, slope, atol=1e-3)


# --- formulas, slopes, ends of the range ----------------------------------------------------------


def formula(loss: Any, i: float, d: float) -> float:
    """One pixel, as the class's docstring has it."""
    if isinstance(loss, AnscombeLoss):
        return 0.5 * (2 * math.sqrt(d + 0.375) - mean_root(i)) ** 2
    s = loss.readout**2
    if d + s <= 0:
        return i + s - (d + s) * math.log(1 + i / s)
    return i - d + (d + s) * math.log((d + s) / (i + s))


@pytest.mark.parametrize("loss", NEW, ids=name)
def test_losses_are_their_formulas(loss: Any) -> None:
    random = np.random.default_rng(8)
    predicted = random.gamma(1.0, 5.0, (3, 6, 6))
    measured = random.poisson(predicted).astype(float)
    if loss.takes_negative:
        measured += random.normal(0, 1, measured.shape)
        assert (measured < -(loss.readout**2)).any() or loss.readout > 1
    weight = random.integers(0, 2, (6, 6)).astype(float)
    values, _ = loss.terms(predicted, measured, weight)
    for found, i, d in zip(values, predicted, measured, strict=True):
        pixels = [w * formula(loss, a, b) for w, a, b in zip(weight.flat, i.flat, d.flat, strict=True)]
        assert found == pytest.approx(math.fsum(pixels), rel=2e-3)
    np.testing.assert_allclose(loss.scale(measured, weight), (measured * weight).sum(axis=(1, 2)))


@pytest.mark.parametrize("loss", NEW, ids=name)
def test_slope_is_the_derivative(loss: Any) -> None:
    random = np.random.default_rng(9)
    predicted = random.gamma(1.0, 5.0, (2, 6, 6))
    predicted[0, 0] *= 1e-3
    measured = random.poisson(5, predicted.shape) + (
        random.normal(0, 3, predicted.shape) * loss.takes_negative
    )
    weight = random.uniform(0, 1, (6, 6))
    _, slope = loss.terms(predicted, measured, weight)
    for pixel in [(0, 0, 2), (0, 0, 5), (1, 5, 5), (0, 3, 4)]:
        step = np.zeros_like(predicted)
        step[pixel] = 1e-5 * predicted[pixel]
        up, down = (loss.terms(predicted + s * step, measured, weight)[0].sum() for s in (1, -1))
        assert slope[pixel] == pytest.approx((up - down) / 2 / step[pixel], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("loss", NEW, ids=name)
def test_nothing_predicted_nothing_measured_and_huge_numbers_stay_finite(loss: Any, precision: type) -> None:
    predicted = np.array([[[0, 0, 1e-30, 1e6, 1e12, 3, 0]]], precision)
    measured = np.array([[[0, 1000, 0, 0, 1e12, -5, -5]]], precision)
    weight = np.ones((1, 7), precision)
    for i, d in ((predicted, measured), (predicted * 0, measured * 0), (predicted, measured * 0)):
        values, slope = loss.terms(i, d, weight)
        assert np.isfinite(values).all() and np.isfinite(slope).all()
        assert slope.dtype == precision


@pytest.mark.parametrize("loss", NEW, ids=name)
def test_single_precision_is_enough(loss: Any) -> None:
    random = np.random.default_rng(4)
    measured = random.poisson(random.gamma(0.3, 3e4, (1, 64, 64))).astype(np.float32)
    predicted = (measured * (1 + 1e-3 * random.normal(size=measured.shape)) + 1e-3).astype(np.float32)
    weight = np.ones((64, 64), np.float32)
    found, slope = loss.terms(predicted, measured, weight)
    exact, expected = loss.terms(*(part.astype(np.float64) for part in (predicted, measured, weight)))
    assert float(found[0]) == pytest.approx(float(exact[0]), rel=1e-4)
    np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=2e-6)


# --- in the engine --------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ALL, ids=name)
@pytest.mark.parametrize("electrons", [1e4, 1e6])
def test_stiffness_is_the_curvature_along_the_modulus(loss: Any, electrons: float) -> None:
    """Second difference of the loss as the moduli of a bright, even far field change, times all electrons."""
    random = np.random.default_rng(5)
    modulus = np.full((2, 8, 8), math.sqrt(electrons))
    measured, weight = modulus**2, np.ones((8, 8))
    move = random.normal(size=modulus.shape)
    move *= 1e-2 * modulus.max() / np.linalg.norm(move)
    values = [loss.terms((modulus + k * move) ** 2, measured, weight)[0].sum() for k in (-1, 0, 1)]
    bend = (values[0] - 2 * values[1] + values[2]) / (move**2).sum()
    curvature = bend * measured.sum() / loss.scale(measured, weight).sum()
    assert curvature == pytest.approx(loss.stiffness, rel=2e-3)


@pytest.mark.parametrize("loss", NEW, ids=name)
@pytest.mark.parametrize("kind", ["phase", "complex"])
def test_gradients_of_few_counts_masked_and_padded(loss: Any, kind: str) -> None:
    toy, random = Toy(2, 2, 2, 8, 12, kind), np.random.default_rng(2)
    problem = toy.problem(toy.estimate(0), weight=random.integers(0, 2, (8, 8)).astype(float))
    bright = problem.measured / problem.measured.mean()
    counts = random.poisson(bright).astype(float)
    if loss.takes_negative:
        counts += random.normal(0, 1, counts.shape)
    scale = float(problem.measured.mean() / bright.mean())
    check(
        Objective.of(replace(problem, measured=counts, scale=scale), loss), toy.estimate(1), np.array([3, 1])
    )


@pytest.mark.parametrize("loss", NEW, ids=name)
def test_masked_pixels_count_for_nothing(loss: Any) -> None:
    random = np.random.default_rng(7)
    predicted, measured = random.gamma(1, 5, (2, 4, 6, 6))
    weight = np.ones((6, 6))
    weight[2, 3:5] = 0
    values, slope = loss.terms(predicted, measured, weight)
    measured[:, 2, 3:5], predicted[:, 2, 3:5] = 1e7, 0
    same, found = loss.terms(predicted, measured, weight)
    np.testing.assert_allclose(same, values, rtol=1e-12)
    np.testing.assert_array_equal(found, slope * weight)


@pytest.mark.parametrize("loss", NEW, ids=name)
def test_number_of_patterns_does_not_change_the_scale(loss: Any) -> None:
    toy = Toy()
    problem, estimate = toy.problem(toy.estimate(0)), toy.estimate(1)
    value, _ = Objective.of(problem, loss).value_and_gradient(estimate, ())
    twice = replace(
        problem,
        measured=np.concatenate([problem.measured] * 2),
        lanes=(np.arange(5), np.arange(5, 10)),
    )
    again = estimate.with_blocks({"positions": np.concatenate([estimate.positions] * 2)})
    assert Objective.of(twice, loss).value_and_gradient(again, ())[0] == pytest.approx(value, rel=1e-12)


# --- the choice -----------------------------------------------------------------------------------


def test_every_loss_but_auto_chooses_itself() -> None:
    for loss in ALL:
        assert loss.chosen(True) is loss is loss.chosen(False)
        assert loss.reason(True)


def test_a_choice_is_a_loss_or_auto() -> None:
    choices, losses = (set(get_args(get_args(union)[0])) for union in (LossChoice, Loss))
    assert choices == losses | {AutoLoss}


@pytest.mark.parametrize("counted", [True, False])
def test_auto_takes_a_loss_and_says_why(counted: bool) -> None:
    assert AutoLoss().chosen(counted) == PoissonLoss()
    assert "dose is known" in AutoLoss().reason(True)
    assert "not known" in AutoLoss().reason(False)
    assert Stage().loss == AutoLoss()


@pytest.mark.parametrize("counted", [True, False])
def test_a_stage_of_auto_runs_as_the_loss_it_chooses(counted: bool) -> None:
    toy = Toy(single=True)
    problem = replace(toy.problem(toy.estimate(0)), counted=counted)
    start = Start(toy.estimate(1))
    stages = [Stage(iterations=3), Stage(iterations=3, loss=AutoLoss().chosen(counted))]
    losses = [[step.loss for step in iterate(problem, stage, "phase", start, 0)] for stage in stages]
    assert losses[0] == losses[1]
