"""What all pages share."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

_GAP = 2
"""Between content and scroll bar, px: with a style sheet Qt leaves it, and says that it does not."""
_ROUNDS = 4
"""A scroll bar takes width, narrower words take height, …: so often at most."""


class Page(QScrollArea):
    """A column of widgets that scrolls when the screen is small."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.inner = inner = QWidget()
        self.column = QVBoxLayout(inner)
        self.column.setContentsMargins(8, 8, 8, 8)
        self.column.setSpacing(8)
        self.setWidget(inner)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Ask for the width that the content needs beside the scroll bar: nothing is ever cut off."""
        inner, bar = self.widget(), self.verticalScrollBar()
        width = inner.minimumSizeHint().width() if inner is not None else 0
        return QSize(width + (bar.sizeHint().width() + _GAP if bar is not None else 0), 120)

    def settle(self) -> None:
        """Lay the content out now, from the inside out; Qt would do so bit by bit, and draw in between."""
        before = None
        for _ in range(_ROUNDS):
            for part in reversed(self.inner.findChildren(QWidget)):
                layout = part.layout()
                if layout is not None and part.isVisible():
                    layout.activate()
            QApplication.sendEvent(self, QEvent(QEvent.Type.LayoutRequest))
            if self.inner.size() == before:
                return
            before = self.inner.size()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Ask again when the content has changed."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))


def filler() -> QWidget:
    """Return an empty widget for the room that hidden pictures leave, so that the rest stays at the top."""
    made = QWidget()
    made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
    return made


def button(text: str, tip: str, *, primary: bool = False) -> QPushButton:
    """Return a push button; each page has at most one primary one."""
    made = QPushButton(text)
    made.setToolTip(f"<qt>{tip}</qt>")
    made.setProperty("primary", primary)
    return made


def words(text: str = "") -> QLabel:
    """Return a label whose text wraps and can be selected."""
    made = QLabel(text)
    made.setWordWrap(True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made
