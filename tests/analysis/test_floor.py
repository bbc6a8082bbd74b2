"""Motion against the floor: known ensembles, judged."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_mixedptycho.analysis.floor import FloorSettings, Verdict, drift_text, judge
from napari_mixedptycho.analysis.motion import ColumnMotion, MotionSettings, statistics
from napari_mixedptycho.errors import InputError
from tests.analysis.specimen import columns, moving


def measured(sd: float, seed: int, states: int = 8) -> ColumnMotion:
    positions = moving(states, sd, seed)
    return statistics(columns(), positions, np.zeros(len(columns()), dtype=bool), MotionSettings(draws=100))


def verdict(sd: float, floor: float, seed: int = 0) -> Verdict:
    return judge(measured(sd, seed), measured(floor, seed + 1000), FloorSettings(draws=300))


def test_motion_above_the_floor_is_said_with_its_ratio() -> None:
    found = verdict(0.05, 0.01)
    assert found.resolved
    assert found.motion == pytest.approx(0.05, rel=0.15)
    assert found.ratio == pytest.approx(5, rel=0.25)
    assert found.ratio_interval[0] < found.ratio < found.ratio_interval[1]
    assert found.above == pytest.approx(np.sqrt(found.motion**2 - found.floor**2))
    assert f"{found.ratio:.1f} ± {found.ratio_error:.1f} times the floor" in found.sentence()


def test_a_drift_is_told_where_it_may_change_the_verdict() -> None:
    narrow, clear = verdict(0.02, 0.015), verdict(0.05, 0.005)
    text = drift_text(narrow, 0.0012, -0.0004)
    assert "result +0.0012 Å, control -0.0004 Å" in text
    assert "control" not in drift_text(narrow, 0.0012, None)
    assert drift_text(narrow, None, 0.0) == ""
    assert drift_text(clear, 0.0012, -0.0004) == ""


def test_the_same_motion_as_at_rest_is_not_resolved() -> None:
    assert not any(verdict(0.02, 0.02, seed).resolved for seed in range(40))
    assert "not resolved" in verdict(0.02, 0.02).sentence()


def test_what_may_be_the_error_of_the_model_does_not_count() -> None:
    found = verdict(0.004, 0.001)
    assert found.ratio_interval[0] > 1
    assert not found.resolved
    assert "model's error" in found.sentence()
    free = judge(measured(0.004, 0), measured(0.001, 1000), FloorSettings(draws=300, least=0.001))
    assert free.resolved


def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(60):
        low, high = verdict(0.04, 0.02, seed).ratio_interval
        inside += low < 2 < high
    assert inside >= 48  # nominally 57 of 60; eight states are few


def test_a_column_below_its_floor_has_no_motion_above_it() -> None:
    found = verdict(0.02, 0.02)
    below = found.column_motion < found.column_floor
    assert below.any()
    assert (found.column_above[below] == 0).all()
    rest = np.sqrt(found.column_motion[~below] ** 2 - found.column_floor[~below] ** 2)
    np.testing.assert_allclose(found.column_above[~below], rest)


def test_the_motion_above_the_floor_has_an_interval_that_holds_it() -> None:
    inside = columns_inside = 0
    true = np.sqrt(0.04**2 - 0.02**2)
    for seed in range(60):
        found = verdict(0.04, 0.02, seed)
        low, high = found.above_interval
        assert low <= found.above <= high
        inside += low < true * np.sqrt(7 / 8) < high  # eight states show 7/8 of the variance
        ends = found.column_above_interval
        columns_inside += ((ends[:, 0] <= true) & (true <= ends[:, 1])).mean()
    assert inside >= 46  # nominally 57 of 60; eight states are few
    assert columns_inside >= 46
    assert verdict(0.01, 0.05).above_interval == (0.0, 0.0)


def test_a_perfectly_still_control_is_no_division_by_zero() -> None:
    found = verdict(0.05, 0.0)
    assert found.resolved and found.ratio == np.inf
    assert json.loads(json.dumps(found.numbers(), allow_nan=False))["ratio"] is None
    nothing = verdict(0.0, 0.0)
    assert not nothing.resolved
    assert "not resolved" in nothing.sentence()


def test_the_order_of_states_means_nothing() -> None:
    one, other = measured(0.04, 1), measured(0.02, 2)
    shuffled = statistics(one.columns, one.positions[::-1].copy(), one.flagged, MotionSettings(draws=100))
    first, second = judge(one, other), judge(shuffled, other)
    assert first.ratio_interval == pytest.approx(second.ratio_interval)


def test_other_columns_are_refused() -> None:
    one = measured(0.04, 1)
    less = statistics(one.columns[:3], one.positions[:, :3], one.flagged[:3], MotionSettings(draws=100))
    with pytest.raises(InputError, match="same columns"):
        judge(one, less)
