"""What a model means for the open scan: a drawing, and a few lines."""

from __future__ import annotations

import html
from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_mixedptycho._napari.pages.outlook_words import Line, model_lines, probe_lines
from napari_mixedptycho._napari.pages.page import words
from napari_mixedptycho._napari.parts import mark
from napari_mixedptycho._napari.probe_sketch import ProbeSketch, holds_window
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.outlook import Outlook

_INDENT = 5
"""Of labels in napari's style, px: what is drawn lines up with them."""
_EMPTY = "Open a scan (step 1): here you will see what these settings come to on it."
_SOON = "Looking at the scan …"


class OutlookView(QWidget):
    """Shows an `Outlook`, or says why there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.heading = QLabel("What this comes to")
        self.heading.setProperty("heading", True)
        self.sketch, self.empty = ProbeSketch(), words(_EMPTY)
        self.beside, self.below = Lines(), Lines()
        row = QHBoxLayout()
        row.setContentsMargins(_INDENT, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.sketch, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.beside, 1, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.heading)
        column.addLayout(row)
        column.addWidget(self.below)
        column.addWidget(self.empty)
        self.show_outlook(None)

    def show_outlook(self, outlook: Outlook | None, why: str = "") -> None:
        """Show what settings come to; None: not known, and why."""
        self.sketch.show_outlook(outlook)
        there = outlook is not None
        self.beside.tell(probe_lines(outlook, shown=holds_window(outlook)) if outlook else [])
        self.below.tell(model_lines(outlook) if outlook else [])
        for widget in (self.sketch, self.beside, self.below):
            widget.setVisible(there)
        self.empty.setText(why or _EMPTY)
        self.empty.setVisible(not there)
        mark(self.empty, "warn", bool(why))

    def expect(self) -> None:
        """Say that an outlook will come, where none is shown."""
        if not self.empty.isHidden():
            self.show_outlook(None)
            self.empty.setText(_SOON)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        self.sketch.set_palette(palette)


class Lines(QWidget):
    """Titles to the left, what is known of each to the right, doubts below it with a sign."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._rows: list[tuple[QLabel, QLabel, QLabel]] = []

    def tell(self, lines: Sequence[Line]) -> None:
        """Write lines, in place of the earlier ones."""
        while len(self._rows) < len(lines):
            self._add()
        for index, row in enumerate(self._rows):
            line = lines[index] if index < len(lines) else Line("", "")
            title, text, doubt = row
            title.setText(f"<b>{html.escape(line.title)}</b>")
            text.setText(line.text)
            doubt.setText(f"▲ {line.doubt}")
            for label, shown in ((title, line.title), (text, line.text), (doubt, line.doubt)):
                label.setVisible(bool(shown))

    @property
    def texts(self) -> list[str]:
        """What is written, line by line."""
        return [label.text() for row in self._rows for label in row[1:] if not label.isHidden()]

    def _add(self) -> None:
        title, text, doubt = words(), words(), words()
        title.setWordWrap(False)
        mark(doubt, "warn", True)
        place = 2 * len(self._rows)
        self._grid.addWidget(title, place, 0)
        for label in (title, text):
            label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._grid.addWidget(text, place, 1)
        self._grid.addWidget(doubt, place + 1, 0, 1, 2)
        self._rows.append((title, text, doubt))
