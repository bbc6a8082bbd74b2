"""A walk through the dock: every step, view and fold, and what can be touched there."""

from __future__ import annotations

from collections.abc import Iterator

from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QGraphicsView,
    QLineEdit,
    QListWidget,
    QScrollBar,
    QTableWidget,
    QWidget,
)

from napari_mixedptycho._napari.form.checklist import CheckList
from napari_mixedptycho._napari.form.form import Fold, KindEditor
from napari_mixedptycho._napari.widget import MixedPtychoWidget

_TOUCHED = (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QGraphicsView,
    QLineEdit,
    QListWidget,
    QTableWidget,
)


def stations(dock: MixedPtychoWidget) -> Iterator[str]:
    """Bring every page, view and chart to the front, one after the other; yields what it is called."""
    for step in dock.steps.buttons:
        dock.steps.show_step(step)
        if step != "run":
            yield _settled(step)
            continue
        for view in dock.steps.run.tabs:
            dock.steps.run.turn(view)
            charts = dock.steps.run.watch.chart_buttons if view == "watch" else ("",)
            for chart in charts:
                if chart:
                    dock.steps.run.watch.turn(chart)
                yield _settled(f"{step} {view} {chart}".strip())


def unfold(dock: MixedPtychoWidget) -> None:
    """Open everything that can be opened; opening one thing may bring others."""
    for _ in range(3):
        for fold in dock.findChildren(Fold):
            fold.open(True)
        for choice in dock.findChildren(KindEditor):
            choice.more.setChecked(True)
        for kinds in dock.findChildren(CheckList):
            kinds.head.setChecked(True)
            for entry in kinds.entries.values():
                entry.unfold.setChecked(entry.has_settings)


def touchable(dock: MixedPtychoWidget) -> list[QWidget]:
    """Return what a person can touch of what is in view."""
    return [w for w in dock.findChildren(QWidget) if w.isVisibleTo(dock) and _is_touchable(w)]


def tooltip(widget: QWidget, dock: QWidget) -> str:
    """Return what appears under the pointer: that of the widget, or else of what it lies in."""
    while widget is not None and widget is not dock:
        if widget.toolTip():
            return widget.toolTip()
        widget = widget.parentWidget()
    return ""


def place(widget: QWidget, inside: QWidget) -> QRect:
    return QRect(widget.mapTo(inside, QPoint(0, 0)), widget.size())


def follows(one: QRect, other: QRect) -> bool:
    """Tell whether one widget comes after another as a page is read: below it, or right of it in its line."""
    if other.top() >= one.bottom() - 8:
        return True
    return other.left() >= one.left() and other.bottom() > one.top()


def tab_walk(dock: MixedPtychoWidget, key: Qt.Key = Qt.Key.Key_Tab) -> Iterator[QWidget]:
    """Press a key on what has the focus until it leaves the dock; yields what gets it."""
    from pytestqt.qtbot import QtBot

    steps = dock.steps
    for _ in range(1000):
        now = steps.focusWidget()
        QtBot.keyClick(now, key)
        after = dock.window().focusWidget()
        if after is None or not steps.isAncestorOf(after) or after is now:
            return
        yield after
    raise AssertionError("the focus never leaves the dock")


def _settled(name: str) -> str:
    # A wish for room goes from a page to its dock, and from there to the window.
    for _ in range(4):
        QApplication.processEvents()
    return name


def _is_touchable(widget: QWidget) -> bool:
    if not isinstance(widget, _TOUCHED) or isinstance(widget, QScrollBar):
        return False
    inside = isinstance(widget.parentWidget(), QAbstractSpinBox | QComboBox)
    return not inside and not widget.objectName().startswith("qt_") and not _of_a_table(widget)


def _of_a_table(widget: QWidget) -> bool:
    """Tell whether it is the corner of a table or the list of a choice."""
    parent = widget.parentWidget()
    return isinstance(parent, QTableWidget) or type(parent).__name__ == "QComboBoxPrivateContainer"
