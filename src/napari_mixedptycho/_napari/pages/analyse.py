"""Step 5: columns, and how they move."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableWidget, QTableWidgetItem

from napari_mixedptycho._napari.column_chart import ColumnChart, Scatter
from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.pages.overlay_choices import OverlayChoices
from napari_mixedptycho._napari.pages.page import Page, button, enable, filler, words
from napari_mixedptycho.analysis import ColumnMotion, Comparison, MotionSettings

_FIND = "Find the columns of the mean phase and measure them in every state"
_UNDO = "Take back the last column that was added, moved or removed with napari's Points tools"
_CLICK = (
    "Click on a column in the image to see where it is in every state. The tools of the layer “columns” add, "
    "move and remove columns."
)
_EXPORT = "Write columns.csv and the figures into a folder"


class AnalysePage(Page):
    """Finds columns and says how far they move."""

    def __init__(self) -> None:
        super().__init__()
        self.find_button = button("Find columns", _FIND, primary=True)
        self.undo_button = button("Undo edit", _UNDO)
        self.export_button = button("Export…", _EXPORT)
        buttons = QHBoxLayout()
        buttons.addWidget(self.find_button, 1)
        buttons.addWidget(self.undo_button)
        buttons.addWidget(self.export_button)
        self.form = SettingsForm(MotionSettings)
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["", "Measured", "True"])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._header = QHeaderView(Qt.Orientation.Horizontal)
        self.table.setHorizontalHeader(self._header)
        self._header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            self._header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        numbers = QHeaderView(Qt.Orientation.Vertical)
        numbers.setVisible(False)
        self.table.setVerticalHeader(numbers)
        self.table.setVisible(False)
        self.note = words()
        self.overlays = OverlayChoices()
        self.chart = ColumnChart()
        self.about = words()
        self._filler = filler()
        self.column.addLayout(buttons)
        self.column.addWidget(self.form)
        self.column.addWidget(self.overlays)
        self.column.addWidget(self.table)
        self.column.addWidget(self.note)
        self.column.addWidget(self.chart, 100)
        self.column.addWidget(self.about)
        self.column.addWidget(self._filler, 1)
        self.show_column(None, "")
        self.show_undo(0)

    def show_state(self, *, has_result: bool, has_columns: bool) -> None:
        """Enable the buttons."""
        enable(self.find_button, "" if has_result else "Run a reconstruction or open a result first", _FIND)
        enable(self.export_button, "" if has_columns else "Find the columns first", _EXPORT)

    def show_undo(self, edits: int) -> None:
        """Enable taking back one of so many edits."""
        enable(self.undo_button, "" if edits else "No column was edited", f"{_UNDO} ({edits} edits)")

    def show_column(self, column: Scatter | None, text: str) -> None:
        """Draw one column and say what is known of it; None: no column is chosen."""
        self.chart.setVisible(column is not None)
        self._filler.setVisible(column is None)
        if column is not None:
            self.chart.show_column(column)
        self.about.setText(text or (_CLICK if self.table.isVisibleTo(self) else ""))

    def show_motion(
        self, motion: ColumnMotion, comparison: Comparison | None, settings: MotionSettings
    ) -> None:
        """Fill the table."""
        rows = _rows(motion, comparison, settings.confidence)
        self.table.setRowCount(len(rows))
        self.table.setColumnHidden(2, comparison is None)
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        self.table.resizeRowsToContents()
        height = self._header.sizeHint().height() + 4
        height += sum(self.table.rowHeight(row) for row in range(len(rows)))
        self.table.setFixedHeight(height)
        self.table.setVisible(True)
        self.note.setText(_note(motion))

    def clear(self) -> None:
        """Forget the columns of an earlier result."""
        self.table.setVisible(False)
        self.note.setText("")
        self.show_column(None, "")


def _rows(
    motion: ColumnMotion, comparison: Comparison | None, confidence: float
) -> list[tuple[str, str, str]]:
    rows = [("Columns", str(motion.n_columns), "")]
    true = None if comparison is None else comparison.rendered
    if comparison is not None:
        rows[0] = ("Columns", str(motion.n_columns), str(comparison.n_columns + comparison.n_missed))
    rows.append(("Object states", str(motion.n_states), ""))
    measured = motion if comparison is None else comparison
    for axis in "yx":
        name, interval = f"sd_{axis}", getattr(motion, f"sd_{axis}_interval")
        there = f"{getattr(true, f'true_{name}'):.3f}" if true is not None else ""
        rows.append((f"Motion along {axis} (sd, Å)", f"{getattr(measured, name):.3f}", there))
        rows.append((f"    {100 * confidence:g} % interval (Å)", _interval(*interval), ""))
    if true is not None:
        rows.append(("Measured ÷ true motion", _number(true.sd_ratio, ".2f"), "1"))
        rows.append(("Correlation with true motion", _number(true.sd_correlation, ".2f"), "1"))
        rows.append(("Position error (rms, Å)", f"{true.mean_position_error:.3f}", "0"))
    return rows


def _interval(low: float, high: float) -> str:
    if not np.isfinite(low):
        return "–"
    return f"{low:.3f} to {high:.3f}" if np.isfinite(high) else f"above {low:.3f}"


def _number(value: float | None, kind: str) -> str:
    return "–" if value is None else format(value, kind)


def _note(motion: ColumnMotion) -> str:
    if not motion.n_columns:
        return "No column was found: lower the threshold, or look at the mean phase."
    if motion.n_states == 1:
        return "One object state cannot show motion; choose more states in step 3."
    text = ""
    if flagged := int(motion.flagged.sum()):
        text += f"{flagged} column{'s' if flagged > 1 else ''} reached the limit of the window. "
    return text + "A wrong model looks like motion too: compare with a stationary control."
