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
EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.toml"))


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES} >= {"quick.toml", "pure.toml", "si_sigma9.toml"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid_and_explained(path: Path) -> None:
    recipe = Recipe.read(path)
    assert load(recipe.data.file)
    assert path.read_text("utf-8").startswith("#")
    assert f"mixedptycho run examples/{path.name}" in path.read_text("utf-8")


def test_the_sample_has_the_default_recipe() -> None:
    (path,) = [path for path in EXAMPLES if path.name == "si_sigma9.toml"]
    assert Recipe.read(path) == Recipe()


def test_the_pure_example_is_pure() -> None:
    (path,) = [path for path in EXAMPLES if path.name == "pure.toml"]
    recipe = Recipe.read(path)
    assert {recipe.states_of(stage) for stage in recipe.stages} == {1}


def test_the_quick_example_is_quick(run: Run, tmp_path: Path) -> None:
    (path,) = [path for path in EXAMPLES if path.name == "quick.toml"]
    began = time.perf_counter()
    ran = run("run", path, "--out", tmp_path / "quick.h5")
    assert ran.code == 0, ran.err
    assert time.perf_counter() - began < 20
    history = Result.load(tmp_path / "quick.h5").history
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert run("columns", tmp_path / "quick.h5", "--json").code == 0
