from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from napari_mixedptycho.cli import _work
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result

Run = Callable[..., Any]
QUICK = ("--set", "model.slices=1", "--set", "stages.pure.iterations=1", "--iterations", 1)


def test_the_table_the_files_and_the_figure(run: Run, recipe: Path) -> None:
    out = recipe.parent / "scan"
    ran = run("scan", recipe, "--over", "model.states=1,2", "--out", out, "--set", "data.hold_out=4", *QUICK)
    assert ran.code == 0, ran.err
    assert sorted(path.name for path in out.iterdir()) == [
        "scan.csv", "scan.png", "states-1.h5", "states-2.h5",
    ]  # fmt: skip
    head, one, two, choice, where = ran.out.splitlines()
    assert "held out" in head
    assert ("*" in one) != ("*" in two)
    assert choice.startswith("* predicts the patterns held out best: states=")
    assert where == f"Results, scan.csv and scan.png are in {out}."
    assert "[1/2] states=1" in ran.err
    assert "[2/2] states=2: done" in ran.err
    assert "(held out 0." in ran.err
    assert "No patterns are held out" not in ran.err
    with (out / "scan.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model.states"] for row in rows] == ["1", "2"]
    history = Result.load(out / "states-2.h5").history
    assert float(rows[1]["held_out"]) == pytest.approx(history.held_out[-1], rel=1e-7)


def test_holding_out_is_proposed_and_json_is_for_programs(run: Run, recipe: Path) -> None:
    out = recipe.parent / "scan"
    arguments = ("scan", recipe, "--over", "model.states=1,2", "--over", "run.seed=1,2", "--out", out, *QUICK)
    ran = run(*arguments, "--json")
    assert ran.code == 0, ran.err
    assert "No patterns are held out" in ran.err
    assert "--set data.hold_out=10" in ran.err
    found = json.loads(ran.out)
    assert found["over"] == {"model.states": ["1", "2"], "run.seed": ["1", "2"]}
    assert [row["name"] for row in found["rows"]][1] == "states=1, seed=2"
    assert found["best"] is None
    assert all(row["held_out"] is None and row["loss"] > 0 for row in found["rows"])
    again = run(*arguments, "--quiet", "--json")
    assert (again.code, again.err) == (0, "")
    assert json.loads(again.out) == found
    assert "was there already" in run(*arguments).err


def test_an_interrupted_scan_goes_on(run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(recipe: Recipe, *rest: Any) -> Iterator[Progress]:
        yield next(iter(reconstruct(recipe, *rest)))
        raise KeyboardInterrupt

    monkeypatch.setattr(_work, "reconstruct", stopped)
    arguments = ("scan", recipe, "--over", "model.states=1,2", "--out", recipe.parent / "scan", *QUICK)
    ran = run(*arguments, "--quiet")
    assert ran.code == 130
    assert ran.err.strip() == "Stopped; the same command goes on from here."
    assert len(Result.load(recipe.parent / "scan" / "states-1.h5").history) == 1
    monkeypatch.undo()
    ran = run(*arguments, "--json")
    assert ran.code == 0, ran.err
    assert [row["iterations"] for row in json.loads(ran.out)["rows"]] == [2, 2]


def test_what_fails_is_in_the_table(run: Run, recipe: Path) -> None:
    out = recipe.parent / "scan"
    ran = run("scan", recipe, "--over", "data.max_angle=20,60", "--out", out, "--quiet", *QUICK)
    assert ran.code == 1
    assert "[1/2] max_angle=20: failed: " in ran.err
    assert "semi-angle" in ran.err
    assert "failed" in ran.out.splitlines()[1]
    assert "failed" not in ran.out.splitlines()[2]
    with (out / "scan.csv").open(newline="") as file:
        assert ["semi-angle" in row["error"] for row in csv.DictReader(file)] == [True, False]


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        ("model.stats=1,2", "there is no 'stats'"),
        ("model.states=1,zero", "'model.states'"),
        ("model.states", "write it as section.key=value,value"),
        ("model.states=1,1", "stands there twice"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    run: Run, recipe: Path, over: str, sentence: str
) -> None:
    out = recipe.parent / "scan"
    assert sentence in run("scan", recipe, "--over", over, "--out", out).refused()
    assert not out.exists()


def test_what_else_is_refused(run: Run, recipe: Path, saved: Path) -> None:
    folder = recipe.parent
    missing = run("scan", folder / "nothing.toml", "--over", "model.states=1", "--out", folder / "scan")
    assert "there is no such file" in missing.refused()
    assert "--over" in run("scan", recipe, "--out", folder / "scan").refused()
    blocked = run("scan", recipe, "--over", "model.states=1", "--out", recipe / "below a file")
    assert "cannot be written to" in blocked.refused()
    (folder / "scan").mkdir()
    saved.rename(folder / "scan" / "states-2.h5")
    other = run("scan", recipe, "--over", "model.states=1,2", "--out", folder / "scan", "--quiet", *QUICK)
    assert "made with other settings or data" in other.refused()
    assert not (folder / "scan" / "states-1.h5").exists()
