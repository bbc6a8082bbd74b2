from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.analysis import mean_frequency
from napari_mixedptycho.result import History
from tests.analysis import specimen as s
from tests.small import small, steps

Run = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a result whose columns all move together, and a little on their own."""
    common = np.random.default_rng(5).normal(0, 0.05, (10, 1, 2))
    result = s.result(s.drawn(s.moving(10, 0.02) + common))
    history = History().add(loss=0.1, seconds=1.0, evaluations=1.0, separation=0.1, stage=0)
    result.replace(history=history).save(tmp_path / "result.h5")
    return tmp_path / "result.h5"


@pytest.mark.usefixtures("no_figures")
def test_motion_in_common_is_told_with_its_frequency(run: Run, file: Path, tmp_path: Path) -> None:
    ran = run("columns", file, "--mass", 56.2, "--temperature", 300, "--out", tmp_path / "out", "--json")
    assert ran.code == 0, ran.err
    numbers = json.loads(ran.out)
    assert numbers["single_pair"] == pytest.approx(2 / np.sqrt(10))
    first = numbers["correlations"][0]
    assert first["longitudinal"] > max(0.6, first["longitudinal_chance_high"])
    near = numbers["neighbours"]
    assert near["longitudinal_in_phase"]["rms"] > 2 * near["longitudinal_anti_phase"]["rms"]
    one = near["transverse_anti_phase"]
    assert one["frequency"] == pytest.approx(mean_frequency(one["rms"] ** 2, 56.2, 300.0))
    assert one["frequency_low"] < one["frequency"] < one["frequency_high"]
    rows = (tmp_path / "out" / "pairs.csv").read_text().splitlines()
    assert rows[0].startswith("distance (angstrom),pairs,longitudinal,")
    assert len(rows) == 1 + len(numbers["correlations"])


def test_pairs_in_words(run: Run, file: Path) -> None:
    said = run("columns", file, "--pairs").out
    assert "|r| < 0.63 is nothing" in said
    assert "neighbours, longitudinal in-phase: " in said
    assert "THz" not in said


@pytest.mark.usefixtures("no_figures")
def test_the_control_stands_beside_the_pairs_and_below_the_motion(
    run: Run, file: Path, tmp_path: Path
) -> None:
    """The specimen moves as one; what is left in the control does too, or every column on its own."""
    random = np.random.default_rng(6)
    assert "Only a control" in run("columns", file, "--pairs").out
    for name, together, own in (("one", 0.01, 0.002), ("each", 0.0, 0.01)):
        still = s.result(s.drawn(s.moving(10, own) + random.normal(0, 1, (10, 1, 2)) * together))
        history = History().add(loss=0.1, seconds=1.0, evaluations=1.0, separation=0.1, stage=0)
        still.replace(history=history).save(tmp_path / f"{name}.h5")
    one, each = (
        json.loads(run("columns", file, "--pairs", "--json", "--control", tmp_path / f"{name}.h5").out)
        for name in ("one", "each")
    )
    assert one["correlations"][0]["longitudinal_control"] > 0.7
    assert abs(each["correlations"][0]["longitudinal_control"]) < 0.5
    near = one["neighbours"]["transverse_in_phase"]
    assert near["rms_control"] == pytest.approx(0.01 * np.sqrt(2), rel=0.4)
    assert one["resolved"] and one["floor"] == pytest.approx(0.01, rel=0.4)
    ran = run("columns", file, "--pairs", "--control", tmp_path / "each.h5", "--out", tmp_path / "out")
    assert "times the floor" in ran.out
    assert "(control " in ran.out
    assert "Only a control" not in ran.out
    table = (tmp_path / "out" / "columns.csv").read_text(encoding="utf-8").splitlines()[0]
    assert "above_floor_low (angstrom)" in table
    assert "longitudinal_control" in (tmp_path / "out" / "pairs.csv").read_text(encoding="utf-8")


def test_the_truth_stands_beside_the_pairs(run: Run, tmp_path: Path) -> None:
    recipe = small("data.scan_region=[6,20,6,20]", "model.states=4", "stages.pure.iterations=5")
    steps(recipe)[-1].result.save(tmp_path / "r.h5")
    found = json.loads(run("columns", tmp_path / "r.h5", "--pairs", "--json").out)
    assert -1 <= found["correlations"][0]["longitudinal_truth"] <= 1
    assert 0.01 < found["neighbours"]["longitudinal_in_phase"]["rms_truth"] < 0.15
    static = run("columns", tmp_path / "r.h5", "--pairs", "--json", "--truth", "sample:si_sigma9_static").out
    assert "longitudinal_truth" not in json.loads(static)["correlations"][0]


def test_nonsense_is_refused(run: Run, file: Path) -> None:
    assert "mass" in run("columns", file, "--mass", -1).refused()
