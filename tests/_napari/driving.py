"""Hands and eyes of the tests: what a person does with mouse and keys, and what there is to see."""

from __future__ import annotations

import threading
import time

import numpy as np
from napari import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_mixedptycho._napari.widget import MixedPtychoWidget


def names(viewer: Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def click(qtbot: QtBot, button: QWidget) -> None:
    assert button.isEnabled(), button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def press(viewer: Viewer, key: str) -> None:
    viewer.keymap[next(bound for bound in viewer.keymap if str(bound) == key)](viewer)


def settle(dock: MixedPtychoWidget, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not dock.opening.busy and not dock.imaging.busy, timeout=20_000)


def drag(view: QWidget, begin: QPointF, end: QPointF) -> None:
    """Press, move in steps, and release, as a hand does."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton

    def send(kind: QEvent.Type, place: QPointF, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        there = QPointF(view.mapToGlobal(place.toPoint()))
        event = QMouseEvent(kind, place, there, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(view, event)
        time.sleep(0.015)  # pyqtgraph hears of the pointer a hundred times a second

    send(QEvent.Type.MouseMove, begin, none, none)
    send(QEvent.Type.MouseButtonPress, begin, left, left)
    for part in np.linspace(0.1, 1.0, 10):
        send(QEvent.Type.MouseMove, begin + (end - begin) * float(part), none, left)
    send(QEvent.Type.MouseButtonRelease, end, left, none)


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("mixedptycho")]
