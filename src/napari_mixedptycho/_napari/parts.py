"""Small widgets that every page uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import QEvent, QRect, Qt
from qtpy.QtGui import QAction, QResizeEvent
from qtpy.QtWidgets import QBoxLayout, QButtonGroup, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

_HIGHEST = 10_000
"""Pixels that words may need."""


def tool(text: str, tip: str = "", *, checkable: bool = False, checked: bool = False) -> QToolButton:
    """Return a flat button."""
    made = QToolButton()
    made.setText(text)
    made.setToolTip(f"<qt>{tip}</qt>" if tip else "")
    made.setCheckable(checkable)
    made.setChecked(checked)
    return made


def enable(widget: QWidget, reason: str, tip: str) -> None:
    """Enable a widget, or disable it for a reason, which then is its tooltip."""
    widget.setEnabled(not reason)
    widget.setToolTip(f"<qt>{reason or tip}</qt>")
    widget.setProperty("why", reason)


def act(menu: QMenu, text: str, tip: str, action: Callable[[], object]) -> QAction:
    """Add an entry with a tooltip to a menu."""
    made = QAction(text, menu)
    made.setToolTip(f"<qt>{tip}</qt>")
    made.triggered.connect(lambda _=False: action())
    menu.addAction(made)
    menu.setToolTipsVisible(True)
    return made


def choices(
    row: QBoxLayout,
    entries: Mapping[str, tuple[str, str]],
    chosen: Callable[[str], object],
    *,
    wide: bool = False,
) -> dict[str, QToolButton]:
    """Add buttons of which one at a time is down.

    Parameters
    ----------
    row
        Where they go.
    entries
        By name: what stands on the button, and its tooltip.
    chosen
        Called with the name of the one that was clicked.
    wide
        Whether they share the room that there is.

    Returns
    -------
    The buttons by name; none is down yet.
    """
    group = QButtonGroup(row)
    made = {}
    for name, (text, tip) in entries.items():
        button = made[name] = tool(text, tip, checkable=True)
        button.setProperty("step", True)
        if wide:
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda _=False, name=name: chosen(name))
        group.addButton(button)
        row.addWidget(button)
    return made


def mark(widget: QWidget, name: str, value: bool) -> None:
    """Set a property that the style sheet looks at, and have the widget drawn anew when it changed."""
    if bool(widget.property(name)) != value:
        widget.setProperty(name, value)
        style = widget.style()
        if style is not None:
            style.unpolish(widget)
            style.polish(widget)


class Steady(QWidget):
    """Holds words that change several times a second.

    Whenever a label is written, Qt lays out and draws anew all that stands around it. Here that happens only
    when the words need another line.

    Parameters
    ----------
    label
        What to hold.
    lines
        For which there is always room while the label is visible.
    """

    def __init__(self, label: QLabel, lines: int = 1) -> None:
        super().__init__()
        self._label, self._lines = label, lines
        label.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._fit()

    def event(self, event: QEvent | None) -> bool:
        """Make room for what was written."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return bool(super().event(event))

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take the width there is."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        height, label = 0, self._label
        if not label.isHidden():
            # The label's own heightForWidth lays its text out, and so draws it once more.
            metrics, room = label.fontMetrics(), QRect(0, 0, self.width(), _HIGHEST)
            needed = metrics.boundingRect(room, int(Qt.TextFlag.TextWordWrap), label.text()).height()
            height = max(self._lines * metrics.lineSpacing(), needed) + 2
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)
        self._label.setGeometry(0, 0, self.width(), height)
