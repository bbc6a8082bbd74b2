"""Verdict of a control, and what was found of a planted motion, wherever the moving run is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from napari import Viewer
from npe2 import PluginManager, PluginManifest
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho._napari.work.judging import Judging
from napari_mixedptycho.recipe import Recipe
from tests._napari.driving import click
from tests._napari.test_reopening import PLUGIN, close, opened

MakeDock = Callable[..., MixedPtychoWidget]
LONG = 200_000


def queued(dock: Any) -> list[tuple[str, str]]:
    return [(entry.name, entry.state) for entry in dock.lining.queue.entries]


def verdict(dock: Any) -> str:
    return str(dock.steps.analyse.belief.verdict.text())


def recovery(dock: Any) -> str:
    return str(dock.steps.analyse.belief.recovery.text())


def show(dock: Any, name: str) -> None:
    """Choose Show of a run in the table."""
    dock.comparing.do("show", name)


def worked_off(dock: Any, qtbot: QtBot) -> None:
    line = dock.steps.run.line
    click(qtbot, line.start_button)
    qtbot.waitUntil(lambda: not dock.runs.running and not dock.lining.queue.working, timeout=LONG)


def test_a_verdict_stands_beside_the_run_though_others_wait(
    make_dock: MakeDock, wide_file: Path, small: Recipe, qtbot: QtBot
) -> None:
    dock = make_dock()
    dock.open(wide_file)
    click(qtbot, dock.steps.analyse.find_button)
    dock.set_recipe(small)
    page = dock.steps.run.line
    dock.lining.duplicate("wide", "control")
    assert "waits in the queue" in verdict(dock)
    click(qtbot, page.add_button)
    last = queued(dock)[-1][0]
    worked_off(dock, qtbot)
    assert queued(dock) == [("control of wide", "done"), (last, "done")]
    assert dock.display.run_name == last
    assert not verdict(dock), "of this one nothing is known"
    show(dock, "wide")
    assert dock.desk.found is None, "no column was looked for again"
    assert "times the floor" in verdict(dock)
    assert verdict(dock)[0] in "✓✗"
    show(dock, "control of wide")
    assert "wide: " in verdict(dock)
    assert "times the floor" in verdict(dock)
    show(dock, last)
    assert not verdict(dock)
    show(dock, "wide")
    said = verdict(dock)
    click(qtbot, dock.steps.analyse.find_button)
    assert verdict(dock) == said, "measured anew it is the same"


def test_a_planted_motion_that_ends_before_the_control_is_judged_after_it(
    make_dock: MakeDock, wide_file: Path, small: Recipe, qtbot: QtBot
) -> None:
    dock = make_dock()
    dock.open(wide_file)
    dock.set_recipe(small)
    dock.lining.duplicate("wide", "planted")
    click(qtbot, dock.steps.run.line.add_button)
    dock.lining.queue.move(1, -1)
    assert [name for name, _ in queued(dock)][:2] == ["planted motion of wide", "control of wide"]
    notes: list[str] = []
    dock.lining.queue.changed.connect(lambda: notes.append(dock.lining.queue.entries[0].note))
    worked_off(dock, qtbot)
    assert "Judged once the control of wide has ended." in notes
    assert {state for _, state in queued(dock)} == {"done"}
    moving = dock.runs.book.find("wide")
    qtbot.waitUntil(lambda: moving.recovery is not None, timeout=LONG)
    show(dock, "wide")
    assert "times the floor" in verdict(dock)
    assert "Of a planted motion" in recovery(dock)


def test_what_is_told_of_a_run_on_the_screen_comes_beside_its_columns(
    make_dock: MakeDock, wide_file: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its columns were found, and edited, before."""
    dock = make_dock()
    dock.open(wide_file)
    monkeypatch.setattr(dock.lining.judging, "_ask", lambda *_: None)
    dock.lining.duplicate("wide", "planted")
    worked_off(dock, qtbot)
    monkeypatch.undo()
    show(dock, "wide")
    dock.find_columns()
    layer = dock.display.viewer.layers["columns"]
    layer.selected_data = {0}
    layer.remove_selected()
    numbers = dock.desk.found.numbers
    assert dock.desk.found.recovery is None
    qtbot.waitUntil(lambda: "Of a planted motion" in recovery(dock), timeout=LONG)
    assert dock.desk.found.recovery is not None, "so that it is in the report too"
    assert dock.desk.found.numbers == numbers, "edits stay"


@pytest.mark.parametrize("told", [True, False])
def test_a_dock_that_is_opened_again_tells_the_verdict(
    told: bool,
    make_napari_viewer: Callable[..., Viewer],
    wide_file: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether the dock before had told it, or was closed before it came to that."""
    if PLUGIN not in PluginManager.instance():
        PluginManager.instance().register(PluginManifest.from_distribution(PLUGIN))
    viewer = make_napari_viewer(show=False)
    first = opened(viewer)
    first.open(wide_file)
    if not told:
        monkeypatch.setattr(Judging, "_over", lambda *_: None)
    first.lining.duplicate("wide", "planted")
    worked_off(first, qtbot)
    moving = first.runs.book.find("wide")
    if told:
        qtbot.waitUntil(lambda: moving.recovery is not None, timeout=LONG)
    plan = first.runs.book.find("planted motion of wide").planted
    close(viewer, first)
    monkeypatch.undo()
    second = opened(viewer)
    entries = {entry.name: entry for entry in second.runs.book.entries}
    assert entries["control of wide"].of == entries["planted motion of wide"].of == "wide"
    assert entries["planted motion of wide"].planted == plan
    assert entries["control of wide"].planted is None
    assert second.display.run_name == "planted motion of wide"
    qtbot.waitUntil(lambda: "Of a planted motion" in recovery(second), timeout=LONG)
    assert "wide: " in recovery(second)
    show(second, "wide")
    assert "times the floor" in verdict(second)
    assert "Of a planted motion" in recovery(second)
    if told:
        assert entries["wide"].recovery == moving.recovery
    second.find_columns()
    assert second.desk.found.verdict is not None
    assert second.desk.found.recovery == entries["wide"].recovery
