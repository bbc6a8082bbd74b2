"""Everything that can be wished for is in the dock, or said to be at the command line."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

import napari_mixedptycho
from napari_mixedptycho._napari import widget
from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.checklist import CheckList
from napari_mixedptycho._napari.form.form import KindEditor
from napari_mixedptycho._napari.methods import Methods
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho._napari.work import comparing
from napari_mixedptycho.analysis import CorrelationSettings
from napari_mixedptycho.analysis.bracket import BracketSettings
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.settings import Settings
from tests._napari.conftest import MakeDock
from tests._napari.driving import click
from tests._napari.walking import unfold

SAMPLE = "sample:si_sigma9"
ELSEWHERE = {
    "ControlSettings": "its floor is in the dock; another seed of the noise is `mixedptycho control`",
    "EnsembleSettings": "`mixedptycho ensemble` pools runs from several seeds, which the queue can make",
    "DistanceSettings": "`mixedptycho columns` and `compare` tell the distance of two ensembles",
}
"""What only the command line takes, and why."""


def _all() -> set[type[Settings]]:
    found: set[type[Settings]] = set()
    for module in pkgutil.walk_packages(napari_mixedptycho.__path__, "napari_mixedptycho."):
        # Specimens are made at the command line: simulating is no part of looking at data.
        if module.name.split(".")[1] not in {"_napari", "__main__", "simulate"}:
            for _, item in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if (
                    issubclass(item, Settings)
                    and item is not Settings
                    and not item.__module__.endswith("base")
                ):
                    found.add(item)
    bases = {base for kind in found for base in kind.__mro__[1:]}
    return {kind for kind in found - bases if "simulate" not in kind.__module__}


def test_every_settings_class_has_its_form_in_the_dock(make_dock: MakeDock) -> None:
    dock = make_dock()
    unfold(dock)
    forms = dock.findChildren(SettingsForm)
    for form in forms:
        for editor in form.editors.values():
            if isinstance(editor, KindEditor):
                for kind in editor._kinds:
                    editor._form(kind)
            if isinstance(editor, CheckList):
                for entry in editor.entries.values():
                    entry.form()
    shown = {form.kind for form in dock.findChildren(SettingsForm)}
    missing = {kind.__name__ for kind in _all() - shown - {Recipe}}
    assert missing == set(ELSEWHERE)


def test_no_field_is_kept_from_the_eye(make_dock: MakeDock) -> None:
    """Of all forms of a class together: what one hides another has, but for the file, which has a button."""
    dock = make_dock()
    hidden: dict[type[Settings], set[str]] = {}
    for form in dock.findChildren(SettingsForm):
        gone = set(form.kind.model_fields) - set(form.editors) - {"kind"}
        hidden[form.kind] = hidden.get(form.kind, gone) & gone
    assert {kind.__name__: names for kind, names in hidden.items() if names} == {"Data": {"file"}}


def test_methods_are_followed(
    make_dock: MakeDock, result_file: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = make_dock()
    dock.open(result_file)
    form = dock.steps.analyse.methods
    wished = Methods(pairs=CorrelationSettings(reach=3.0), bracket=BracketSettings(low=0.03))
    form.set_value(wished)
    form.changed.emit()
    dock.lining.duplicate("small", "bracket")
    spreads = [entry.recipe.guess.spread for entry in dock.lining.queue.entries]
    assert [spread.displacement for spread in spreads] == [0.03, 0.1]
    heard: list[object] = []
    monkeypatch.setattr(comparing, "pair", lambda *arguments: heard.append(arguments[2]))
    dock.runs.book.a = dock.runs.book.b = "small"
    dock.comparing._work.arrived.disconnect()
    dock.comparing.compare()
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [wished.compared]
    assert make_dock(dock.display.viewer).steps.methods() == wished, "remembered"
    dock._ask.reset()
    assert dock.steps.methods() == Methods()
    assert widget.recall()[2] == Methods()


def test_a_run_for_every_value_of_a_setting(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    line = dock.steps.run.line
    _queue(dock, "model.states = 2, 3", qtbot)
    assert "Open a scan" in dock.steps.footer.status.text()
    dock.set_recipe(small)
    _queue(dock, "model.states = 2, 3; run.seed = 0, 1", qtbot)
    entries = dock.lining.queue.entries
    assert [(e.recipe.model.states, e.recipe.run.seed) for e in entries] == [(2, 0), (2, 1), (3, 0), (3, 1)]
    assert entries[1].name == "states=2, seed=1"
    assert line.rows.count() == 4
    _queue(dock, "model.sates = 2", qtbot)
    text = dock.steps.footer.status.text()
    assert "sates" in text
    assert "--over" not in text
    _queue(dock, "", qtbot)
    assert len(entries) == 4


def _queue(dock: MixedPtychoWidget, text: str, qtbot: QtBot) -> None:
    line = dock.steps.run.line
    line.values.clear()
    qtbot.keyClicks(line.values, text)
    click(qtbot, line.each_button)
