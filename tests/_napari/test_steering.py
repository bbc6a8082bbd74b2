"""A run steered by the real buttons from begin to end, and the table of runs by all of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QFileDialog, QInputDialog

from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result
from tests._napari.driving import click, names, threads

MakeDock = Callable[..., MixedPtychoWidget]
Ran = tuple[MixedPtychoWidget, Viewer]


def done(dock: MixedPtychoWidget) -> int:
    return 0 if dock.result is None else len(dock.result.history)


def waits(dock: MixedPtychoWidget, qtbot: QtBot, least: int = 1) -> int:
    """Wait until the run waits and its news are on screen; return how far it is."""
    qtbot.waitUntil(
        lambda: dock.paused and done(dock) >= least and f"iteration {done(dock)}" in said(dock),
        timeout=30_000,
    )
    return done(dock)


def said(dock: MixedPtychoWidget) -> str:
    return dock.steps.footer.status.text()


def test_a_run_is_steered_from_begin_to_end(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    page = dock.steps.run
    dock.set_recipe(small.with_set("data.scan_region=[0,12,0,12]").with_iterations(100_000))
    # A part of the scan only.
    dock.steps.show_step("data")
    region = dock.steps.data.form.editors["scan_region"].inner.native
    region.selectAll()
    qtbot.keyClicks(region, "3, 9, 4, 10")
    dock.steps.show_step("run")
    click(qtbot, page.run_button)
    qtbot.waitUntil(lambda: done(dock) > 0, timeout=30_000)
    click(qtbot, page.pause_button)
    reached = waits(dock, qtbot)
    assert dock.result is not None
    assert dock.result.scan_shape == (6, 6)
    for _ in range(2):
        click(qtbot, page.step_button)
        qtbot.waitUntil(lambda at=reached: done(dock) == at + 1, timeout=30_000)
        reached = waits(dock, qtbot, reached + 1)
    click(qtbot, page.keep_button)
    assert dock.control.copy is not None
    assert len(Result.load(dock.control.copy).history) == reached
    # A weight and the solver, as typed and chosen.
    page.turn("settings")
    page.stages.fold.open(True)
    stage = page.stages.all
    stage.rows.setCurrentRow(len(stage.items) - 1)
    penalties = stage.form.editors["penalties"]
    penalties.entries["tikhonov"].box.value = True
    weight = penalties.entries["tikhonov"].form().editors["weight"].inner.native
    weight.selectAll()
    qtbot.keyClicks(weight, "0.125")
    page.stages.last.editors["solver"]._choice.inner.value = "adam"
    click(qtbot, page.pause_button)
    qtbot.waitUntil(lambda: done(dock) > reached + 1, timeout=30_000)
    click(qtbot, page.stop_button)
    qtbot.waitUntil(lambda: not dock.running, timeout=30_000)
    reached = done(dock)
    last = dock.result.recipe.stages[-1]
    assert last.solver.kind == "adam"
    assert [(one.kind, one.weight) for one in last.penalties] == [("tikhonov", 0.125)]
    assert not dock.result.recipe.stages[0].penalties, "what was done before is told as it was"
    # Kept, shortened to what is done, and so many further.
    assert len(Result.load(dock.control.copy).history) == reached
    assert "stopped" in said(dock)
    assert "left)" in page.proceed_button.text()
    click(qtbot, page.proceed_button)
    qtbot.waitUntil(lambda: done(dock) > reached, timeout=30_000)
    click(qtbot, page.stop_button)
    qtbot.waitUntil(lambda: not dock.running, timeout=30_000)
    assert len(dock.runs.book.entries) == 1
    assert names(dock.display.viewer).count("[run 1] mean phase") == 1
    assert not threads()


def test_so_many_iterations_more(ran: Ran, qtbot: QtBot) -> None:
    dock, _ = ran
    page = dock.steps.run
    for more, expected in ((1, 6), (3, 9)):
        page.more.set_value(more)
        with qtbot.waitSignal(dock.finished, timeout=30_000):
            click(qtbot, page.proceed_button)
        assert done(dock) == expected


def test_the_queue_is_worked_off_in_the_order_on_screen(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot
) -> None:
    dock = make_dock()
    page = dock.steps.run
    begun: list[str] = []
    dock.runs.starting.connect(lambda: begun.append(dock.lining.queue.current.name))  # type: ignore[union-attr]
    dock.set_recipe(small.with_iterations(1))
    dock.steps.show_step("run")
    page.turn("queue")
    for _ in range(3):
        click(qtbot, page.line.add_button)
    page.line.rows.setCurrentRow(0)
    click(qtbot, page.line.buttons["remove"])
    click(qtbot, dock.steps.footer.undo_button)
    texts = [page.line.rows.item(row).text() for row in range(3)]
    assert texts == ["2 states  ·  waits", "2 states 2  ·  waits", "2 states 3  ·  waits"], "nothing is lost"
    page.line.rows.setCurrentRow(2)
    click(qtbot, page.line.buttons["up"])
    click(qtbot, page.line.start_button)
    page.line.rows.setCurrentRow(0)
    assert not page.line.buttons["remove"].isEnabled()
    assert "Stop ends it" in page.line.buttons["remove"].toolTip()
    qtbot.waitUntil(lambda: not dock.running and not dock.lining.queue.working, timeout=60_000)
    assert begun == ["2 states", "2 states 3", "2 states 2"]
    assert [entry.name for entry in dock.runs.book.entries] == begun


def test_two_docks_queue_the_same_series(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    one = make_dock()
    two = make_dock(one.display.viewer)
    recipe = small.with_set("data.scan_region=[0,10,0,10]").with_set("model.slices=1")
    for dock in (one, two):
        dock.set_recipe(recipe)
        dock.lining.add_series()
    for dock in (one, two):
        dock.lining.start_or_hold()
    both = (one, two)
    qtbot.waitUntil(lambda: not any(d.running or d.lining.queue.working for d in both), timeout=120_000)
    assert [entry.state for dock in both for entry in dock.lining.queue.entries] == ["done"] * 6
    for dock in both:
        entries = dock.runs.book.entries
        assert [entry.name.split()[0] for entry in entries] == ["pure", "mixed", "control"]
        assert entries[2].of == entries[1].name, "the control is that of its own dock's run"
    assert len({entry.name for dock in both for entry in dock.runs.book.entries}) == 6
    found = names(one.display.viewer)
    assert len(set(found)) == len(found)


def pick(dock: MixedPtychoWidget, name: str) -> None:
    rows = [entry.name for entry in dock.runs.book.entries]
    dock.steps.run.table.table.selectRow(rows.index(name))


def choose(dock: MixedPtychoWidget, menu: int, text: str) -> None:
    """Choose an entry of one of the two menus below the table."""
    (action,) = [one for one in dock.steps.run.table.menus[menu].actions() if one.text().startswith(text)]
    assert action.isEnabled()
    action.trigger()


def answers(values: Sequence[Any]) -> Callable[..., Any]:
    given = iter(values)
    return lambda *_, **__: next(given)


def test_the_table_by_all_of_its_buttons(
    ran: Ran, small: Recipe, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, viewer = ran
    page = dock.steps.run.table
    recipe = small.with_set("data.scan_region=[0,10,0,10]").with_set("model.slices=1").with_iterations(2)
    for seed in (1, 2):
        dock.set_recipe(recipe.with_set(f"run.seed={seed}"))
        with qtbot.waitSignal(dock.finished, timeout=30_000):
            dock.run()
    dock.steps.show_step("run")
    dock.steps.run.turn("runs")
    # Rename and save, whose dialogs are answered.
    monkeypatch.setattr(QInputDialog, "getText", answers([("second", True), ("second", True), ("", False)]))
    pick(dock, "run 2")
    choose(dock, 1, "Rename")
    assert "[second] mean phase" in names(viewer)
    pick(dock, "run 3")
    choose(dock, 1, "Rename")
    assert "'second' already" in said(dock)
    choose(dock, 1, "Rename")
    file = tmp_path / "second.h5"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", answers([(str(file), ""), ("", "")]))
    pick(dock, "second")
    choose(dock, 1, "Save")
    choose(dock, 1, "Save")
    assert Result.load(file).recipe.run.seed == 1
    # A and B: blink, compare, both charts.
    pick(dock, "second")
    click(qtbot, page.buttons["a"])
    pick(dock, "run 3")
    click(qtbot, page.buttons["b"])
    for expected in ("second", "run 3", "second"):
        click(qtbot, page.blink_button)
        assert viewer.layers[f"[{expected}] mean phase"].visible
    click(qtbot, page.compare_button)
    qtbot.waitUntil(lambda: not page.chart.isHidden(), timeout=30_000)
    assert "run.seed: 1 → 2" in page.differences.text()
    assert page.chart.correlation.isVisibleTo(page)
    click(qtbot, page.chart.buttons["power"])
    assert page.chart.power.isVisibleTo(page)
    assert not page.chart.correlation.isVisibleTo(page)
    assert all(len(curve.xData) > 3 for curve in page.chart._pair)
    # Settings of a run, delete and undo, duplicates, an earlier file.
    pick(dock, "run 1")
    click(qtbot, page.buttons["load"])
    shown = dock.recipe()
    assert (shown.model.states, shown.stages, shown.run) == (2, small.stages, small.run)
    before = names(viewer)
    for name in ("run 1", "second"):
        pick(dock, name)
        choose(dock, 1, "Delete")
    assert [entry.name for entry in dock.runs.book.entries] == ["run 3"]
    assert not page.blink_button.isEnabled()
    for _ in range(2):
        click(qtbot, page.undo_button)
    assert [entry.name for entry in dock.runs.book.entries] == ["run 1", "second", "run 3"]
    assert sorted(names(viewer)) == sorted(before)
    pick(dock, "second")
    choose(dock, 0, "Other seed")
    assert [entry.name for entry in dock.lining.queue.entries] == ["second seed 2"]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", answers([(str(file), "")]))
    dock.steps.run.turn("runs")
    click(qtbot, page.open_button)
    assert [entry.name for entry in dock.runs.book.entries][-1] == "second 2"
    assert dock.result is not None
    np.testing.assert_allclose(
        viewer.layers["[second 2] mean phase"].data, dock.result.mean_phase(), atol=1e-6
    )
