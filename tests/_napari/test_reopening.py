"""A dock that is closed and opened again, as napari does it, also from modules that were read anew."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from napari import Viewer
from napari._qt.widgets.qt_viewer_dock_widget import QtViewerDockWidget
from npe2 import PluginManager, PluginManifest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication, QWidget

from napari_mixedptycho._napari import unsaved
from napari_mixedptycho._napari.run_names import DOCK
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.recipe import Recipe
from tests._napari.driving import click, names, press

MakeViewer = Callable[..., Viewer]
MakeDock = Callable[..., MixedPtychoWidget]
PLUGIN = "napari-mixedptycho"


@pytest.fixture
def viewer(make_napari_viewer: MakeViewer) -> Viewer:
    """Return a viewer that knows the plugin as an installed one."""
    if PLUGIN not in PluginManager.instance():
        PluginManager.instance().register(PluginManifest.from_distribution(PLUGIN))
    return make_napari_viewer(show=False)


def opened(viewer: Viewer) -> Any:
    """Open the dock from napari's menu of plugins."""
    return viewer.window.add_plugin_dock_widget(PLUGIN)[1]


def close(viewer: Viewer, dock: QWidget) -> None:
    """Close the dock by the cross in its title."""
    frame = dock.parent()
    assert isinstance(frame, QtViewerDockWidget)
    frame.destroyOnClose()
    dock.deleteLater()
    QApplication.processEvents()
    QApplication.sendPostedEvents(None, 52)  # DeferredDelete
    gc.collect()


def heard(viewer: Viewer) -> dict[str, int]:
    """Return how many listen to the viewer and to each of its layers."""
    counts = {"keys": len(viewer.keymap), "clicks": len(viewer.mouse_drag_callbacks)}
    sources = {"layers": viewer.layers.events, "viewer": viewer.events, "grid": viewer.canvas.grid.events}
    sources |= {layer.name: layer.events for layer in viewer.layers}
    for name, events in sources.items():
        counts[name] = sum(len(emitter.callbacks) for emitter in events.emitters.values())
    return counts


def docks() -> list[QWidget]:
    return [widget for widget in QApplication.allWidgets() if widget.objectName() == DOCK]


def run(dock: Any, recipe: Recipe, qtbot: QtBot) -> None:
    dock.set_recipe(recipe)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.run()


def test_a_dock_that_is_opened_again_takes_over_the_runs(viewer: Viewer, small: Recipe, qtbot: QtBot) -> None:
    first = opened(viewer)
    run(first, small, qtbot)
    run(first, small.with_set("run.seed=1"), qtbot)
    first.comparing.rename("run 1", "mine")
    viewer.layers["[mine] mean phase"].contrast_limits = (-0.1, 0.2)
    viewer.layers["[mine] phase"].name = "by hand"
    losses = [entry.needed().history.loss for entry in first.runs.book.entries]
    before, keys = names(viewer), dict(viewer.keymap)
    listeners = heard(viewer)
    close(viewer, first)
    assert not docks()
    assert not viewer.keymap
    second = opened(viewer)
    assert second is not first
    assert names(viewer) == before, "nothing is there twice"
    assert heard(viewer) == listeners, "nobody listens twice, nor does anybody who is gone"
    assert [str(key) for key in viewer.keymap] == [str(key) for key in keys]
    entries = second.runs.book.entries
    assert [(entry.name, entry.state) for entry in entries] == [("mine", "finished"), ("run 2", "finished")]
    assert [entry.needed().history.loss for entry in entries] == losses
    assert second.result is entries[1].result
    assert second.steps.run.loss.points == 5
    second.comparing.do("show", "mine")
    assert viewer.layers["[mine] mean phase"].visible
    assert viewer.layers["[mine] mean phase"].contrast_limits == [-0.1, 0.2]
    assert names(viewer) == before
    with qtbot.waitSignal(second.finished, timeout=30_000):
        second.proceed(1)
    assert names(viewer) == before, "it goes on in the layers that are there"
    run(second, small, qtbot)
    assert second.display.run_name == "run 3"


def test_rounds_of_closing_and_opening_leave_nobody_listening(
    viewer: Viewer, small: Recipe, qtbot: QtBot
) -> None:
    bare = heard(viewer)
    dock = opened(viewer)
    run(dock, small, qtbot)
    close(viewer, dock)
    layers, counts = names(viewer), heard(viewer)
    assert {key: counts[key] for key in bare} == bare | {"layers": counts["layers"]}
    for _ in range(3):
        dock = opened(viewer)
        dock.steps.show_step("run")
        dock.steps.run.turn("runs")
        close(viewer, dock)
        assert (names(viewer), heard(viewer)) == (layers, counts)
    assert not docks()
    viewer.theme = "light"


