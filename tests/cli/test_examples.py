from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_mixedptycho.io import load
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result

Run = Callable[..., Any]
FOLDER = Path(__file__).resolve().parents[2] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.toml"))
PAPER = sorted((FOLDER / "paper").glob("*.toml"))


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES} >= {"quick.toml", "pure.toml", "si_sigma9.toml"}
    assert len(PAPER) == 6


@pytest.mark.parametrize("path", EXAMPLES + PAPER, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_example_is_valid_and_explained(path: Path) -> None:
    recipe = Recipe.read(path)
    assert load(recipe.data.file)
    assert path.read_text("utf-8").startswith("#")
    assert f"mixedptycho run examples/{path.relative_to(FOLDER).as_posix()}" in path.read_text("utf-8")


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.name)
def test_the_paper_is_followed(path: Path) -> None:
    recipe = Recipe.read(path)
    (stage,) = recipe.stages
    assert (stage.loss.kind, stage.solver.kind) == ("intensity", "gradient_descent")
    assert (recipe.model.slices, recipe.model.band_limit) == (2, 0.5)
    assert (recipe.model.states > 1) == (path.stem not in {"pure", "mixed_probe"})
    assert (stage.patterns_per_update is None) == (path.stem != "few_patterns")


def test_the_sample_has_the_default_recipe() -> None:
    (path,) = [path for path in EXAMPLES if path.name == "si_sigma9.toml"]
    assert Recipe.read(path) == Recipe()


def test_the_pure_example_is_pure() -> None:
    (path,) = [path for path in EXAMPLES if path.name == "pure.toml"]
    recipe = Recipe.read(path)
    assert {recipe.states_of(stage) for stage in recipe.stages} == {1}


def test_the_quick_example_is_quick(run: Run, tmp_path: Path) -> None:
    (path,) = [path for path in EXAMPLES if path.name == "quick.toml"]
    began = time.process_time()
    ran = run("run", path, "--out", tmp_path / "quick.h5")
    assert ran.code == 0, ran.err
    assert time.process_time() - began < 20
    history = Result.load(tmp_path / "quick.h5").history
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert run("columns", tmp_path / "quick.h5", "--json").code == 0
