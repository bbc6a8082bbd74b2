"""What counts as having met, and when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.analysis.bracket import SIDES, Bracket, BracketSettings, Point
from napari_mixedptycho.analysis.motion import ColumnMotion, MotionSettings, statistics
from napari_mixedptycho.errors import InputError


def motion(size: float) -> ColumnMotion:
    """Two columns that move by `size` Å along both axes."""
    columns = np.array([[1.0, 1.0], [2.0, 2.0]])
    moves = size * np.array([-1.0, 1.0])[:, None, None] * np.ones((2, 2, 2))
    return statistics(columns, columns + moves, np.zeros(2, bool), MotionSettings(draws=100))


def found(below: list[float], above: list[float], **settings: float) -> Bracket:
    """Return a bracket measured every five iterations."""
    made = Bracket(BracketSettings(**settings), np.zeros((2, 2)))  # type: ignore[arg-type]
    for side, sizes in zip(SIDES, (below, above), strict=True):
        for index, size in enumerate(sizes):
            point = Point(5 * (index + 1), size, 0.9 * size, 1.1 * size, 1.0, 5.0)
            made = made.add(side, point, motion(size))
    return made


def test_sides_that_end_at_the_same_motion_have_met() -> None:
    both = found([0.03, 0.046, 0.050, 0.050], [0.08, 0.060, 0.052, 0.051])
    assert both.met
    assert both.interval == (0.050, 0.051)
    assert both.enough == 15
    assert both.column_difference == pytest.approx(0.001)


def test_sides_that_end_apart_have_not_met() -> None:
    both = found([0.02, 0.02], [0.09, 0.08])
    assert not both.met
    assert both.interval == (0.02, 0.08)
    assert both.enough is None


def test_the_smaller_end_comes_first_whichever_side_it_is_on() -> None:
    assert found([0.055], [0.050]).interval == (0.050, 0.055)


def test_sides_that_met_on_the_way_and_went_on_together_had_not_arrived() -> None:
    together = found([0.08, 0.06, 0.04, 0.03], [0.08, 0.06, 0.04, 0.03])
    assert together.met
    assert together.enough == 20


def test_sides_that_meet_and_part_again_have_not_met() -> None:
    assert found([0.05, 0.03], [0.05, 0.06]).enough is None


def test_nothing_against_almost_nothing_is_the_same() -> None:
    still = found([0.004], [0.002])
    assert still.met
    assert not found([0.004], [0.002], floor=0.001).met
    assert not found([0.050], [0.057]).met
    assert found([0.050], [0.057], tolerance=0.2).met


def test_one_side_alone_brackets_nothing() -> None:
    half = found([0.05], [])
    assert not half.complete
    assert not half.met
    assert np.isnan(half.interval).all()
    assert np.isnan(half.column_difference)


def test_drift_is_the_change_in_the_last_quarter() -> None:
    both = found([0.01, 0.02, 0.04, 0.07], [0.05])
    assert both.drift("below") == pytest.approx(0.03)
    assert both.drift("above") == 0.0


def test_a_measurement_after_as_many_iterations_replaces_the_earlier_one() -> None:
    both = found([0.01, 0.02], [0.05])
    again = both.add("below", replace(both.points["below"][-1], motion=0.03))
    assert [point.motion for point in again.points["below"]] == [0.01, 0.03]
    assert again.motions == both.motions


def test_low_must_be_below_high() -> None:
    with pytest.raises(InputError, match=r"low = 0.2 is not below high = 0.1"):
        BracketSettings.parse({"low": 0.2, "high": 0.1}, "bracket")
