"""Nothing outlives the dock: rounds of opening, working and closing end with what was there at the start."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

from napari_mixedptycho._napari.launch import add_dock
from napari_mixedptycho.recipe import Recipe
from tests._napari.driving import threads

OURS = "napari_mixedptycho._napari"
MakeViewer = Callable[..., Viewer]


def work(viewer: Viewer, small: Recipe, file: Path, qtbot: QtBot) -> None:
    """Open a dock, use all of it, and close it in the middle of a queue."""
    dock = add_dock(viewer)
    page = dock.steps.run
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.run()
    dock.save(file)
    dock.open(file)
    for step in ("calibrate", "model", "run", "analyse"):
        dock.steps.show_step(step)
    first, second = (entry.name for entry in dock.runs.book.entries[-2:])
    dock.steps.show_step("run")
    page.turn("runs")
    dock.comparing.do("a", first)
    dock.comparing.do("b", second)
    dock.comparing.put_beside()
    dock.comparing.blink()
    dock.comparing.compare()
    qtbot.waitUntil(lambda: not page.table.summary.isHidden(), timeout=30_000)
    dock.comparing.put_beside()
    dock.comparing.do("delete", first)
    dock.comparing.undo()
    dock.find_columns()
    dock.set_recipe(small.with_iterations(100_000))
    for _ in range(2):
        dock.lining.add()
    before = dock.result
    dock.lining.start_or_hold()
    qtbot.waitUntil(lambda: dock.result is not None and dock.result is not before, timeout=30_000)
    page.watch.turn("pattern")
    dock.show_point((0.4, 0.4))
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()


def living() -> Counter[str]:
    """Return how many there are of each kind of our objects, and of Qt's that have no parent."""
    for _ in range(3):
        QApplication.sendPostedEvents(None, int(QEvent.Type.DeferredDelete.value))
        QApplication.processEvents()
        gc.collect()
    found = [thing for thing in gc.get_objects() if str(type(thing).__module__).startswith(OURS)]
    found += [widget for widget in QApplication.topLevelWidgets() if widget.parent() is None]
    kinds = Counter(type(thing).__name__ for thing in found)
    application = QApplication.instance()
    assert application is not None
    kinds["children of the application"] = len(application.findChildren(QObject))
    kinds["threads"] = len(threads())
    return kinds


def listening(viewer: Viewer) -> dict[str, int]:
    """Return how many callbacks the viewer has.

    Not counted are those that napari's own scale bars leave when a grid ends: dead, and not ours.
    """
    groups = {"layers": viewer.layers.events, "viewer": viewer.events, "dims": viewer.dims.events}
    groups |= {"camera": viewer.scene.camera.events, "grid": viewer.canvas.grid.events}
    counts = {
        name: sum(_heard(callback) for emitter in events.emitters.values() for callback in emitter.callbacks)
        for name, events in groups.items()
    }
    return counts | {"keys": len(viewer.keymap), "clicks": len(viewer.mouse_drag_callbacks)}


def _heard(callback: Any) -> bool:
    return not (isinstance(callback, tuple) and callback[0]() is None and callback[1] == "_on_unit_change")


def test_rounds_of_work_leave_nothing_behind(
    make_napari_viewer: MakeViewer, small: Recipe, tmp_path: Path, qtbot: QtBot
) -> None:
    viewer, file = make_napari_viewer(strict_qt="raise"), tmp_path / "saved.h5"
    small = small.with_set("data.scan_region=[0,10,0,10]").with_set("model.slices=1")
    # The first round brings in what is made once for the whole session.
    work(viewer, small, file, qtbot)
    viewer.layers.clear()
    objects, callbacks = living(), listening(viewer)
    assert not callbacks["keys"]
    for _ in range(2):
        work(viewer, small, file, qtbot)
        viewer.layers.clear()
        assert listening(viewer) == callbacks
        assert living() - objects == Counter(), "nothing has become more"
