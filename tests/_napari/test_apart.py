"""The dock with runs in a process of their own, as people have it: the other tests use threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari import control, unsaved
from napari_mixedptycho._napari.preferences import preference
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho._napari.work import watching
from napari_mixedptycho.one_pattern import Compared, compare_pattern
from napari_mixedptycho.prepare import Prepared
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result
from napari_mixedptycho.running import Apart, Seat, Work
from napari_mixedptycho.words import counted
from tests._napari import test_steering
from tests._napari.driving import click, threads

MakeDock = Callable[..., MixedPtychoWidget]


@pytest.fixture(autouse=True)
def places(_settings_of_nobody: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Seat]]:
    """Give the runs their own processes; return these."""
    made: list[Seat] = []

    def seat() -> Seat:
        made.append(Seat())
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control, "preference", lambda name: name == "own_process" or preference(name))
        patch.setattr(control, "Seat", seat)
        yield made
    for one in made:
        one.process.wait(timeout=30)
        assert not threads()


def done(dock: MixedPtychoWidget) -> int:
    return 0 if dock.result is None else len(dock.result.history)


test_a_run_is_steered_from_begin_to_end = test_steering.test_a_run_is_steered_from_begin_to_end


def test_a_process_is_ready_before_it_is_needed(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, places: list[Seat]
) -> None:
    dock = make_dock()
    assert not places
    dock.set_recipe(small)
    dock.open("sample:si_sigma9")
    assert len(places) == 1
    with qtbot.waitSignal(dock.finished, timeout=60_000):
        click(qtbot, dock.steps.run.run_button)
        assert len(places) == 1
    assert len(places) == 2, "for the next run"
    qtbot.waitUntil(lambda: places[0].process.poll() == 0, timeout=20_000)
    assert done(dock) == 5
    dock.shutdown()
    assert places[1].process.poll() == 0
    assert not any(one.folder.exists() for one in places)


def test_a_killed_engine_leaves_the_window_and_the_result(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, places: list[Seat]
) -> None:
    dock = make_dock()
    dock.set_recipe(small.with_iterations(100_000))
    dock.run()
    qtbot.waitUntil(lambda: done(dock) > 2, timeout=60_000)
    with qtbot.waitSignal(dock.failed, timeout=30_000):
        places[0].process.kill()
    text = dock.steps.footer.status.text()
    assert "ended from outside" in text
    assert f"The result after {counted(done(dock), 'iteration')} is kept." in text
    (copy,) = unsaved.copies()
    assert len(Result.load(copy).history) == done(dock)
    assert dock.runs.book.entries[0].state == "failed"
    # From there on, in another process.
    reached = done(dock)
    dock.proceed()
    qtbot.waitUntil(lambda: done(dock) > reached, timeout=60_000)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.runs.stop()
    assert len(Result.load(copy).history) == done(dock)


def test_patterns_come_from_the_engine_while_it_runs_and_are_computed_here_after(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    here: list[int] = []

    def compare(prepared: Prepared, result: Result, point: int) -> Compared:
        here.append(len(result.history))
        return compare_pattern(prepared, result, point)

    monkeypatch.setattr(watching, "compare_pattern", compare)
    dock = make_dock()
    dock.set_recipe(small.with_iterations(100_000))
    dock.run()
    qtbot.waitUntil(lambda: done(dock) > 1, timeout=60_000)
    watch = dock.steps.run.watch
    watch.turn("pattern")
    dock.show_point((0.4, 0.4))
    qtbot.waitUntil(lambda: watch.patterns.shown is not None, timeout=20_000)
    assert not here
    during = watch.patterns.shown
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.runs.stop()
    qtbot.waitUntil(lambda: watch.patterns.shown is not during and here == [done(dock)], timeout=20_000)
    assert during is not None
    assert watch.patterns.shown is not None
    np.testing.assert_array_equal(watch.patterns.shown.measured, during.measured)


def test_saved_in_mid_run_it_can_be_gone_on_with(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, tmp_path: Path
) -> None:
    dock = make_dock()
    dock.set_recipe(small.with_iterations(100_000))
    dock.run()
    qtbot.waitUntil(lambda: done(dock) > 3, timeout=60_000)
    dock.save(tmp_path / "mine.h5")
    assert dock.running
    saved = Result.load(tmp_path / "mine.h5")
    assert len(saved.history) > 3
    assert saved.memory


def test_what_cannot_be_handed_over_is_computed_in_a_thread(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, places: list[Seat]
) -> None:
    def refuse(*_: object) -> Apart:
        raise TypeError("cannot pickle 'lambda'")

    used: list[Work] = []
    monkeypatch.setattr(control, "Apart", refuse)
    monkeypatch.setattr(control, "Work", lambda *arguments: used.append(Work(*arguments)) or used[-1])
    monkeypatch.setattr(control, "_SHARES", {Work: 0.08})
    dock = make_dock()
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.finished, timeout=60_000):
        dock.run()
    assert done(dock) == 5
    assert len(used) == 1
    assert len(places) == 1, "it waits for the next"
