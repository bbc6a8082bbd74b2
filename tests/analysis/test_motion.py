from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from napari_mixedptycho.analysis.centroid import Fixed
from napari_mixedptycho.analysis.motion import (
    MotionSettings,
    find_columns,
    measure,
    measure_phases,
    scan_positions,
    statistics,
)
from tests.analysis import specimen as s


def of(positions, **settings):
    flags = np.zeros(positions.shape[1], dtype=bool)
    return statistics(positions.mean(axis=0), positions, flags, MotionSettings(**settings))


def test_statistics_are_those_of_the_ensemble():
    positions = s.moving(10)
    motion = of(positions)
    np.testing.assert_allclose(motion.mean, positions.mean(axis=0))
    np.testing.assert_allclose(motion.sd, positions.std(axis=0, ddof=0))
    np.testing.assert_allclose(motion.covariance[4], np.cov(positions[:, 4].T, ddof=0))
    np.testing.assert_allclose(motion.standard_error, positions.std(axis=0, ddof=1) / np.sqrt(10))
    assert motion.sd_y == pytest.approx(s.rms(positions.std(axis=0)[:, 0]))
    assert motion.sd_x == pytest.approx(s.rms(positions.std(axis=0)[:, 1]))
    np.testing.assert_allclose(motion.u_rms**2, (motion.sd**2).mean(axis=1))


def test_order_of_the_states_does_not_matter():
    phases = s.drawn(s.moving(8), noise=0.02)
    one = measure_phases(phases, s.SAMPLING, s.ORIGIN, s.columns())
    two = measure_phases(phases[np.random.default_rng(5).permutation(8)], s.SAMPLING, s.ORIGIN, s.columns())
    for name in ("mean", "sd", "covariance", "sd_interval", "standard_error"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.sd_y_interval, two.sd_y_interval)


def test_bootstrap_is_seeded():
    positions = s.moving(10)
    np.testing.assert_array_equal(of(positions).sd_interval, of(positions).sd_interval)
    assert (of(positions, seed=1).sd_interval != of(positions).sd_interval).any()


@pytest.mark.parametrize("states", [6, 10, 30])
def test_bootstrap_intervals_hold_the_true_spread_nine_times_in_ten(states):
    positions = np.random.default_rng(2).normal(0.0, 0.05, (states, 400, 2))
    low, high = np.moveaxis(of(positions, draws=500).sd_interval, -1, 0)
    assert 0.86 < ((low < 0.05) & (high > 0.05)).mean() < 0.97


def test_interval_of_the_overall_spread_is_narrower_than_of_one_column():
    motion = of(s.moving(10))
    widths = motion.sd_interval[..., 1] - motion.sd_interval[..., 0]
    assert motion.sd_y_interval[0] < motion.sd_y < motion.sd_y_interval[1]
    assert motion.sd_y_interval[1] - motion.sd_y_interval[0] < np.median(widths)


def test_common_motion_of_all_columns_is_not_averaged_away():
    """States are drawn whole: twelve columns that move together tell no more than one."""
    together = s.columns() + np.random.default_rng(0).normal(0, 0.05, (10, 1, 2))
    motion = of(together)
    np.testing.assert_allclose(motion.sd_y_interval, motion.sd_interval[0, 0])


def test_one_state_has_no_spread_and_says_so_without_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        motion = of(s.moving(1))
    assert motion.sd_y == 0.0
    assert np.isnan(motion.sd_interval).all()
    assert np.isnan(motion.standard_error).all()
    assert json.loads(json.dumps(motion.summary(), allow_nan=False))["sd_y_high"] is None


def test_no_columns_are_no_error():
    motion = measure_phases(s.drawn(s.moving(3)), s.SAMPLING, s.ORIGIN, np.zeros((0, 2)))
    assert motion.n_columns == 0
    assert json.loads(json.dumps(motion.summary(), allow_nan=False))["sd_y"] is None


def test_measure_finds_and_measures_the_columns_of_a_result():
    true = s.moving(10)
    result = s.result(s.drawn(true))
    motion = measure(result)
    assert (motion.n_columns, motion.n_states) == (12, 10)
    assert not motion.flagged.any()
    order = [int(np.argmin(np.hypot(*(true.mean(axis=0) - mean).T))) for mean in motion.mean]
    np.testing.assert_allclose(motion.sd, true.std(axis=0)[order], atol=0.002)
    np.testing.assert_allclose(find_columns(result), motion.columns)


def test_given_columns_are_measured_instead():
    motion = measure(s.result(s.drawn(s.moving(4))), columns=s.columns()[:3])
    np.testing.assert_array_equal(motion.columns, s.columns()[:3])


def test_settings_choose_the_centroid():
    result = s.result(s.drawn(s.moving(10)))
    paper = measure(result, MotionSettings(centroid=Fixed()))
    assert paper.sd_y < 0.8 * measure(result).sd_y


def test_a_column_held_at_its_limit_is_flagged():
    phases = s.drawn(s.columns()[None])
    columns = np.concatenate([s.columns()[:5] + np.array([0.0, 0.55]), s.columns()[6:]])
    flagged = measure_phases(phases, s.SAMPLING, s.ORIGIN, columns).flagged
    assert flagged[:5].any()
    assert not flagged[6:].any()


def test_scan_positions_are_in_the_scan_frame():
    np.testing.assert_allclose(scan_positions(s.result(s.drawn(s.moving(1)))), s.scan(), atol=1e-9)


def test_settings_survive_toml():
    settings = MotionSettings(centroid=Fixed(half_width=4), seed=3)
    assert MotionSettings.from_toml(settings.to_toml()) == settings
