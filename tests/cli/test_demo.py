from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.cli import _work, demo
from napari_mixedptycho.cli.demo import CONTROL, SAMPLE, WRITTEN, recipe_of
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result
from tests.small import options

Run = Callable[..., Any]
QUICK = options("data.scan_region=[6,15,6,15]")


def test_both_samples_are_reconstructed_with_the_default_recipe() -> None:
    recipes = [recipe_of(file) for file in (SAMPLE, CONTROL)]
    assert recipes[0] == Recipe()
    assert recipes[1].model_copy(update={"data": recipes[0].data}) == recipes[0]


@pytest.fixture
def shown(run: Run, tmp_path: Path) -> Any:
    return run("demo", "--out", tmp_path / "demo", "--no-napari", *QUICK)


def test_the_demo_writes_and_says_what_was_found(
    run: Run, shown: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "demo"
    assert shown.code == 0, shown.err
    for folder in (out, out / "stationary"):
        assert [name for name in ("result.h5", *WRITTEN) if not (folder / name).is_file()] == []
    assert Result.load(out / "stationary" / "result.h5").recipe.data.file == CONTROL
    for text in ("rms motion", "The truth, for", "Stationary control", "would not be seen here", str(out)):
        assert text in shown.out, text

    # Once more: nothing is computed and nothing drawn again.
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    with monkeypatch.context() as patch:
        patch.setattr(_work, "reconstruct", lambda *_: pytest.fail("computed again"))
        again = run("demo", "--out", out, "--no-napari", *QUICK)
    assert again.code == 0
    assert again.out == shown.out
    assert again.err.count("was made before with the same settings") == 2
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == times

    # Other settings, or --again, compute again.
    started = []
    original = _work.reconstruct
    monkeypatch.setattr(_work, "reconstruct", lambda *rest: started.append(rest) or original(*rest))
    other = ("demo", "--out", out, "--no-napari", "--no-control", *QUICK, "--iterations", 1)
    assert run(*other).code == 0
    assert len(started) == 1
    assert run(*other, "--again").code == 0
    assert len(started) == 2
    assert (out / "columns.png").stat().st_mtime_ns > times[out / "columns.png"]


def test_an_interrupted_demo_is_not_taken_for_a_complete_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = _work.reconstruct

    def stop(*rest: Any) -> Any:
        for progress in original(*rest):
            yield progress
            if progress.iteration == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(_work, "reconstruct", stop)
    ran = run("demo", "--out", tmp_path, "--no-napari", *QUICK)
    assert ran.code == 130
    assert "Stopped before the end" in ran.err
    assert not (tmp_path / "stationary").exists()
    monkeypatch.undo()
    again = run("demo", "--out", tmp_path, "--no-napari", "--no-control", *QUICK)
    assert again.code == 0
    assert "was made before" not in again.err
    assert "was begun before; going on after iteration 2" in again.err
    found = Result.load(tmp_path / "result.h5")
    assert run("demo", "--out", tmp_path, "--no-napari", "--no-control", "--again", *QUICK).code == 0
    whole = Result.load(tmp_path / "result.h5")
    assert found.history.loss == whole.history.loss
    assert np.array_equal(found.estimate.object, whole.estimate.object)


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"DISPLAY": ":0", "CI": "true"}, False),
        ("win32", {}, True),
        ("darwin", {}, True),
        ("darwin", {"CI": "1"}, False),
    ],
)
def test_where_a_window_can_be_opened(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], expected: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert demo.has_display() is expected


def test_napari_is_shown_the_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []
    launch = types.ModuleType("launch")
    launch.show = seen.append  # type: ignore[attr-defined]
    monkeypatch.setattr(importlib, "import_module", lambda name: launch)
    demo.show(tmp_path / "result.h5")
    assert seen == [tmp_path / "result.h5"]


def test_without_napari_the_demo_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'napari'", name="napari")

    monkeypatch.setattr(importlib, "import_module", absent)
    demo.show(Path("result.h5"))
    assert 'pip install "napari-mixedptycho[all]"' in capsys.readouterr().out


def test_a_fault_of_our_own_is_not_taken_for_a_missing_napari(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise ImportError("cannot import name", name="napari_mixedptycho._napari.dock")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(ImportError, match="cannot import name"):
        demo.show(Path("result.h5"))
