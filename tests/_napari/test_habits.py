"""Habits of the whole dock, walked through page by page: tooltips, reasons, keyboard, sizes, signs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from napari.settings import get_settings
from napari.utils.key_bindings import coerce_keybinding
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QAction
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QMenu, QWidget

from napari_mixedptycho._napari.order import stops
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from tests._napari.conftest import MakeDock
from tests._napari.walking import follows, place, stations, tab_walk, tooltip, touchable, unfold

WIDEST = 460
"""Of a dock on a screen of 1366 × 768: a third of it."""
LEAST_WORDS = 8
"""Letters of a tooltip that is one."""


@pytest.fixture
def bare(make_dock: MakeDock) -> MixedPtychoWidget:
    dock = make_dock(show=True)
    dock.window().resize(1366, 768)
    return dock


@pytest.fixture
def furnished(bare: MixedPtychoWidget, result_file: Path) -> MixedPtychoWidget:
    """Return a dock with scan, result and columns, everything in it unfolded."""
    bare.open(result_file)
    bare.find_columns()
    unfold(bare)
    return bare


def _mute(dock: MixedPtychoWidget) -> list[str]:
    return [
        f"{where}: {type(w).__name__} {getattr(w, 'text', str)()!r}"
        for where in stations(dock)
        for w in touchable(dock)
        if len(tooltip(w, dock)) < LEAST_WORDS
    ]


def _unexplained(dock: MixedPtychoWidget) -> list[str]:
    found = []
    for where in stations(dock):
        for w in touchable(dock):
            parent = w.parentWidget()
            if w.isEnabled() or (parent is not None and not parent.isEnabled()):
                continue
            why = w.property("why")
            if not why or why not in tooltip(w, dock):
                found.append(f"{where}: {type(w).__name__} {getattr(w, 'text', str)()!r}")
    return found


def test_everything_says_what_it_is_and_why_it_cannot_be_used(furnished: MixedPtychoWidget) -> None:
    assert not _mute(furnished)
    assert not _unexplained(furnished)


def test_so_it_does_before_anything_is_open(bare: MixedPtychoWidget) -> None:
    assert not _mute(bare)
    assert not _unexplained(bare)
    assert not bare.steps.run.run_button.isEnabled(), "there is something to explain"


def test_every_entry_of_a_menu_says_what_it_does(bare: MixedPtychoWidget) -> None:
    bare.steps.data.recent_menu.aboutToShow.emit()
    entries = [a for menu in bare.findChildren(QMenu) for a in _entries(menu) if not a.isSeparator()]
    assert len(entries) > 15
    for action in entries:
        assert action.toolTip().startswith("<qt>"), action.text()


def _entries(menu: QMenu) -> list[QAction]:
    # Those of a text entry or a chart are Qt's and pyqtgraph's own.
    return menu.actions() if menu.toolTipsVisible() else []


def test_tab_goes_through_every_page_as_it_is_read(furnished: MixedPtychoWidget) -> None:
    steps = furnished.steps
    for where in stations(furnished):
        page = steps._pages()[steps.step]
        steps.buttons[steps.step].setFocus()
        walked = [w for w in tab_walk(furnished) if page.inner.isAncestorOf(w)]
        assert len(set(walked)) == len(walked), where
        assert walked == stops(page.inner), f"{where}: nothing is left out"
        for one, other in pairwise(walked):
            boxes = place(one, page.inner), place(other, page.inner)
            assert follows(*boxes), f"{where}: {one.toolTip()} -> {other.toolTip()}"


def test_shift_tab_goes_back_the_same_way(bare: MixedPtychoWidget) -> None:
    bare.steps.show_step("model")
    QApplication.processEvents()
    bare.steps.buttons["model"].setFocus()
    forth = list(tab_walk(bare))
    assert len(forth) > 5
    forth[-1].setFocus()
    back = list(tab_walk(bare, Qt.Key.Key_Backtab))
    assert back[: len(forth) - 1] == forth[-2::-1]


def test_arrows_go_from_step_to_step(bare: MixedPtychoWidget, qtbot: QtBot) -> None:
    steps = bare.steps
    bare.window().activateWindow()
    QApplication.processEvents()
    steps.buttons["data"].setFocus()
    if not steps.buttons["data"].hasFocus():
        pytest.skip("no window system gives the focus here")
    qtbot.keyClick(steps.buttons["data"], Qt.Key.Key_Right)
    assert steps.step == "calibrate"
    assert steps.focusWidget() is steps.buttons["calibrate"]
    assert steps.buttons["data"] not in steps.tab_stops(), "Tab goes on to the page"
    qtbot.keyClick(steps.buttons["calibrate"], Qt.Key.Key_Left)
    assert steps.step == "data"
    steps.show_step("model")
    fold = steps.model.form.fold.button
    fold.setFocus()
    qtbot.keyClick(fold, Qt.Key.Key_Space)
    assert fold.isChecked()


def test_ctrl_e_is_napari_s_until_there_is_something_to_export(
    bare: MixedPtychoWidget, result_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(bare._ask, "export", lambda: asked.append(1))
    viewer = bare.display.viewer
    bare.open(result_file)
    before = viewer.dims.order
    press = viewer.keymap[coerce_keybinding("Control-E")]
    press(viewer)
    assert viewer.dims.order != before, "napari rolls its axes"
    assert not asked
    bare.find_columns()
    rolled = viewer.dims.order
    press(viewer)
    assert viewer.dims.order == rolled
    assert asked


def test_letters_typed_into_entries_do_nothing_else(furnished: MixedPtychoWidget, qtbot: QtBot) -> None:
    heard: list[str] = []
    furnished._keys._actions = dict.fromkeys(furnished._keys._actions, lambda: heard.append("key"))
    furnished.steps.show_step("calibrate")
    line = furnished.steps.calibrate.form.editors["energy"].inner.native
    line.setFocus()
    line.clear()
    qtbot.keyClicks(line, "1,2.bBlL ")
    assert line.text() == "1,2.bBlL "
    assert not heard
    spin = furnished.steps.model.form.editors["states"].inner.native
    furnished.steps.show_step("model")
    spin.setFocus()
    qtbot.keyClicks(spin, "7,.")
    assert not heard


def test_nothing_is_wider_than_the_dock(furnished: MixedPtychoWidget) -> None:
    _check_widths(furnished, WIDEST)


@pytest.mark.parametrize("size", [11, 13])
def test_nor_with_larger_letters(furnished: MixedPtychoWidget, size: int) -> None:
    appearance = get_settings().appearance
    before = appearance.font_size
    try:
        appearance.font_size = size
        QApplication.processEvents()
        _check_widths(furnished, WIDEST * size // 9)
    finally:
        appearance.font_size = before


def _check_widths(dock: MixedPtychoWidget, widest: int) -> None:
    for where in stations(dock):
        page = dock.steps._pages()[dock.steps.step]
        assert dock.minimumSizeHint().width() <= widest, where
        assert dock.minimumSizeHint().height() < 500, where
        bar = page.horizontalScrollBar()
        for _ in range(50):  # the window follows its docks with a delay
            if bar.maximum():
                QTest.qWait(20)
        needs = f"{page.inner.minimumSizeHint().width()} px needed, {page.viewport().width()} there"
        needs += f"; {page.width()}, {page.minimumSizeHint()}, {dock.width()}, {dock.minimumSizeHint()}"
        assert bar.maximum() == 0, f"{where}: something is cut off at the right; {needs}"
        for w in touchable(dock):
            if isinstance(w, QAbstractSpinBox):
                continue  # asks for room for the largest number that it takes
            width, needed = w.width(), w.minimumSizeHint().width()
            assert width >= needed - 1, f"{where}: {type(w).__name__} {w.toolTip()}: {width} of {needed} px"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_focus_is_seen(theme: str, bare: MixedPtychoWidget, qtbot: QtBot) -> None:
    """Without a window in front nothing has the focus: then there is nothing to be seen, or tested."""
    bare.display.viewer.theme = theme
    window = bare.window()
    window.activateWindow()
    seen: set[str] = set()
    for _ in stations(bare):
        for w in bare.steps.tab_stops():
            kind = f"{type(w).__name__} {[w.property(name) for name in ('primary', 'step', 'fold', 'row')]}"
            if kind in seen or not w.isVisible():
                continue
            window.setFocus()
            QApplication.processEvents()
            without = _pixels(w)
            w.setFocus(Qt.FocusReason.TabFocusReason)
            QApplication.processEvents()
            if not w.hasFocus():
                pytest.skip("no window system gives the focus here")
            seen.add(kind)
            assert _pixels(w) != without, f"{kind} {w.toolTip()}"
    assert len(seen) >= 6


def _pixels(widget: QWidget) -> bytes:
    window = widget.window()
    image = window.grab(place(widget, window).adjusted(-2, -2, 2, 2)).toImage()
    return bytes(image.constBits().asstring(image.sizeInBytes()))


def test_what_is_wrong_is_not_said_by_a_colour_alone(bare: MixedPtychoWidget, qtbot: QtBot) -> None:
    form = bare.steps.analyse.form
    draws = form.editors["confidence"].inner.native
    draws.clear()
    qtbot.keyClicks(draws, "2")
    note = form._notes["confidence"]
    assert draws.property("invalid")
    assert note.text().startswith("✗")
    assert not note.isHidden()
    draws.clear()
    qtbot.keyClicks(draws, "0.9")
    assert note.isHidden()
    form.set_value(form.kind())
    assert note.isHidden()
