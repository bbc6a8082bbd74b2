"""Runs of all kinds, by the buttons: quick look, further, one step, another course, the queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils import progress
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.errors import DivergedError, InputError
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.running import work

MakeDock = Callable[..., MixedPtychoWidget]
Ran = tuple[MixedPtychoWidget, Any]


def click(qtbot: QtBot, button: QWidget) -> None:
    assert button.isEnabled(), button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def done(dock: MixedPtychoWidget) -> int:
    return 0 if dock.result is None else len(dock.result.history)


def over(dock: MixedPtychoWidget) -> bool:
    return not dock.running and not dock.lining.queue.working


def test_a_quick_look_is_a_run_of_its_own(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        click(qtbot, dock.steps.run.quick_button)
    assert dock.result is not None
    assert dock.result.estimate.object.shape[:2] == (1, 1)
    assert "[quick look] mean phase" in [layer.name for layer in dock.display.viewer.layers]
    assert dock.recipe() == small, "the settings on screen stay"
    dock.steps.show_step("run")
    assert "judged by quick look" in dock.steps.run.cost.text()


def test_a_result_goes_on_in_its_own_layers(ran: Ran, qtbot: QtBot) -> None:
    dock, viewer = ran
    page, layers = dock.steps.run, len(viewer.layers)
    page.more.set_value(2)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        click(qtbot, page.proceed_button)
    assert done(dock) == 7
    assert len(viewer.layers) == layers
    assert dock.result is not None
    assert dock.result.recipe.stages[-1].iterations == 5
    assert page.loss.points == 7
    assert len(dock.runs.book.entries) == 1


def test_a_stopped_and_a_loaded_result_go_on(
    make_dock: MakeDock, small: Recipe, tmp_path: Path, qtbot: QtBot
) -> None:
    stopped = next(iter(reconstruct(small))).result
    path = tmp_path / "stopped.h5"
    stopped.save(path)
    dock = make_dock()
    dock.open(path)
    button = dock.steps.run.proceed_button
    assert button.text() == "Continue (4 left)"
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        click(qtbot, button)
    assert done(dock) == 5
    assert Result.load(path).history == stopped.history, "a file of the user's own stays as it was"


def test_a_step_is_one_iteration(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.set_recipe(small.with_iterations(1000))
    dock.run()
    dock.pause()
    qtbot.waitUntil(lambda: dock.paused and done(dock) > 0, timeout=30_000)
    before = done(dock)
    click(qtbot, dock.steps.run.step_button)
    qtbot.waitUntil(lambda: done(dock) == before + 1, timeout=30_000)
    qtbot.waitUntil(lambda: dock.paused, timeout=30_000)
    qtbot.wait(300)
    assert done(dock) == before + 1
    dock.stop()
    qtbot.waitUntil(lambda: not dock.running, timeout=30_000)


def test_stages_changed_while_it_waits_count_from_there(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot
) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    page = dock.steps.run
    dock.run()
    dock.pause()
    qtbot.waitUntil(lambda: dock.paused and done(dock) > 0, timeout=30_000)
    assert not page.plan.steer.isHidden()
    before = done(dock)
    page.stages.last.editors["solver"]._choice.inner.value = "adam"
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        click(qtbot, page.pause_button)
    assert dock.result is not None
    assert done(dock) == 5
    assert before < 5
    stages = dock.result.recipe.stages
    assert stages[-1].solver.kind == "adam"
    assert stages[0].solver.kind == "lbfgs"
    assert len(dock.runs.book.entries) == 1
    assert not [t for t in threading.enumerate() if t.name == "mixedptycho run"]


def test_a_checkpoint_is_written_when_it_is_asked_for(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot
) -> None:
    dock = make_dock()
    dock.set_recipe(small.with_iterations(1000))
    dock.run()
    dock.pause()
    qtbot.waitUntil(lambda: dock.paused and done(dock) > 0, timeout=30_000)
    assert dock.control.copy is not None
    assert not dock.control.copy.exists()
    click(qtbot, dock.steps.run.keep_button)
    assert len(Result.load(dock.control.copy).history) == done(dock)
    dock.stop()
    qtbot.waitUntil(lambda: not dock.running, timeout=30_000)


def test_a_series_is_worked_off_in_order(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    # Large enough that a column is found, without which no motion can be judged.
    dock.set_recipe(small.with_set("data.scan_region=[0,10,0,10]").with_set("model.slices=1"))
    page = dock.steps.run.line
    dock.steps.show_step("run")
    click(qtbot, page.series_button)
    assert [page.rows.item(row).text() for row in range(3)] == [
        "pure  ·  waits",
        "mixed  ·  waits",
        "control of mixed  ·  waits",
    ]
    click(qtbot, page.start_button)
    qtbot.waitUntil(lambda: over(dock), timeout=60_000)
    entries = dock.runs.book.entries
    assert [entry.name for entry in entries] == ["pure", "mixed", "control of mixed"]
    assert [entry.state for entry in entries] == ["finished"] * 3
    one, several, still = (entry.needed() for entry in entries)
    assert one.estimate.states == 1
    assert several.recipe.model.states == 2
    assert still.data_hash != several.data_hash
    assert "Motion is" in entries[1].note
    assert [entry.state for entry in dock.lining.queue.entries] == ["done"] * 3


def test_what_fails_does_not_stop_what_follows(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    dock.steps.data.form.editors["scan_region"].set_value((0, 600, 0, 6))
    dock.lining.add()
    dock.steps.data.form.editors["scan_region"].set_value((0, 6, 0, 6))
    dock.lining.add()
    dock.lining.queue.entries[1].name = "good"
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.lining.start_or_hold()
    qtbot.waitUntil(lambda: over(dock), timeout=30_000)
    assert [entry.state for entry in dock.lining.queue.entries] == ["failed", "done"]
    assert "scan_region" in dock.lining.queue.entries[0].note
    assert dock.display.run_name == "good"


def test_entries_are_moved_and_removed(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    dock.steps.show_step("run")
    page, queue = dock.steps.run.line, dock.lining.queue
    for _ in range(3):
        click(qtbot, page.add_button)
    assert [entry.name for entry in queue.entries] == ["2 states", "2 states 2", "2 states 3"]
    page.rows.setCurrentRow(2)
    click(qtbot, page.buttons["up"])
    page.rows.setCurrentRow(0)
    click(qtbot, page.buttons["remove"])
    assert [entry.name for entry in queue.entries] == ["2 states 3", "2 states 2"]
    assert dock.steps.run.tabs["queue"].text() == "Queue (2)"


def test_a_control_without_its_run_fails_in_words(ran: Ran, qtbot: QtBot) -> None:
    dock, _ = ran
    dock.lining.duplicate("run 1", "control")
    dock.comparing.delete("run 1")
    dock.lining.start_or_hold()
    assert "no run called" in dock.lining.queue.entries[0].note
    assert not dock.lining.queue.working


def test_a_run_is_queued_again_with_one_thing_changed(ran: Ran) -> None:
    dock, _ = ran
    for kind in ("pure", "seed", "bracket", "control"):
        dock.lining.duplicate("run 1", kind)
    entries = dock.lining.queue.entries
    assert [entry.name for entry in entries] == [
        "run 1 pure",
        "run 1 seed 1",
        "run 1 from below",
        "run 1 from above",
        "control of run 1",
    ]
    recipes = [entry.recipe for entry in entries]
    assert recipes[0] is not None and recipes[0].model.states == 1
    assert recipes[1] is not None and recipes[1].run.seed == 1
    below, above = (recipe.guess.spread.displacement for recipe in recipes[2:4])  # type: ignore[union-attr]
    assert below < above


def fails(error: Exception, after: int) -> Callable[..., Iterator[Progress]]:
    def run(*arguments: Any) -> Iterator[Progress]:
        for number, step in enumerate(reconstruct(*arguments)):
            if number == after:
                raise error
            yield step

    return run


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DivergedError("The reconstruction diverged in the probe."), "diverged in the probe"),
        (MemoryError("out of memory allocating 12 bytes"), "not enough memory"),
    ],
    ids=["diverged", "memory"],
)
def test_what_went_wrong_is_said_in_a_sentence_and_the_result_kept(
    error: Exception,
    words: str,
    make_dock: MakeDock,
    small: Recipe,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(work, "reconstruct", fails(error, 2))
    dock = make_dock()
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.failed, timeout=30_000) as heard:
        dock.run()
    assert heard.args is not None
    assert words in heard.args[0]
    assert type(error).__name__ not in heard.args[0]
    assert done(dock) == 2
    assert dock.runs.book.entries[0].state == "failed"
    monkeypatch.undo()
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        click(qtbot, dock.steps.run.proceed_button)
    assert done(dock) == 5


def test_news_of_the_computing_stay_on_screen(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = iter([("Memory ran out with 8 patterns; going on with 4.",)])
    monkeypatch.setattr("napari_mixedptycho.engine.room.Room.take_news", lambda self: next(news, ()))
    dock = make_dock()
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.run()
    assert "going on with 4" in dock.steps.run.signs.doubts.text()


def test_data_may_change_while_it_runs(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.set_recipe(small.with_iterations(1000))
    dock.run()
    qtbot.waitUntil(lambda: done(dock) > 0, timeout=30_000)
    source = dock.desk.source
    dock.open("sample:si_sigma9_static")
    dock.stop()
    qtbot.waitUntil(lambda: not dock.running, timeout=30_000)
    assert dock.desk.source is source
    assert dock.result is not None
    assert dock.result.name == "si_sigma9"
    reached = done(dock)
    dock.proceed()
    qtbot.waitUntil(lambda: done(dock) > reached, timeout=30_000)
    dock.stop()
    qtbot.waitUntil(lambda: not dock.running, timeout=30_000)
    assert dock.result.name == "si_sigma9"


def test_a_folder_that_cannot_be_written_is_said_and_does_not_stop_the_run(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(
        "napari_mixedptycho._napari.unsaved.folder", lambda: tmp_path / "file" / "no folder at all"
    )
    dock = make_dock()
    dock.set_recipe(small)
    said: list[str] = []
    dock.desk.complained.connect(said.append)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.run()
    assert done(dock) == 5
    assert any("could not be written" in text for text in said)
    before = np.array(dock.result.estimate.object) if dock.result is not None else None
    dock.attempt(dock.save, tmp_path / "file" / "result.h5")
    assert dock.result is not None
    assert (dock.result.estimate.object == before).all()


def test_what_cannot_be_proceeded_is_said(make_dock: MakeDock) -> None:
    dock = make_dock()
    with pytest.raises(InputError, match="no result"):
        dock.proceed()


def test_closing_the_window_in_mid_queue_leaves_no_thread(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot
) -> None:
    dock = make_dock(show=False)
    dock.set_recipe(small.with_iterations(1000))
    dock.steps.show_step("run")
    dock.lining.add()
    dock.lining.add()
    dock.lining.start_or_hold()
    qtbot.waitUntil(lambda: done(dock) > 0, timeout=30_000)
    dock.steps.run.watch.turn("pattern")
    dock.show_point((0.4, 0.4))
    dock.display.viewer.close()
    assert not dock.running
    qtbot.wait(100)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("mixedptycho")]
    assert not progress._all_instances


def test_two_docks_run_at_the_same_time(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    one = make_dock()
    two = make_dock(one.display.viewer)
    for dock in (one, two):
        dock.set_recipe(small)
    one.run()
    two.run()
    qtbot.waitUntil(lambda: not one.running and not two.running, timeout=60_000)
    assert done(one) == done(two) == 5
    layers = [layer.name for layer in one.display.viewer.layers]
    assert len(set(layers)) == len(layers)


def test_a_result_that_napari_opens_is_one_of_the_runs(
    make_dock: MakeDock, result_file: Path, qtbot: QtBot
) -> None:
    dock = make_dock()
    viewer = dock.display.viewer
    viewer.open(result_file, plugin="napari-mixedptycho")
    assert [entry.name for entry in dock.runs.book.entries] == ["small"]
    layers = len(viewer.layers)
    dock.comparing.rename("small", "large")
    assert "[large] mean phase" in [layer.name for layer in viewer.layers]
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.proceed(1)
    assert done(dock) == 6
    assert len(viewer.layers) == layers, "it goes on in the layers that are there"
