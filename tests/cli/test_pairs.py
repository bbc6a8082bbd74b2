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

Run = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a result whose columns all move together, and a little on their own."""
    common = np.random.default_rng(5).normal(0, 0.05, (10, 1, 2))
    result = s.result(s.drawn(s.moving(10, 0.02) + common))
    history = History().add(loss=0.1, seconds=1.0, evaluations=1.0, separation=0.1, stage=0)
    result.replace(history=history).save(tmp_path / "result.h5")
    return tmp_path / "result.h5"


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


def test_nonsense_is_refused(run: Run, file: Path) -> None:
    assert "mass" in run("columns", file, "--mass", -1).refused()
