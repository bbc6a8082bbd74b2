"""What a file does not say: asked in the page, with proposals to click."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from napari_mixedptycho._napari.form import build
from napari_mixedptycho._napari.form.entries import Editor
from napari_mixedptycho._napari.form.names import label, tooltip, unit
from napari_mixedptycho._napari.missing import Missing
from napari_mixedptycho._napari.pages.page import button, words
from napari_mixedptycho._napari.pages.shapes import ShapeTiles
from napari_mixedptycho._napari.parts import mark
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.imaging import ScanGuess
from napari_mixedptycho.recipe import Data, Microscope

_ENERGIES = (60, 80, 120, 200, 300)
"""keV, that most instruments run at."""
_LOOK = "The right length of a row shows the specimen; with a wrong one it is sheared or torn."


class Questions(QWidget):
    """Asks until nothing is missing.

    Signals
    -------
    answered
        Changes of the recipe's data section, and of its microscope section.
    """

    answered = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._inner: QWidget | None = None
        self.entries: dict[str, Editor] = {}
        self.proposals: dict[str, QWidget] = {}
        self._of_data: set[str] = set()
        self.setVisible(False)

    def clear(self) -> None:
        """Ask nothing."""
        if self._inner is not None:
            self._inner.setParent(None)
            self._inner.deleteLater()
        self._inner, self.entries, self.proposals, self._of_data = None, {}, {}, set()
        self._shapes = None
        self.setVisible(False)

    def ask(self, missing: Missing, before: Microscope) -> None:
        """Ask for what is missing; `before` are numbers of an earlier file, proposed again."""
        self.clear()
        self._inner = QWidget()
        column = QVBoxLayout(self._inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(words(f"<b>{html.escape(Path(missing.file).name)}</b> does not say everything."))
        if missing.datasets:
            self._ask_dataset(column, missing)
        if missing.raw:
            self._ask_fields(column, ("detector_shape", "number_type", "skip_bytes", "scan_shape"))
        if missing.patterns:
            self._ask_scan(column, missing)
        if missing.numbers:
            self._ask_numbers(column, missing, before)
        for note in missing.notes:
            column.addWidget(words(html.escape(note)))
        if self.entries:
            self.go_on = button("Go on", "Open the file with these answers (Return)", primary=True)
            self.go_on.clicked.connect(self.answer)
            column.addWidget(self.go_on)
        self._column.addWidget(self._inner)
        self.setVisible(True)

    def answer(self) -> None:
        """Give back what was entered; what is wrong is framed and stays."""
        data: dict[str, Any] = {}
        microscope: dict[str, Any] = {}
        for name, editor in self.entries.items():
            try:
                value = editor.value()
            except InputError:
                editor.setFocus()
                return
            if value is not None:
                (data if name in self._of_data else microscope)[name] = value
        self.answered.emit(data, microscope)

    def _ask_dataset(self, column: QVBoxLayout, missing: Missing) -> None:
        column.addWidget(_heading("Which of its data sets holds the patterns?"))
        for name, shape in list(missing.datasets.items())[:12]:
            made = button(f"{name}   {' × '.join(str(n) for n in shape)}", "Open this one")
            made.clicked.connect(lambda _=False, name=name: self.answered.emit({"dataset": name}, {}))
            self.proposals[name] = made
            column.addWidget(made)

    def _ask_scan(self, column: QVBoxLayout, missing: Missing) -> None:
        column.addWidget(_heading(f"Rows × columns of the scan? There are {missing.patterns} patterns."))
        self._shapes = ShapeTiles(missing.patterns)
        self._shapes.chosen.connect(self._choose_scan)
        self._shapes.show_shapes(missing.scan_shapes)
        self.proposals |= self._shapes.tiles
        column.addWidget(self._shapes)
        self._shape_note = words("Pictures of these shapes are being made …")
        mark(self._shape_note, "note", True)
        column.addWidget(self._shape_note)
        self._ask_fields(column, ("scan_shape",), "another")

    def show_guesses(self, guesses: Sequence[ScanGuess]) -> None:
        """Show what the scan would look like in the shapes it may have; none: that cannot be seen."""
        if self._shapes is None:
            return
        if not guesses:
            self._shape_note.setText("")
            return
        self._shapes.show_guesses(guesses)
        self.proposals |= self._shapes.tiles
        self._shape_note.setText(_LOOK)

    _shapes: ShapeTiles | None = None

    def _choose_scan(self, shape: tuple[int, int]) -> None:
        self.entries["scan_shape"].set_value(shape)
        self.answer()

    def _ask_numbers(self, column: QVBoxLayout, missing: Missing, before: Microscope) -> None:
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        for row, name in enumerate(missing.numbers):
            editor = self._entry(grid, 2 * row, name, Microscope.model_fields[name])
            editor.set_hint("needed")
            known = getattr(before, name)
            if known is not None:
                editor.set_value(known)
            if name == "energy":
                grid.addLayout(self._energies(editor), 2 * row + 1, 1, 1, 2)
        column.addLayout(grid)

    def _energies(self, editor: Editor) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(2)
        for energy in _ENERGIES:
            made = button(f"{energy} keV", "Take this energy")
            made.clicked.connect(lambda _=False, e=energy: editor.set_value(1e3 * e))
            self.proposals[f"{energy} keV"] = made
            line.addWidget(made)
        line.addStretch(1)
        return line

    def _ask_fields(self, column: QVBoxLayout, names: tuple[str, ...], hint: str = "") -> None:
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        for row, name in enumerate(names):
            editor = self._entry(grid, row, name, Data.model_fields[name])
            if hint:
                editor.set_hint(hint)
            self._of_data.add(name)
        column.addLayout(grid)

    def _entry(self, grid: QGridLayout, row: int, name: str, field: Any) -> Editor:
        editor = self.entries[name] = build.leaf(field)
        title = QLabel(label(name))
        for widget in (title, editor):
            widget.setToolTip(tooltip(field))
        title.setBuddy(editor)
        grid.addWidget(title, row, 0)
        grid.addWidget(editor, row, 1)
        grid.addWidget(QLabel(unit(field.description)), row, 2)
        native = getattr(editor, "inner", None)
        if native is not None and isinstance(native.native, QLineEdit):
            native.native.returnPressed.connect(self.answer)
        return editor


def _heading(text: str) -> QLabel:
    made = words(text)
    mark(made, "heading", True)
    return made
