"""The prior of atoms: its gradient, its scale, and that it tells atoms from noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.prior import AtomPrior, Spectrum
from tests.physics.toys import Toy

RANDOM = np.random.default_rng(5)
SAMPLING, SCREENING = 0.2, 0.6


def atoms(edge: int = 64, count: int = 30) -> np.ndarray:
    """Return one slice of atoms with the prior's own form factor: (1, 1, y, x), rad."""
    k = np.hypot(np.fft.fftfreq(edge, SAMPLING)[:, None], np.fft.rfftfreq(edge, SAMPLING))
    places = np.zeros((edge, edge))
    places[tuple(RANDOM.integers(0, edge, (2, count)))] = 1.0
    image = np.fft.irfft2(np.fft.rfft2(places) / (1 + (k / SCREENING) ** 2), s=places.shape)
    return image[None, None]


def problem() -> tuple[Toy, object]:
    toy = Toy(2, 2, 1)
    return toy, replace(toy.problem(toy.estimate(0)), sampling=SAMPLING, counted=True)


def of(stored: np.ndarray) -> Estimate:
    """Return an estimate with this object."""
    return Estimate(stored, np.zeros((1, 1, 1), complex), np.zeros((1, 2)))


def fitted(stored: np.ndarray, electrons: float = 1e6) -> Spectrum:
    _, counted = problem()
    prior = AtomPrior(screening=SCREENING).fit(counted, stored, electrons)
    assert prior is not None
    return prior


@pytest.mark.parametrize("edges", [(17, 18), (20, 21)])
def test_gradient_agrees_with_finite_differences(edges: tuple[int, int]) -> None:
    stored = RANDOM.standard_normal((3, 2, *edges))
    prior = fitted(stored)
    direction = RANDOM.standard_normal(stored.shape)
    gradient = prior.value_and_gradient(of(stored))[1]["object"]
    ahead, behind = (prior.value_and_gradient(of(stored + h * direction))[0] for h in (1e-4, -1e-4))
    assert (ahead - behind) / 2e-4 == pytest.approx(float((gradient * direction).sum()), rel=1e-7)


def test_the_objective_is_loss_and_prior() -> None:
    toy, counted = problem()
    estimate = toy.estimate(1)
    plain = Objective.of(counted, PoissonLoss())
    prior = AtomPrior().fit(counted, estimate.object, plain.electrons)
    assert prior is not None
    value, gradient = plain.value_and_gradient(estimate, ("object", "probe"))
    penalty, slope = prior.value_and_gradient(estimate)
    both, found = replace(plain, terms=(prior,)).value_and_gradient(estimate, ("object", "probe"))
    assert penalty > 0
    assert both == pytest.approx(value + penalty, rel=1e-12)
    np.testing.assert_allclose(found["object"], gradient["object"] + slope["object"], rtol=1e-12)
    np.testing.assert_array_equal(found["probe"], gradient["probe"])


def test_an_object_that_is_as_expected_costs_half_a_nat_per_coefficient() -> None:
    # ½ Σ |F φ|²/P over all coefficients (rfft holds half of them), P the expected power.
    stored = atoms(128, 400)
    value, _ = fitted(stored, electrons=1.0).value_and_gradient(of(stored))
    assert value == pytest.approx(stored.size / 2, rel=0.35)


def test_noise_costs_more_than_atoms_of_the_same_power() -> None:
    # White noise of variance v costs ½ Σ v/P, atoms ½ Σ 1, and v is the mean of P.
    stored = atoms(128, 400)
    prior = fitted(stored)
    noise = RANDOM.standard_normal(stored.shape) * stored.std()
    quiet, loud = (prior.value_and_gradient(of(image))[0] for image in (stored, noise))
    k2 = np.fft.fftfreq(128, SAMPLING)[:, None] ** 2 + np.fft.fftfreq(128, SAMPLING) ** 2
    power = (1 + k2 / SCREENING**2) ** -2.0
    power[0, 0] = np.nan  # a constant is free
    expected = np.nanmean(power) * np.nanmean(1 / power)
    assert expected > 5
    assert loud / quiet == pytest.approx(expected, rel=0.35)


def test_twice_the_electrons_halve_the_weight_of_the_prior() -> None:
    stored = atoms()
    once, twice = (fitted(stored, electrons).value_and_gradient(of(stored))[0] for electrons in (1e6, 2e6))
    assert once == pytest.approx(2 * twice, rel=1e-6)


def test_slices_of_different_atoms_are_as_expected_as_one() -> None:
    # The same atoms, dealt out to two slices: the power of a slice is half that of the projection.
    parts = np.concatenate([atoms(128, 200), atoms(128, 200)], axis=1)
    value, _ = fitted(parts, electrons=1.0).value_and_gradient(of(parts))
    assert value == pytest.approx(parts.size / 2, rel=0.35)


def test_a_constant_phase_costs_nothing() -> None:
    prior = fitted(atoms())
    assert prior.value_and_gradient(of(np.full((1, 1, 64, 64), 0.3)))[0] == pytest.approx(0, abs=1e-12)


def test_it_stands_back_where_it_cannot_judge() -> None:
    toy, counted = problem()
    stored = toy.estimate(0).object
    assert AtomPrior().fit(replace(counted, counted=False), stored, 1e6) is None
    assert AtomPrior().fit(counted, np.exp(1j * stored), 1e6) is None
    assert AtomPrior().fit(counted, stored * 0, 1e6) is None
