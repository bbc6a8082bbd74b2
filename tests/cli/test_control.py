from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_mixedptycho import reconstruct as reconstructing
from napari_mixedptycho.cli._findings import findings_of
from napari_mixedptycho.io import load
from napari_mixedptycho.result import Result
from tests.small import small, standard, steps

Run = Callable[..., Any]
FILES = ("stationary.h5", "control.h5", "control.json", "columns.csv")
KEYS = {"motion", "floor", "ratio", "ratio_interval", "resolved", "above_floor"}


@pytest.fixture(scope="module")
def found() -> Result:
    return steps(standard("data.scan_region=[6,15,6,15]"))[-1].result


@pytest.fixture
def file(found: Result, tmp_path: Path) -> Path:
    found.save(tmp_path / "result.h5")
    return tmp_path / "result.h5"


def test_a_control_writes_and_says_its_verdict(run: Run, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run("control", file, "--out", out)
    assert ran.code == 0, ran.err
    assert [name for name in FILES if not (out / name).is_file()] == []
    numbers = json.loads((out / "control.json").read_text())
    assert set(numbers) >= KEYS
    assert numbers["sentence"] in ran.out
    low, high = numbers["ratio_interval"]
    assert low < numbers["ratio"] and (high is None or numbers["ratio"] < high)  # two states bound little
    assert numbers["resolved"] == (low > 1 and numbers["above_floor"] > numbers["least"])
    assert numbers["ratio"] == pytest.approx(numbers["motion"] / numbers["floor"])
    # Both still move after so few iterations, which is said where the verdict is narrow.
    still = Result.load(out / "control.h5").history.motion_drift
    assert still is None or numbers["floor_drift"] == pytest.approx(still)
    assert ("last quarter" in ran.err) == (
        low < 2 and bool(numbers["floor_drift"] or numbers["motion_drift"])
    )
    assert "floor (angstrom)" in (out / "columns.csv").read_text().splitlines()[0]

    # The control is an ordinary result of a recipe that names the stationary data.
    control = Result.load(out / "control.h5")
    assert Path(control.recipe.data.file) == (out / "stationary.h5").resolve()
    unit = load(out / "stationary.h5").electrons_per_unit
    assert unit == control.recipe.microscope.electrons_per_unit == pytest.approx(160_000)

    # Once more: nothing is computed again, and JSON says the same.
    made = (out / "control.h5").stat().st_mtime_ns
    again = run("control", file, "--out", out, "--json", "--quiet")
    assert json.loads(again.out) == numbers
    assert (out / "control.h5").stat().st_mtime_ns == made

    # Other noise is another control.
    other = run("control", file, "--out", out, "--noise-seed", 1, "--json", "--quiet")
    assert other.code == 0, other.err
    assert json.loads(other.out)["motion"] == numbers["motion"]
    assert json.loads(other.out)["floor"] != numbers["floor"]


def test_a_planted_motion_stands_beside_the_verdict(run: Run, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run("control", file, "--out", out, "--planted", 0.1)
    assert ran.code == 0, ran.err
    numbers = json.loads((out / "control.json").read_text())
    planted = numbers["planted"]
    assert ran.out.splitlines() == [numbers["sentence"], planted["sentence"]]
    assert planted["planted"] == pytest.approx(0.09, rel=0.15)
    assert planted["ratio"] == pytest.approx(numbers["motion"] / planted["found"])
    beside = findings_of(Result.load(file), None, out / "control.h5").recovery
    assert beside is not None and beside.sentence() == planted["sentence"], "as in the report"
    control = Result.load(out / "planted.h5")
    assert Path(control.recipe.data.file) == (out / "planted_data.h5").resolve()

    # Once more: nothing is computed again; another motion is.
    made = [(out / name).stat().st_mtime_ns for name in ("control.h5", "planted.h5")]
    run("control", file, "--out", out, "--planted", 0.1, "--quiet")
    assert [(out / name).stat().st_mtime_ns for name in ("control.h5", "planted.h5")] == made
    other = json.loads(run("control", file, "--out", out, "--planted", 0.05, "--json", "--quiet").out)
    assert other["floor"] == numbers["floor"]
    assert other["planted"]["planted"] == pytest.approx(planted["planted"] / 2, rel=0.1)

    refused = run("control", file, "--out", out, "--planted", 0.5)
    assert refused.code != 0 and "at most 0.3" in refused.err


def test_an_interrupted_control_goes_on(
    run: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.loads(run("control", file, "--json", "--quiet").out)
    original = reconstructing.reconstruct

    def stopped(*rest: Any) -> Any:
        for progress in original(*rest):
            yield progress
            if progress.iteration == 5:
                raise KeyboardInterrupt

    monkeypatch.setattr("napari_mixedptycho.cli._work.reconstruct", stopped)
    ran = run("control", file, "--out", tmp_path / "out")
    assert ran.code == 130
    assert "the same command goes on" in ran.err
    monkeypatch.undo()
    assert len(Result.load(tmp_path / "out" / "control.h5").history) == 5
    rest = run("control", file, "--out", tmp_path / "out", "--json", "--quiet")
    assert json.loads(rest.out) == whole


def test_what_cannot_be_judged_is_refused(run: Run, found: Result, file: Path, tmp_path: Path) -> None:
    unfinished = found.replace(recipe=found.recipe.with_set("stages.moving.iterations=9"))
    unfinished.save(tmp_path / "unfinished.h5")
    assert "finish it first" in run("control", tmp_path / "unfinished.h5").refused()
    steps(small("model.states=1"))[-1].result.save(tmp_path / "one.h5")
    assert "one state" in run("control", tmp_path / "one.h5").refused()
    assert "no such file" in run("control", tmp_path / "absent.h5").refused()
    assert "--noise-seed" in run("control", file, "--noise-seed", -1).refused()
    assert "these data are" in run("control", file, "--data", "sample:si_sigma9_static").refused()
    (tmp_path / "folder").mkdir()
    found.save(tmp_path / "folder" / "control.h5")
    assert (
        "replace the result"
        in run("control", tmp_path / "folder" / "control.h5", "--out", tmp_path / "folder").refused()
    )
