"""What a person does to layers, files and windows in the middle of a run; none of it may end the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from napari import Viewer
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.recipe import Recipe
from tests._napari.driving import click, names, threads

MakeDock = Callable[..., MixedPtychoWidget]
Ran = tuple[MixedPtychoWidget, Viewer]
PARTS = ["phase", "state spread", "mean phase"]


def done(dock: MixedPtychoWidget) -> int:
    return 0 if dock.result is None else len(dock.result.history)


def begin(dock: MixedPtychoWidget, recipe: Recipe, qtbot: QtBot) -> None:
    """Start a run that goes on until it is stopped, and wait for its layers."""
    dock.set_recipe(recipe.with_iterations(100_000))
    dock.steps.show_step("run")
    click(qtbot, dock.steps.run.run_button)
    name = f"[{dock.display.run_name}] mean phase"
    qtbot.waitUntil(lambda: name in names(dock.display.viewer), timeout=30_000)


def go_on(dock: MixedPtychoWidget, qtbot: QtBot) -> None:
    """See that the run goes on."""
    before = done(dock)
    qtbot.waitUntil(lambda: done(dock) > before + 1, timeout=30_000)


def end(dock: MixedPtychoWidget, qtbot: QtBot) -> None:
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        click(qtbot, dock.steps.run.stop_button)
    assert not threads()
    assert not dock.steps.footer.status.property("error")


def test_all_layers_are_deleted(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    begin(dock, small, qtbot)
    dock.display.viewer.layers.clear()
    go_on(dock, qtbot)
    end(dock, qtbot)
    assert not names(dock.display.viewer), "what was deleted does not come back by itself"
    dock.steps.run.turn("runs")
    click(qtbot, dock.steps.run.table.buttons["show"])
    assert names(dock.display.viewer) == [f"[run 1] {part}" for part in PARTS]


def test_a_layer_takes_the_name_of_another_run(ran: Ran, small: Recipe, qtbot: QtBot) -> None:
    dock, viewer = ran
    first = np.array(viewer.layers["[run 1] mean phase"].data)
    begin(dock, small, qtbot)
    old, new = viewer.layers["[run 1] mean phase"], viewer.layers["[run 2] mean phase"]
    new.name = "[run 1] mean phase"
    old.name = "[run 2] mean phase"
    go_on(dock, qtbot)
    end(dock, qtbot)
    assert dock.result is not None
    np.testing.assert_allclose(new.data, dock.result.mean_phase(), atol=1e-6)
    np.testing.assert_array_equal(old.data, first)
    dock.comparing.rename("run 2", "mine")
    assert "[mine] phase" in names(viewer)
    assert old.name == "[run 2] mean phase", "what was renamed by hand keeps its name"


def test_the_scan_is_removed(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    begin(dock, small, qtbot)
    viewer = dock.display.viewer
    viewer.layers.remove("si_sigma9 bright field")
    dock.show_point((0.4, 0.4))
    go_on(dock, qtbot)
    end(dock, qtbot)
    assert "si_sigma9 bright field" not in names(viewer)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.set_recipe(small)
        dock.run()


def test_another_result_is_opened(
    make_dock: MakeDock, small: Recipe, result_file: Path, qtbot: QtBot
) -> None:
    dock = make_dock()
    begin(dock, small, qtbot)
    viewer = dock.display.viewer
    dock.steps.data.opened.emit(str(result_file))
    assert "A run is going on; stop it first." in dock.steps.footer.status.text()
    viewer.open(result_file, plugin="napari-mixedptycho")
    qtbot.waitUntil(lambda: len(dock.runs.book.entries) == 2, timeout=5_000)
    assert [entry.name for entry in dock.runs.book.entries] == ["run 1", "small"]
    assert viewer.layers["[run 1] mean phase"].visible
    assert not viewer.layers["[small] mean phase"].visible
    go_on(dock, qtbot)
    end(dock, qtbot)
    assert dock.display.run_name == "run 1"
    dock.comparing.do("show", "small")
    assert done(dock) == 5
    assert viewer.layers["[small] mean phase"].visible
    assert names(viewer).count("[small] mean phase") == 1
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.proceed(1)


@pytest.mark.parametrize("moment", ["preparing", "paused"])
def test_the_viewer_closes(moment: str, make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock(show=False)
    dock.set_recipe(small.with_iterations(100_000))
    dock.run()
    if moment == "paused":
        dock.pause()
        qtbot.waitUntil(lambda: dock.paused, timeout=30_000)
    dock.display.viewer.close()
    assert not threads()
    assert not dock.running


def test_runs_are_renamed_in_every_way(ran: Ran, make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock, viewer = ran
    dock.lining.duplicate("run 1", "control")
    dock.comparing.rename("run 1", "best")
    assert dock.lining.queue.entries[0].of == "best", "what waits for it follows"
    begin(dock, small, qtbot)
    dock.comparing.rename("run 1", "going on")
    go_on(dock, qtbot)
    assert {f"[going on] {part}" for part in PARTS} < set(names(viewer))
    end(dock, qtbot)
    dock.comparing.do("delete", "best")
    dock.comparing.rename("going on", "best")
    click(qtbot, dock.steps.run.table.undo_button) if dock.steps.run.view == "runs" else dock.comparing.undo()
    assert sorted(entry.name for entry in dock.runs.book.entries) == ["best", "best 2"]
    assert len(set(names(viewer))) == len(names(viewer)) == 7
    other = make_dock(viewer)
    other.set_recipe(small)
    with qtbot.waitSignal(other.finished, timeout=30_000):
        other.run()
    other.attempt(other.comparing.rename, other.display.run_name, "best")
    assert "'best' already" in other.steps.footer.status.text()
