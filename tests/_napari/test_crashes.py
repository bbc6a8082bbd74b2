"""A run that breaks, wherever it breaks: the dock goes on, in words, and what was reached is not lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from napari import Viewer
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari import control, unsaved
from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.engine import view
from napari_mixedptycho.engine.gpu import fused
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.running import work
from napari_mixedptycho.words import counted
from tests._napari.driving import click, names, threads
from tests.strict_device import OutOfMemoryError, install

MakeDock = Callable[..., MixedPtychoWidget]
Ran = tuple[MixedPtychoWidget, Viewer]


class Broken(Exception):  # noqa: N818 - it is one
    """What nobody has thought of."""


def breaks(after: int, error: Exception) -> Callable[..., Iterator[Progress]]:
    """Return a reconstruction that breaks after so many iterations."""

    def steps(*arguments: Any) -> Iterator[Progress]:
        for number, progress in enumerate(reconstruct(*arguments)):
            if number == after:
                raise error
            yield progress

    return steps


def raises(error: Exception) -> Callable[..., Any]:
    def broken(*_: Any, **__: Any) -> Any:
        raise error

    return broken


def done(dock: MixedPtychoWidget) -> int:
    return 0 if dock.result is None else len(dock.result.history)


def fail(dock: MixedPtychoWidget, qtbot: QtBot) -> str:
    """Start by the button; return what is said of the failure."""
    with qtbot.waitSignal(dock.failed, timeout=30_000):
        click(qtbot, dock.steps.run.run_button)
    return dock.steps.footer.status.text()


def usable(dock: MixedPtychoWidget, qtbot: QtBot) -> None:
    """See that nothing of the failure is in the way of the next run."""
    assert not threads()
    assert not dock.running
    assert dock.steps.run.pause_button.isHidden()
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        click(qtbot, dock.steps.run.run_button)
    assert done(dock) == 5


@pytest.mark.parametrize("place", ["preparing", "first iteration"])
def test_a_run_that_never_begins_brings_back_the_one_before(
    place: str, ran: Ran, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, viewer = ran
    before, copy = dock.result, dock.runs.book.entries[0].file
    assert before is not None
    assert copy is not None
    if place == "preparing":
        monkeypatch.setattr(work, "prepare", raises(Broken("no such thing")))
    else:
        monkeypatch.setattr(work, "reconstruct", breaks(0, Broken("no such thing")))
    text = fail(dock, qtbot)
    assert text == "run 2 failed: Broken: no such thing. run 1 is shown again."
    assert dock.result is not None
    assert dock.result.history == before.history
    assert dock.display.run_name == "run 1"
    assert viewer.layers["[run 1] mean phase"].visible
    assert Result.load(copy).history == before.history
    assert [entry.state for entry in dock.runs.book.entries] == ["finished", "failed"]
    monkeypatch.undo()
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.proceed(1)
    assert done(dock) == 6


@pytest.mark.parametrize("after", [1, 3])
def test_a_run_that_breaks_midway_keeps_what_was_reached(
    after: int, make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    monkeypatch.setattr(work, "reconstruct", breaks(after, Broken("a bit flipped")))
    text = fail(dock, qtbot)
    assert "Broken: a bit flipped" in text
    assert f"after {counted(after, 'iteration')} is kept" in text
    assert done(dock) == after
    (copy,) = unsaved.copies()
    assert len(Result.load(copy).history) == after
    monkeypatch.undo()
    other = make_dock(dock.display.viewer)
    other.open(copy)
    with qtbot.waitSignal(other.finished, timeout=30_000):
        click(qtbot, other.steps.run.proceed_button)
    assert done(other) == 5
    usable(dock, qtbot)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Broken("h5py"), MemoryError()])
def test_copies_that_break_do_not_stop_the_run(
    error: Exception, make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_mixedptycho.checkpoint._SHARE", 0)
    monkeypatch.setattr(Result, "save", raises(error))
    dock = make_dock()
    said: list[str] = []
    dock.desk.complained.connect(said.append)
    dock.set_recipe(small.with_set("run.checkpoint=1e-9"))
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        click(qtbot, dock.steps.run.run_button)
    assert done(dock) == 5
    assert len(said) == 1
    assert "could not be written" in said[0]
    monkeypatch.undo()
    usable(dock, qtbot)


@pytest.mark.parametrize("error", [Broken("no image"), MemoryError()])
def test_images_that_break_do_not_stop_the_run(
    error: Exception, make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control.View, "of", raises(error))
    dock = make_dock()
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        click(qtbot, dock.steps.run.run_button)
    assert done(dock) == 5
    assert "images could not be made" in dock.steps.run.signs.doubts.text()
    monkeypatch.undo()
    dock.comparing.do("show", "run 1")
    assert "[run 1] mean phase" in names(dock.display.viewer)
    usable(dock, qtbot)


# --- memory of a device -----------------------------------------------------------------------------


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what makes a device that takes arrays of so many bytes, and no kernels."""
    monkeypatch.setattr(fused, "known", lambda view: False)
    return lambda limit: install(monkeypatch, limit=limit)


