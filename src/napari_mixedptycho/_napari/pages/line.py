"""The queue: runs that wait for their turn."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_mixedptycho._napari.pages.page import button, words
from napari_mixedptycho._napari.parts import enable, tool

_TIPS = {
    "add": "Put the settings on screen into the queue, as a run of its own",
    "series": "Put three runs into the queue: with one state (what nothing moving can explain), with those "
    "of step 3, and the stationary control of the latter (the floor of its motion)",
    "values": "A setting by its name in the recipe, and values for it: model.states = 2, 4, 8, or run.seed = "
    "0, 1, 2 to see what chance does; several settings with a semicolon between. With data.hold_out the runs "
    "tell which value predicts best",
    "each": "Put the settings on screen into the queue once for every one of these values",
    "start": "Work off the queue from the top; a run that fails does not stop the others",
    "hold": "Begin no other run; the one going on goes on",
    "remove": "Take the chosen entry out of the queue",
    "up": "Run the chosen entry earlier",
    "down": "Run the chosen entry later",
}
_EMPTY = "Nothing waits. Add the settings on screen, or a series that ends with its stationary control."


class Line(QWidget):
    """Shows the entries of the queue, first the next one.

    Signals
    -------
    each
        A setting and the values that it shall take, as typed.
    moved
        Entry, and by how much it shall move.
    removed
        Entry.
    """

    each = Signal(str)
    moved = Signal(int, int)
    removed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.add_button = button("Add these settings", _TIPS["add"])
        self.series_button = button("Add pure, mixed, control", _TIPS["series"])
        self.values = QLineEdit()
        self.values.setPlaceholderText("model.states = 2, 4, 8")
        self.values.setToolTip(f"<qt>{_TIPS['values']}</qt>")
        self.each_button = button("Add each", _TIPS["each"])
        self.each_button.clicked.connect(self._ask_each)
        self.values.returnPressed.connect(self._ask_each)
        self.start_button = button("Start queue", _TIPS["start"])
        self.rows = QListWidget()
        self.rows.setToolTip("<qt>Worked off from the top</qt>")
        self.empty = words(_EMPTY)
        self.buttons = {name: tool(name.capitalize(), _TIPS[name]) for name in ("remove", "up", "down")}
        self.buttons["remove"].clicked.connect(lambda: self.removed.emit(self.rows.currentRow()))
        self.buttons["up"].clicked.connect(lambda: self.moved.emit(self.rows.currentRow(), -1))
        self.buttons["down"].clicked.connect(lambda: self.moved.emit(self.rows.currentRow(), 1))
        self.rows.currentRowChanged.connect(self._enable)
        self._running = -1
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widgets in (
            (self.add_button, self.series_button),
            (self.values, self.each_button),
            (self.start_button, *self.buttons.values()),
        ):
            row = QHBoxLayout()
            for index, widget in enumerate(widgets):
                row.addWidget(widget, 1 if index == 0 else 0)
            column.addLayout(row)
        column.addWidget(self.empty)
        column.addWidget(self.rows, 1)
        column.addStretch(1)
        self.show_entries((), working=False)

    def show_entries(self, entries: Sequence[tuple[str, str, str]], *, working: bool) -> None:
        """Show entries: what each is called, its state, and what is to be said about it."""
        chosen = self.rows.currentRow()
        self.rows.blockSignals(True)
        self.rows.clear()
        for name, state, note in entries:
            item = QListWidgetItem(f"{name}  ·  {state}")
            item.setToolTip(f"<qt>{note}</qt>" if note else "")
            self.rows.addItem(item)
        self._running = next((row for row, (_, state, _) in enumerate(entries) if state == "runs"), -1)
        self.rows.setCurrentRow(min(max(chosen, 0), len(entries) - 1))
        self.rows.blockSignals(False)
        self.empty.setVisible(not entries)
        self.rows.setVisible(bool(entries))
        self.start_button.setText("Hold queue" if working else "Start queue")
        waiting = any(state == "waits" for _, state, _ in entries)
        enable(
            self.start_button,
            "" if working or waiting else "Nothing waits",
            _TIPS["hold" if working else "start"],
        )
        self._enable()

    def _ask_each(self) -> None:
        self.each.emit(self.values.text())

    def _enable(self) -> None:
        row, count = self.rows.currentRow(), self.rows.count()
        none = "" if row >= 0 else "Nothing is chosen"
        for name, stuck in (
            ("remove", "It runs; Stop ends it" if row == self._running else ""),
            ("up", "" if row > 0 else "It is the first one"),
            ("down", "" if row < count - 1 else "It is the last one"),
        ):
            enable(self.buttons[name], none or stuck, _TIPS[name])
