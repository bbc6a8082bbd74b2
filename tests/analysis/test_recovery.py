"""What came out of a planted motion: known ensembles."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_mixedptycho.analysis.floor import FloorSettings
from napari_mixedptycho.analysis.motion import ColumnMotion, MotionSettings, statistics
from napari_mixedptycho.analysis.recovery import Recovery, recover
from tests.analysis.specimen import columns, moving


def measured(sd: float, seed: int, states: int = 8) -> ColumnMotion:
    positions = moving(states, sd, seed)
    return statistics(columns(), positions, np.zeros(len(columns()), dtype=bool), MotionSettings(draws=100))


def recovery(motion: float, floor: float, found: float) -> Recovery:
    parts = (measured(motion, 1), measured(floor, 2), measured(0.05, 3, states=200), measured(found, 4))
    return recover(*parts, FloorSettings(draws=300))


def test_the_share_is_what_is_found_above_the_floor() -> None:
    found = recovery(0.02, 0.005, 0.03)
    assert found.planted == pytest.approx(0.05, rel=0.05)
    assert found.share == pytest.approx(np.sqrt(0.03**2 - 0.005**2) / 0.05, rel=0.2)
    assert found.share_interval[0] < found.share < found.share_interval[1]
    assert found.ratio == pytest.approx(0.02 / 0.03, rel=0.3)
    assert found.resolved
    assert "sizes come out too small" in found.sentence()


def test_two_states_do_not_bound_a_motion_from_above() -> None:
    parts = [measured(sd, seed, states) for sd, seed, states in ((0.02, 1, 2), (0.005, 2, 2), (0.05, 3, 200))]
    found = recover(*parts, measured(0.03, 4, 2), FloorSettings(draws=300))
    low, high = found.share_interval
    assert low < found.share
    assert high == np.inf
    assert "(above 0." in found.sentence()
    assert json.loads(json.dumps(found.numbers(), allow_nan=False))["share_interval"][1] is None


def test_a_motion_that_is_found_whole_is_said_without_warning() -> None:
    assert "too small" not in recovery(0.05, 0.003, 0.053).sentence()


def test_a_planted_motion_that_is_not_seen_says_that_the_verdict_excludes_nothing() -> None:
    found = recovery(0.004, 0.004, 0.004)
    assert not found.resolved
    assert "no verdict excludes it" in found.sentence()


def test_more_than_a_planted_motion_that_is_not_seen_is_not_explained_by_it() -> None:
    found = recovery(0.02, 0.004, 0.004)
    assert not found.resolved and found.ratio_interval[0] > 1
    assert "does not explain it" in found.sentence()
    assert "does not explain it" not in recovery(0.004, 0.004, 0.004).sentence()


def test_what_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    found = replace(recovery(0.02, 0.005, 0.03), asked=0.05)
    file = tmp_path / "control.json"
    file.write_text(json.dumps({"planted": found.numbers()}), "utf-8")
    assert Recovery.read(file) == found
    numbers = found.numbers()
    del numbers["asked"]  # an earlier version
    file.write_text(json.dumps({"planted": numbers}), "utf-8")
    again = Recovery.read(file)
    assert again is not None and again.sentence() == found.sentence() and np.isnan(again.asked)
    del numbers["share"]
    for text in (json.dumps({"planted": numbers}), json.dumps({"motion": 1}), "[]", "{"):
        file.write_text(text, "utf-8")
        assert Recovery.read(file) is None
    assert Recovery.read(tmp_path / "none.json") is None


def test_what_never_moves_is_no_division_by_zero() -> None:
    found = recovery(0.0, 0.0, 0.0)
    assert found.share == 0 and not found.resolved
    assert json.loads(json.dumps(found.numbers(), allow_nan=False))["ratio"] is None
