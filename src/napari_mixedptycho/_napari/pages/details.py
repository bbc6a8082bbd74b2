"""Below the table: one column, or how columns move together."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from napari_mixedptycho._napari.column_chart import ColumnChart, Scatter
from napari_mixedptycho._napari.pages.column_entry import ColumnEntry
from napari_mixedptycho._napari.pages.page import words
from napari_mixedptycho._napari.pairs_chart import PairsChart
from napari_mixedptycho._napari.parts import choices, enable
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.analysis import Correlations

COLUMN, PAIRS = "column", "pairs"
_VIEWS = {
    COLUMN: ("One column", "Where the chosen column is in every state, its 1σ ellipse, and the true one"),
    PAIRS: ("Pairs", "Whether columns move together, against their distance and what chance would give"),
}
_CLICK = (
    "Click on a column in the image, or give its number above, to see where it is in every state. The tools "
    "of the layer “columns” add, move and remove columns."
)


class Details(QWidget):
    """Two charts, one at a time, and words.

    Signals
    -------
    wanted
        The name of the view that was chosen.
    """

    wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.column, self.pairs = ColumnChart(), PairsChart()
        self._charts = QStackedWidget()
        for chart in (self.column, self.pairs):
            self._charts.addWidget(chart)
        self.about = words()
        self._texts = {COLUMN: "", PAIRS: ""}
        self._drawn = {COLUMN: False, PAIRS: False}
        self._view = COLUMN
        row = QHBoxLayout()
        row.setSpacing(2)
        self.buttons = choices(row, _VIEWS, self.choose)
        self.buttons[COLUMN].setChecked(True)
        row.addStretch(1)
        self.entry, self._label = ColumnEntry(), QLabel("Column")
        self._label.setBuddy(self.entry)
        row.addWidget(self._label)
        row.addWidget(self.entry)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self._charts, 1)
        column.addWidget(self.about)
        self.clear()

    @property
    def view(self) -> str:
        """The name of the view that is shown."""
        return self._view

    def choose(self, name: str) -> None:
        """Show one of the views."""
        self._view = name
        self.buttons[name].setChecked(True)
        self._show()
        self.wanted.emit(name)

    def show_states(self, states: int) -> None:
        """Say which views a result with so many states has."""
        enable(
            self.buttons[PAIRS],
            "" if states > 2 else "At least three object states are needed",
            _VIEWS[PAIRS][1],
        )

    def show_column(self, column: Scatter | None, text: str) -> None:
        """Draw one column and say what is known of it; None: no column is chosen."""
        if column is not None:
            self.column.show_column(column)
        self._tell(COLUMN, text or _CLICK, drawn=column is not None)

    def show_pairs(self, found: Correlations | None, text: str) -> None:
        """Draw the correlations; None: not known yet, and the text says why."""
        if found is not None:
            self.pairs.show_pairs(found)
        self._tell(PAIRS, text, drawn=found is not None)

    def clear(self) -> None:
        """Forget the columns of an earlier result."""
        self.show_column(None, "")
        self.show_pairs(None, "")

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        for chart in (self.column, self.pairs):
            chart.set_palette(palette)

    def _tell(self, name: str, text: str, *, drawn: bool) -> None:
        self._texts[name], self._drawn[name] = text, drawn
        self._show()

    def _show(self) -> None:
        self._charts.setCurrentWidget(self.column if self._view == COLUMN else self.pairs)
        self._charts.setVisible(self._drawn[self._view])
        self.about.setText(self._texts[self._view])
        for widget in (self._label, self.entry):
            widget.setVisible(self._view == COLUMN)
