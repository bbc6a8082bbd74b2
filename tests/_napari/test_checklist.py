"""Lists of kinds: which stand there, in which order they come back, and what unfolds below them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.build import entry_kinds
from napari_mixedptycho._napari.form.checklist import CheckList
from napari_mixedptycho._napari.form.form import KindEditor
from napari_mixedptycho._napari.form.names import explained
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.engine.penalties import Penalty
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.engine.unknowns import CLASSES as UNKNOWNS
from napari_mixedptycho.engine.unknowns import Blur, Object, Positions, Probe, Refinement
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings

REFINEMENTS = entry_kinds(tuple[Refinement, ...])
PENALTIES = entry_kinds(tuple[Penalty, ...])


def _shown(editor: CheckList) -> list[str]:
    return [key for key, entry in editor.entries.items() if not entry.head.isHidden()]


def test_a_list_of_kinds_shows_the_common_and_the_ticked_ones(qtbot: QtBot) -> None:
    assert {UNKNOWNS[key] for key in UNKNOWNS} == set(REFINEMENTS)
    editor = CheckList(REFINEMENTS, least=1)
    qtbot.addWidget(editor)
    editor.set_value((Probe(), Blur(width=2.0)))
    assert _shown(editor) == ["object", "probe", "positions", "displacement", "blur"]
    editor.head.click()
    assert _shown(editor) == list(UNKNOWNS)
    editor.head.click()
    editor.entries["blur"].box.value = False
    assert _shown(editor) == ["object", "probe", "positions", "displacement"]
    assert editor.value() == (Probe(),)
    editor = CheckList(PENALTIES)
    qtbot.addWidget(editor)
    assert _shown(editor) == []
    assert editor.value() == ()
    assert not editor.head.isHidden()


def test_kinds_keep_their_order_and_what_was_entered(qtbot: QtBot) -> None:
    editor = CheckList(REFINEMENTS, least=1)
    qtbot.addWidget(editor)
    heard = []
    editor.changed.connect(lambda: heard.append(1))
    editor.set_value((Probe(start=4), Object()))
    assert not heard
    editor.entries["positions"].box.value = True
    assert editor.value() == (Probe(start=4), Object(), Positions())
    editor.entries["probe"].box.value = False
    editor.entries["probe"].box.value = True
    assert editor.value() == (Object(), Positions(), Probe(start=4)), "ticked last, remembered"
    assert len(heard) == 3
    for entry in editor.entries.values():
        entry.box.value = False
    with pytest.raises(InputError, match="at least one"):
        editor.value()


def test_settings_of_a_kind_unfold_where_it_is_ticked(qtbot: QtBot) -> None:
    form = SettingsForm(Stage)
    qtbot.addWidget(form)
    editor = form.editors["refine"]
    assert isinstance(editor, CheckList)
    positions = editor.entries["positions"]
    assert positions.unfold.isHidden(), "what is not ticked shows no settings"
    positions.box.value = True
    assert not positions.unfold.isHidden()
    assert positions.details.isHidden()
    positions.unfold.click()
    assert not positions.details.isHidden()
    line = positions.form().editors["smooth"].inner.native
    qtbot.keyClicks(line, "2.5")
    assert form.value().refine[-1] == Positions(smooth=2.5)
    qtbot.keyClicks(line, "x")
    with pytest.raises(InputError, match="Refine: Positions: Smooth"):
        form.value()
    positions.box.value = False
    assert positions.details.isHidden()
    assert form.value() == Stage()


@pytest.mark.parametrize("kind", [*REFINEMENTS, *PENALTIES], ids=lambda kind: kind.__name__)
def test_every_kind_is_explained(kind: type[Settings], qtbot: QtBot) -> None:
    editor = CheckList((kind,))
    qtbot.addWidget(editor)
    entry = next(iter(editor.entries.values()))
    assert entry.head.toolTip() == explained(kind)
    assert 30 < len(explained(kind)) < 900
    assert "`" not in explained(kind)


def _unfold(form: SettingsForm) -> Iterator[None]:
    """Unfold everything that a form has, one alternative at a time."""
    if form.fold is not None:
        form.fold.open(True)
    for editor in form.editors.values():
        if isinstance(editor, CheckList):
            for entry in editor.entries.values():
                entry.box.value = True
                if entry.has_settings:
                    entry.unfold.setChecked(True)
            editor.head.setChecked(True)
            yield
        elif isinstance(editor, KindEditor):
            editor.more.setChecked(True)
            for kind in editor._choice.inner.choices:
                editor._choice.inner.value = kind
                yield


def test_nothing_that_unfolds_widens_the_dock(qtbot: QtBot) -> None:
    steps = Steps()
    qtbot.addWidget(steps)
    steps.setStyleSheet(Palette.of("dark").sheet())
    steps.resize(steps.minimumSizeHint().width(), 660)
    steps.show()
    steps.show_step("run")
    steps.run.stages.fold.open(True)
    QApplication.processEvents()
    width = steps.minimumSizeHint().width()
    for form in (steps.data.form, steps.model.form, steps.model.guess, steps.run.stages.all.form):
        for _ in _unfold(form):
            QApplication.processEvents()
            assert steps.minimumSizeHint().width() <= width