@pytest.fixture
def modules() -> Iterator[None]:
    """Put the modules back as they were: other tests hold on to their classes."""
    before = dict(sys.modules)
    yield
    for name in [name for name in sys.modules if name.startswith("napari_mixedptycho")]:
        del sys.modules[name]
    sys.modules.update(before)


def test_the_plugin_is_read_anew(
    viewer: Viewer, small: Recipe, qtbot: QtBot, modules: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(viewer)
    run(first, small, qtbot)
    assert first.result is not None
    loss = first.result.history.loss
    layers, listeners = names(viewer), heard(viewer)
    close(viewer, first)
    folder = unsaved.folder()
    for name in [name for name in sys.modules if name.startswith("napari_mixedptycho._napari")]:
        del sys.modules[name]
    widget = importlib.import_module("napari_mixedptycho._napari.widget")
    monkeypatch.setattr("napari_mixedptycho._napari.unsaved.folder", lambda: folder)
    assert widget.MixedPtychoWidget is not MixedPtychoWidget
    second = importlib.import_module("napari_mixedptycho._napari.launch").add_dock(viewer)
    assert type(second) is widget.MixedPtychoWidget
    assert (names(viewer), heard(viewer)) == (layers, listeners)
    assert second.result.history.loss == loss
    run(second, small, qtbot)
    assert second.display.run_name == "run 2"
    viewer.layers["[run 1] mean phase"].visible = True
    press(viewer, "L")
    assert not second.steps.run.loss._logarithmic
    close(viewer, second)


def test_a_run_whose_result_is_gone_keeps_its_layers(viewer: Viewer, small: Recipe, qtbot: QtBot) -> None:
    dock = opened(viewer)
    run(dock, small, qtbot)
    close(viewer, dock)
    for copy in unsaved.copies():
        copy.unlink()
    dock = opened(viewer)
    dock.steps.show_step("run")
    dock.steps.run.turn("runs")
    assert dock.result is None
    click(qtbot, dock.steps.run.table.buttons["show"])
    assert "only layers are left" in dock.steps.footer.status.text()
    dock.comparing.do("delete", "run 1")
    assert names(viewer) == ["si_sigma9 bright field"]
    click(qtbot, dock.steps.run.table.undo_button)
    assert "[run 1] mean phase" in names(viewer)


def test_a_run_that_goes_on_is_taken_over_where_the_closed_dock_left_it(
    viewer: Viewer, small: Recipe, qtbot: QtBot
) -> None:
    dock = opened(viewer)
    dock.set_recipe(small.with_iterations(100_000))
    dock.run()
    qtbot.waitUntil(lambda: "[run 1] mean phase" in names(viewer), timeout=30_000)
    close(viewer, dock)
    again = opened(viewer)
    (entry,) = again.runs.book.entries
    assert entry.state == "stopped"
    done = len(entry.needed().history)
    assert done >= 1
    again.proceed()
    qtbot.waitUntil(lambda: again.result is not None and len(again.result.history) > done, timeout=30_000)
    again.stop()
    qtbot.waitUntil(lambda: not again.running, timeout=30_000)


def test_docks_name_their_runs_apart_before_there_is_anything_to_see(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot
) -> None:
    one = make_dock()
    viewer = one.display.viewer
    two = make_dock(viewer)
    for dock in (one, two):
        dock.set_recipe(small)
    runs = [name for name in names(viewer) if name.startswith("[")]
    one.run()
    two.run()
    assert runs == [name for name in names(viewer) if name.startswith("[")], "neither has layers yet"
    assert (one.display.run_name, two.display.run_name) == ("run 1", "run 2")
    qtbot.waitUntil(lambda: not one.running and not two.running, timeout=60_000)
    found = names(viewer)
    assert len(set(found)) == len(found) == 7
    with qtbot.waitSignal(one.finished, timeout=30_000):
        one.quick_look()
    two.quick_look()
    assert two.display.run_name == "quick look 2"
    qtbot.waitUntil(lambda: not two.running, timeout=30_000)
    dock = make_dock(viewer)
    assert not dock.runs.book.entries, "what another dock shows is not taken from it"
