"""What replaced or removed settings can be taken back: by the button in the status line, and by the menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_mixedptycho._napari.form.lists import ListEditor
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.recipe import Recipe
from tests._napari.conftest import MakeDock
from tests._napari.driving import click

SAMPLE = "sample:si_sigma9"


def type_states(dock: MixedPtychoWidget, states: int) -> None:
    dock.steps.model.form.editors["states"].inner.value = states


def choose(dock: MixedPtychoWidget, name: str) -> None:
    """Open the menu, and choose one of its entries by its first words."""
    dock.steps.menu.aboutToShow.emit()
    (action,) = (entry for entry in dock.steps.menu.actions() if entry.text().startswith(name))
    assert action.isEnabled(), action.toolTip()
    action.trigger()
    QApplication.processEvents()


def test_reset_is_taken_back_by_the_button(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    type_states(dock, 5)
    dock.steps.analyse.form.editors["draws"].inner.value = 300
    button = dock.steps.footer.undo_button
    assert button.isHidden(), "nothing was lost yet"
    choose(dock, "Reset")
    assert dock.recipe().model == Recipe().model
    assert not button.isHidden()
    assert "defaults" in button.toolTip()
    button.click()
    assert dock.recipe().model.states == 5
    assert dock.steps.motion_settings().draws == 300
    assert button.isHidden()
    assert make_dock(dock.display.viewer).recipe().model.states == 5, "and it is remembered again"


def test_without_anything_lost_the_menu_says_so(make_dock: MakeDock) -> None:
    dock = make_dock()
    dock.steps.menu.aboutToShow.emit()
    undo = dock._ask.actions["Undo"]
    assert not undo.isEnabled()
    assert "No settings" in undo.toolTip()
    dock.past.undo()
    assert "nothing" in dock.steps.footer.status.text()


def test_a_recipe_loaded_over_typed_settings_is_taken_back(
    make_dock: MakeDock, small: Recipe, tmp_path: Path, monkeypatch: Any
) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    type_states(dock, 7)
    path = tmp_path / "other.toml"
    path.write_text(small.to_toml(), "utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    choose(dock, "Load recipe")
    assert dock.recipe().model.states == 2
    choose(dock, "Undo: the settings of other.toml")
    assert dock.recipe().model.states == 7
    assert dock.recipe().data.scan_region is None


def test_another_scan_gives_way_to_the_one_before(make_dock: MakeDock) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    dock.steps.data.form.editors["max_angle"].inner.value = "60"
    dock.open(f"{SAMPLE}_static")
    assert dock.recipe().data.max_angle is None
    QApplication.processEvents()
    dock.past.undo()
    assert dock.recipe().data.max_angle == 60
    assert dock.dataset is not None
    assert dock.dataset.name == "si_sigma9"


def test_steps_are_taken_back_one_after_the_other(make_dock: MakeDock) -> None:
    dock = make_dock()
    for states in (3, 5):
        type_states(dock, states)
        choose(dock, "Reset")
    choose(dock, "Reset")
    assert dock.past.latest == "the defaults"
    found = []
    while dock.past.latest:
        dock.past.undo()
        found.append(dock.recipe().model.states)
    assert found == [5, 3], "a reset of the defaults is no step"


def test_an_entry_of_the_queue_comes_back_to_its_place(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    dock.lining.add_series()
    line = dock.steps.run.line
    before = [entry.name for entry in dock.lining.queue.entries]
    line.rows.setCurrentRow(1)
    click(qtbot, line.buttons["remove"])
    assert len(dock.lining.queue.entries) == 2
    dock.steps.footer.undo_button.click()
    assert [entry.name for entry in dock.lining.queue.entries] == before


def test_a_stage_comes_back_to_its_place(qtbot: QtBot) -> None:
    editor = ListEditor(Stage)
    qtbot.addWidget(editor)
    stages = tuple(Stage(name=name) for name in "abc")
    editor.set_value(stages)
    assert editor.buttons["Undo"].isHidden()
    editor.rows.setCurrentRow(1)
    editor.buttons["Remove"].click()
    editor.buttons["Remove"].click()
    assert [stage.name for stage in editor.value()] == ["a"]
    editor.buttons["Undo"].click()
    editor.buttons["Undo"].click()
    assert editor.value() == stages
    assert editor.buttons["Undo"].isHidden()
