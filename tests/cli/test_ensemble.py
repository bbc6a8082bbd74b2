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
from napari_mixedptycho.result import History, Result
from tests.analysis import specimen as s
from tests.small import standard

Run = Callable[..., Any]


@pytest.fixture
def results(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{seed}.h5" for seed in (1, 2, 3)]
    for seed, path in enumerate(paths, 1):
        result = s.result(s.drawn(s.moving(8, 0.05, seed)))
        history = History().add(loss=0.1, seconds=1.0, evaluations=1.0, separation=0.1, stage=0)
        recipe = result.recipe.with_set(f"run.seed={seed}")
        result.replace(recipe=recipe, history=history).save(path)
    return paths


def test_results_that_are_there_are_pooled(run: Run, results: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run("ensemble", *results, "--out", out, "--json")
    assert ran.code == 0, ran.err
    numbers = json.loads(ran.out)
    assert numbers == json.loads((out / "ensemble.json").read_text(encoding="utf-8"))
    assert (numbers["runs"], numbers["states"], numbers["n_columns"]) == (3, [8, 8, 8], 12)
    assert numbers["motion"] == pytest.approx(0.047, rel=0.1)
    assert numbers["sizes"]["states"][-1] == 24
    assert (out / "ensemble.png").stat().st_size > 10_000
    with (out / "columns.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert float(rows[0]["sd_y (angstrom)"]) == pytest.approx(0.047, rel=0.6)
    assert "u_rms_run_3 (angstrom)" in rows[0]

    said = run("ensemble", *results, "--stable", 0.5).out
    assert "3 runs × 8 states, 12 columns shown by all of them" in said
    assert "specimen, seed 2" in said
    assert f"Motion: {numbers['motion']:.4f} Å" in said
    assert "sd of a column to 50 %: the mean of 1 run like these" in said


def test_seeds_are_reconstructed_once_and_an_interrupted_command_goes_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(standard("data.scan_region=[6,15,6,15]").to_toml(), encoding="utf-8")
    out = tmp_path / "out"
    arguments = ("ensemble", recipe, "--seeds", 2, "--out", out, "--json")

    def stopped(wish: Recipe, *rest: Any) -> Iterator[Progress]:
        for progress in reconstruct(wish, *rest):
            yield progress
            if wish.run.seed == 1 and progress.iteration == 4:
                raise KeyboardInterrupt

    monkeypatch.setattr(_work, "reconstruct", stopped)
    ran = run(*arguments)
    assert ran.code == 130
    assert "the same command goes on" in ran.err
    monkeypatch.undo()
    assert len(Result.load(out / "seed-1.h5").history) == 4
    made = (out / "seed-0.h5").stat().st_mtime_ns
    ran = run(*arguments)
    assert ran.code == 0, ran.err
    assert (out / "seed-0.h5").stat().st_mtime_ns == made
    numbers = json.loads(ran.out)
    assert [Path(file).name for file in numbers["files"]] == ["seed-0.h5", "seed-1.h5"]
    assert numbers["motion"] > 0
    assert json.loads(run(*arguments, "--quiet").out) == numbers


def test_what_is_no_ensemble_is_refused(run: Run, results: list[Path], recipe: Path, tmp_path: Path) -> None:
    assert "at least two" in run("ensemble", results[0]).refused()
    assert "is no result" in run("ensemble", results[0], recipe).refused()
    assert "--out" in run("ensemble", recipe).refused()
    assert "--seeds 2" in run("ensemble", recipe, "--seeds", 1, "--out", tmp_path / "out").refused()
    assert "stable" in run("ensemble", *results, "--stable", 2).refused()
    assert "absent" in run("ensemble", tmp_path / "absent.h5", "--out", tmp_path / "out").refused()
