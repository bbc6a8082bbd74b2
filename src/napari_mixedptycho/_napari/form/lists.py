"""A list of settings: rows to choose from, the form of the chosen one below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QListWidget, QToolButton, QVBoxLayout

from napari_mixedptycho._napari.form.entries import Editor
from napari_mixedptycho._napari.form.form import SettingsForm
from napari_mixedptycho._napari.form.names import choice
from napari_mixedptycho._napari.parts import enable, tool
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings
from napari_mixedptycho.words import counted

_TIPS = {
    "Add": "Add a copy of the chosen entry after it",
    "Remove": "Remove the chosen entry; one must stay",
    "Up": "Do the chosen entry earlier",
    "Down": "Do the chosen entry later",
    "Undo": "Bring back the entry that was removed last",
}


def describe(entry: Settings) -> str:
    """Return one line that tells entries of a list apart."""
    name = getattr(entry, "name", choice(type(entry).__name__))
    parts = [str(name)]
    if (states := getattr(entry, "states", None)) is not None:
        parts.append(counted(states, "state"))
    if (iterations := getattr(entry, "iterations", None)) is not None:
        parts.append(counted(iterations, "iteration"))
    if (solver := getattr(entry, "solver", None)) is not None:
        parts.append(choice(solver.kind))
    return "  ·  ".join(parts)


class ListEditor(Editor):
    """Edits a non-empty tuple of settings of one class.

    Signals
    -------
    shown
        Other entries stand there now, whoever put them there.
    """

    shown = Signal()

    def __init__(self, kind: type[Settings]) -> None:
        super().__init__()
        self.items: list[Settings] = [kind()]
        self.rows = QListWidget()
        self.rows.setProperty("entries", True)
        self.rows.setToolTip("<qt>Done from the top; choose one to see and change its settings below</qt>")
        self.form = SettingsForm(kind)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        actions: dict[str, Callable[[], None]] = {
            "Add": self._add,
            "Remove": self._remove,
            "Up": lambda: self._move(-1),
            "Down": lambda: self._move(1),
            "Undo": self._undo,
        }
        self._removed: list[tuple[int, Settings]] = []
        self.buttons: dict[str, QToolButton] = {}
        for text, action in actions.items():
            button = self.buttons[text] = tool(text, _TIPS[text])
            button.clicked.connect(action)
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.rows)
        column.addLayout(buttons)
        column.addWidget(self.form)
        self.rows.currentRowChanged.connect(self._choose)
        self.form.changed.connect(self._edited)
        self._fill(0)

    def value(self) -> tuple[Any, ...]:
        """Return the entries; raises `InputError` when the chosen one is not allowed."""
        self.items[self._index] = self.form.value()
        return tuple(self.items)

    def set_value(self, value: Any) -> None:
        """Show entries, silently."""
        self.items = list(value)
        self._removed.clear()
        self._fill(0)

    def replace_last(self, entry: Settings) -> None:
        """Change the last entry by hand from elsewhere."""
        last = len(self.items) - 1
        self.items[last] = entry
        self._describe(last)
        if self._index == last:
            self.form.set_value(entry)
        self.shown.emit()
        self.changed.emit()

    @property
    def _index(self) -> int:
        return max(self.rows.currentRow(), 0)

    def _fill(self, index: int) -> None:
        self.rows.blockSignals(True)
        self.rows.clear()
        self.rows.addItems([""] * len(self.items))
        for number in range(len(self.items)):
            self._describe(number)
        self.rows.setCurrentRow(index)
        self.rows.blockSignals(False)
        height = self.rows.sizeHintForRow(0) + 2
        self.rows.setFixedHeight(height * min(max(len(self.items), 2), 5) + 6)
        self._choose(index)
        self.shown.emit()

    def _choose(self, index: int) -> None:
        if 0 <= index < len(self.items):
            self.form.set_value(self.items[index])
        for name, reason in (
            ("Remove", "" if len(self.items) > 1 else "One must stay"),
            ("Up", "" if index > 0 else "It is the first one"),
            ("Down", "" if index < len(self.items) - 1 else "It is the last one"),
        ):
            enable(self.buttons[name], reason, _TIPS[name])
        self.buttons["Undo"].setVisible(bool(self._removed))

    def _edited(self) -> None:
        try:
            self.items[self._index] = self.form.value()
        except InputError:
            pass  # its frame is red; `value` says why
        else:
            self._describe(self._index)
            self.shown.emit()
        self.changed.emit()

    def _describe(self, index: int) -> None:
        row = self.rows.item(index)
        if row is not None:
            row.setText(f"{index + 1}   {describe(self.items[index])}")

    def _add(self) -> None:
        self._rearrange(self._index + 1, lambda: self.items.insert(self._index + 1, self.items[self._index]))

    def _remove(self) -> None:
        if len(self.items) > 1:
            index = min(self._index, len(self.items) - 2)
            self._removed.append((self._index, self.items[self._index]))
            self._rearrange(index, lambda: self.items.pop(self._index))

    def _undo(self) -> None:
        if self._removed:
            place, entry = self._removed.pop()
            place = min(place, len(self.items))
            self._rearrange(place, lambda: self.items.insert(place, entry))

    def _move(self, step: int) -> None:
        target = self._index + step
        if 0 <= target < len(self.items):
            self._rearrange(target, lambda: self.items.insert(target, self.items.pop(self._index)))

    def _rearrange(self, index: int, change: Callable[[], object]) -> None:
        change()
        self._fill(index)
        self.changed.emit()
