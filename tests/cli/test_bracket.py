from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho import bracket as bracketing
from napari_mixedptycho.analysis.bracket import Bracket, BracketSettings
from napari_mixedptycho.cli import main
from napari_mixedptycho.cli.bracket import sentence
from napari_mixedptycho.result import Result
from tests.analysis.test_bracket import found
from tests.small import small, standard

Run = Callable[..., Any]
FILES = ("start.h5", "below.h5", "above.h5", "bracket.json", "bracket.png")


RECIPE = standard("data.scan_region=[6,15,6,15]", "stages.moving.iterations=2").to_toml()


@pytest.fixture
def wish(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the numbers of an uninterrupted bracket."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    words = ["bracket", str(folder / "recipe.toml"), "--every", "1", "--quiet"]
    assert main(words) == 0
    return json.loads((folder / "recipe.bracket" / "bracket.json").read_text())


def test_a_bracket_writes_and_says_what_was_found(run: Run, wish: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run("bracket", wish, "--out", out, "--every", 1)
    assert ran.code == 0, ran.err
    assert [name for name in FILES if not (out / name).is_file()] == []
    numbers = json.loads((out / "bracket.json").read_text())
    low, high = numbers["low"], numbers["high"]
    assert 0 < low <= high
    assert f"{low:.4f} to {high:.4f}" in ran.out or f"between {low:.4f} and {high:.4f}" in ran.out
    assert f"The truth is {numbers['truth']:.4f} Å" in ran.out
    assert numbers["truth"] == pytest.approx(0.053, abs=0.02)
    for side, start in (("below", 0.02), ("above", 0.1)):
        assert Result.load(out / f"{side}.h5").recipe.guess.spread.displacement == start
        assert [point["iteration"] for point in numbers[side]["points"]] == [1, 2]
        assert f"from {side} (started at {start:g})" in ran.out

    # Once more: nothing is computed again, and JSON says the same.
    times = {name: (out / name).stat().st_mtime_ns for name in FILES[:3]}
    again = run("bracket", wish, "--out", out, "--every", 1, "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out) == numbers
    assert {name: (out / name).stat().st_mtime_ns for name in FILES[:3]} == times
    assert run("bracket", wish, "--out", out, "--every", 1, "--again", "--quiet").code == 0
    assert (out / "below.h5").stat().st_mtime_ns > times["below.h5"]

    # Other starts are another bracket, from the same object.
    wider = run("bracket", wish, "--out", out, "--every", 1, "--low", 0.01, "--quiet")
    assert wider.code == 0, wider.err
    assert Result.load(out / "below.h5").recipe.guess.spread.displacement == 0.01


@pytest.mark.parametrize("stop", [("start", 2), ("below", 5), ("above", 5)])
def test_an_interrupted_bracket_goes_on(
    run: Run, wish: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Any, stop: tuple[str, int]
) -> None:
    original, out, calls = bracketing.reconstruct, tmp_path / "out", []

    def stopped(*rest: Any) -> Any:
        calls.append(rest)
        part = ("start", "below", "above")[len(calls) - 1]
        for progress in original(*rest):
            yield progress
            if (part, progress.iteration) == stop:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bracketing, "reconstruct", stopped)
        ran = run("bracket", wish, "--out", out, "--every", 1)
    assert ran.code == 130
    assert ran.out == ""
    assert f"the same command goes on from {out}" in ran.err
    assert len(Result.load(out / f"{stop[0]}.h5").history) == stop[1]

    rest = run("bracket", wish, "--out", out, "--every", 1, "--json")
    assert rest.code == 0, rest.err
    assert "going on from there" in rest.err
    assert json.loads(rest.out) == whole


def test_a_damaged_part_is_computed_again(run: Run, wish: Path, tmp_path: Path, whole: Any) -> None:
    out = tmp_path / "out"
    assert run("bracket", wish, "--out", out, "--quiet", "--every", 1).code == 0
    (out / "below.h5").write_bytes(b"nonsense")
    (out / "bracket.json").write_text("nonsense")
    again = run("bracket", wish, "--out", out, "--quiet", "--json", "--every", 1)
    assert again.code == 0, again.err
    numbers = json.loads(again.out)
    assert numbers["below"] == whole["below"]
    assert (numbers["low"], numbers["high"]) == (whole["low"], whole["high"])


def test_bad_input_is_one_sentence(run: Run, wish: Path, tmp_path: Path) -> None:
    assert "low = 0.2 is not below high = 0.1" in run("bracket", wish, "--low", 0.2).refused()
    assert "'every'" in run("bracket", wish, "--every", 0).refused()
    assert "no motion to bracket" in run("bracket", wish, "--set", "model.states=1").refused()
    free = tmp_path / "free.toml"
    free.write_text(small('stages=[{name="mixed",iterations=3}]').to_toml())
    assert "states = 1 before it" in run("bracket", free).refused()
    assert "no such file" in run("bracket", tmp_path / "none.toml").refused()
    (tmp_path / "file").write_text("")
    assert "cannot be written" in run("bracket", wish, "--out", tmp_path / "file").refused()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "free.toml", "recipe.toml"]


def test_the_sentence_tells_what_to_do() -> None:
    assert "have met; 15 iterations were enough" in sentence(
        found([0.03, 0.046, 0.050, 0.050], [0.08, 0.060, 0.052, 0.051])
    )
    moving = sentence(found([0.02, 0.03, 0.035, 0.04], [0.1, 0.09, 0.08, 0.07]))
    assert "have not met" in moving
    assert "+0.0050 Å from below and -0.0100 Å from above" in moving
    assert "more iterations" in moving
    resting = sentence(found([0.02, 0.02, 0.02, 0.02], [0.09, 0.09, 0.09, 0.09]), 0.05)
    assert "they rest" in resting
    assert resting.endswith("The truth is 0.0500 Å.")


def test_an_empty_bracket_has_no_numbers() -> None:
    empty = Bracket(BracketSettings(), np.zeros((0, 2)))
    assert not empty.met
    assert empty.enough is None
