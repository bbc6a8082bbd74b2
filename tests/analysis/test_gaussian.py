"""The fitted Gaussian against blobs whose places are known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.analysis.gaussian import Gaussian, _model
from napari_mixedptycho.analysis.motion import MotionSettings, measure_phases
from tests.analysis import specimen as s


def measured(phases, **settings):
    return Gaussian(**settings).positions(phases, s.SAMPLING, s.ORIGIN, s.columns())


def test_the_derivatives_are_those_of_the_model():
    random = np.random.default_rng(0)
    points = random.normal(size=(20, 2))
    numbers = np.array([0.1, 0.02, -0.03, 0.8, 0.1, -0.1, -1.2, 0.5, 1.0, 0.6, -1.0])
    slopes, step = _model(points, numbers)[1], 1e-6
    for index in range(len(numbers)):
        there = [numbers + sign * step * np.eye(len(numbers))[index] for sign in (1, -1)]
        expected = (_model(points, there[0])[0] - _model(points, there[1])[0]) / (2 * step)
        np.testing.assert_allclose(slopes[:, index], expected, atol=1e-8)


def test_blobs_are_found_exactly_where_they_are_alone():
    true = s.moving(4)
    assert np.abs(measured(s.drawn(true, slope=0.02)) - true).max() < 0.002


@pytest.mark.parametrize("width", [0.28, 0.4])
def test_neighbours_fitted_together_do_not_pull(width):
    true = s.moving(4)
    phases = s.drawn(true, width=width)
    together, alone = measured(phases, radius=1.0), measured(phases, radius=1.0, neighbours=0.0)
    assert s.rms(together - true) < 0.002
    assert s.rms(alone - true) > 3 * s.rms(together - true)


def test_noise_costs_little():
    true = s.moving(8)
    found = measured(s.drawn(true, noise=0.03))
    assert s.rms(found - true) < 0.02
    assert s.rms(found.std(axis=0)) / s.rms(true.std(axis=0)) == pytest.approx(1.0, abs=0.06)


def test_a_flat_or_empty_place_stays_near_and_is_flagged_where_held():
    columns = np.concatenate([s.columns(), [[9.3, 3.8]]])
    noise = 0.05 * np.random.default_rng(3).standard_normal((3, *s.SHAPE))
    settings = MotionSettings(centroid=Gaussian())
    motion = measure_phases(noise, s.SAMPLING, s.ORIGIN, columns, settings)
    away = np.hypot(*np.moveaxis(motion.positions - columns, -1, 0))
    assert away.max() <= 0.4 + 1e-9
    assert motion.flagged.any()
    assert measured(s.drawn(s.moving(2)))[:, :0].shape == (2, 0, 2)