def on_device(recipe: Recipe, *changes: str) -> Recipe:
    for change in ("run.device=gpu", "run.patterns_per_chunk=8", *changes):
        recipe = recipe.with_set(change)
    return recipe


def test_a_device_whose_memory_runs_out_goes_on_with_less(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, device: Callable[[float], None]
) -> None:
    recipe = on_device(small, "data.scan_region=[0,4,0,4]", "model.slices=1")
    device(3 * 2 * 96**2 * 8)  # three waves of each of the two states
    dock = make_dock()
    dock.set_recipe(recipe)
    with qtbot.waitSignal(dock.finished, timeout=60_000):
        click(qtbot, dock.steps.run.run_button)
    assert done(dock) == 5
    text = dock.steps.run.signs.doubts.text()
    assert "Memory ran out with 8 patterns in work at once; going on with 4." in text
    assert "going on with 2." in text


def test_a_device_too_small_for_one_pattern_is_explained_and_the_last_result_stays(
    ran: Ran, small: Recipe, qtbot: QtBot, device: Callable[[float], None]
) -> None:
    dock, viewer = ran
    before = dock.result
    (copy,) = unsaved.copies()
    device(96**2 * 8)
    dock.set_recipe(on_device(small, "model.padding=2"))
    text = fail(dock, qtbot)
    assert text.startswith("run 2 failed: There is not enough memory")
    assert "fewer states or slices" in text
    assert "OutOfMemoryError" not in text
    assert "bytes" not in text
    assert dock.result is not None
    assert before is not None
    assert dock.result.history == before.history
    assert copy in unsaved.copies()
    assert len(Result.load(copy).history) == 5
    assert viewer.layers["[run 1] mean phase"].visible
    dock.set_recipe(small.with_set("run.device=cpu"))
    usable(dock, qtbot)


def test_memory_that_runs_out_midway_leaves_the_copy(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    calls = iter(range(10**9))
    far_field = view.far_field

    def tight(*arguments: Any) -> Any:
        if next(calls) > 60:
            raise OutOfMemoryError("Out of memory allocating 4,294,967,296 bytes")
        return far_field(*arguments)

    monkeypatch.setattr(view, "far_field", tight)
    text = fail(dock, qtbot)
    assert "not enough memory" in text
    assert done(dock) >= 1
    assert f"The result after {counted(done(dock), 'iteration')} is kept." in text
    (copy,) = unsaved.copies()
    assert len(Result.load(copy).history) == done(dock)
    monkeypatch.undo()
    usable(dock, qtbot)


def test_an_image_is_made_of_what_is_there(small_result: Result, tmp_path: Path) -> None:
    """The stand-ins above take the place of what else would succeed."""
    assert View.of(small_result).mean_phase.shape == small_result.geometry.shape
    assert next(reconstruct(small_result.recipe)).result.history.loss[0] > 0
