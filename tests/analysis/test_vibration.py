"""B factors, ellipses and frequencies of what is known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.analysis.motion import MotionSettings, statistics
from napari_mixedptycho.analysis.vibration import (
    b_factor,
    ellipses,
    mean_frequency,
    mean_square,
    u_rms_interval,
)
from napari_mixedptycho.errors import InputError


def test_a_known_covariance_is_recovered_from_many_states() -> None:
    random = np.random.default_rng(0)
    turn = np.radians(30.0)  # from +x towards +y
    long = np.array([np.sin(turn), np.cos(turn)])
    across = np.array([long[1], -long[0]])
    draws = random.normal(size=(20_000, 2, 1, 1))
    positions = 0.06 * draws[:, 0] * long + 0.02 * draws[:, 1] * across
    motion = statistics(np.zeros((1, 2)), positions, np.zeros(1, dtype=bool), MotionSettings(draws=100))
    shape = ellipses(motion.covariance)
    assert shape.major[0] == pytest.approx(0.06, rel=0.02)
    assert shape.minor[0] == pytest.approx(0.02, rel=0.02)
    assert shape.angle[0] == pytest.approx(30.0, abs=1.0)
    assert motion.u_rms[0] ** 2 == pytest.approx((0.06**2 + 0.02**2) / 2, rel=0.02)


@pytest.mark.parametrize("together", [0.0, 0.5, 1.0])
def test_b_of_an_atom_from_the_motion_of_a_column(together: float) -> None:
    random = np.random.default_rng(1)
    common, own = random.normal(size=(40_000, 1)), random.normal(size=(40_000, 4))
    atoms = 0.07 * (np.sqrt(together) * common + np.sqrt(1 - together) * own)
    centre = atoms.mean(axis=1).std()
    assert b_factor(centre, 4, together) == pytest.approx(8 * np.pi**2 * 0.07**2, rel=0.03)


def test_b_without_atoms_is_that_of_the_centre() -> None:
    assert b_factor(0.05) == pytest.approx(8 * np.pi**2 * 0.0025)
    with pytest.raises(InputError, match="at least one"):
        b_factor(0.05, 0)
    with pytest.raises(InputError, match="0 to 1"):
        b_factor(0.05, 2, 1.5)


@pytest.mark.parametrize("temperature", [0.0, 300.0, 3000.0])
@pytest.mark.parametrize("frequency", [1.0, 10.8, 25.5])
def test_the_frequency_of_a_known_oscillator_comes_back(frequency: float, temperature: float) -> None:
    square = float(mean_square(frequency, 28.0855, temperature))
    assert mean_frequency(square, 28.0855, temperature) == pytest.approx(frequency, rel=1e-8)


def test_a_hot_oscillator_is_classical() -> None:
    # k_B T / (m ω²): 28.0855 u, 2 THz, 2000 K.
    omega, mass = 2e12 * np.pi * 2.0, 28.0855 * 1.66053906660e-27
    classical = 1.380649e-23 * 2000 / (mass * omega**2) * 1e20
    assert float(mean_square(2.0, 28.0855, 2000.0)) == pytest.approx(classical, rel=1e-3)


def test_the_ends_of_the_scale_and_nonsense() -> None:
    assert mean_frequency(0.0, 28.0, 300.0) == np.inf
    assert mean_frequency(float("inf"), 28.0, 300.0) == 0.0
    for square, mass, temperature in ((-1e-3, 28.0, 300.0), (1e-3, 0.0, 300.0), (1e-3, 28.0, -1.0)):
        with pytest.raises(InputError, match="no frequency"):
            mean_frequency(square, mass, temperature)


def test_the_interval_of_u_rms_holds_the_truth() -> None:
    random, held = np.random.default_rng(2), 0
    for _ in range(20):
        positions = random.normal(0, 0.05, (10, 10, 2))
        motion = statistics(np.zeros((10, 2)), positions, np.zeros(10, dtype=bool), MotionSettings(draws=200))
        interval = u_rms_interval(motion, MotionSettings(draws=200))
        held += int(((interval[:, 0] < 0.05) & (interval[:, 1] > 0.05)).sum())
    assert held > 160  # of 200, nominally 190
