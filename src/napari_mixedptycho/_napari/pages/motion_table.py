"""The motion of all columns together, in numbers."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_mixedptycho.analysis import ColumnMotion, Comparison, Matter
from napari_mixedptycho.words import interval

Row = tuple[str, str, str]

_TIP = (
    "How far the columns move, over all states; sd: standard deviation over the states. A motion that is "
    "larger along the slow axis of the scan than along the other: drift"
)


class MotionTable(QTableWidget):
    """As high as its rows; hidden while there is nothing to tell."""

    def __init__(self) -> None:
        super().__init__(0, 3)
        self.setHorizontalHeaderLabels(["", "Measured", "True"])
        self.setToolTip(f"<qt>{_TIP}</qt>")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._header = QHeaderView(Qt.Orientation.Horizontal)
        self.setHorizontalHeader(self._header)
        self._header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            self._header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        numbers = QHeaderView(Qt.Orientation.Vertical)
        numbers.setVisible(False)
        self.setVerticalHeader(numbers)
        self.setVisible(False)

    def show_motion(self, motion: ColumnMotion, comparison: Comparison | None, matter: Matter) -> None:
        """Fill the table."""
        rows = _rows(motion, comparison, matter)
        self.setRowCount(len(rows))
        self.setColumnHidden(2, comparison is None)
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, item)
        self.resizeRowsToContents()
        height = self._header.sizeHint().height() + 4
        height += sum(self.rowHeight(row) for row in range(len(rows)))
        self.setFixedHeight(height)
        self.setVisible(True)


def _rows(motion: ColumnMotion, comparison: Comparison | None, matter: Matter) -> list[Row]:
    rows = [("Columns", str(motion.n_columns), "")]
    true = None if comparison is None else comparison.rendered
    if comparison is not None:
        rows[0] = ("Columns", str(motion.n_columns), str(comparison.n_columns + comparison.n_missed))
    rows.append(("Object states", str(motion.n_states), ""))
    measured = motion if comparison is None else comparison
    for axis in "yx":
        name, ends = f"sd_{axis}", getattr(motion, f"sd_{axis}_interval")
        there = f"{getattr(true, f'true_{name}'):.3f}" if true is not None else ""
        rows.append((f"Motion along {axis} (sd, Å)", f"{getattr(measured, name):.3f}", there))
        rows.append((f"    {100 * motion.confidence:g} % interval (Å)", _interval(*ends), ""))
    rows += _meaning(motion, matter)
    if true is not None:
        rows.append(("Measured ÷ true motion", _number(true.sd_ratio, ".2f"), "1"))
        rows.append(("Correlation with true motion", _number(true.sd_correlation, ".2f"), "1"))
        rows.append(("Position error (rms, Å)", f"{true.mean_position_error:.3f}", "0"))
    return rows


def _meaning(motion: ColumnMotion, matter: Matter) -> list[Row]:
    """Return what the motion means, given what columns are made of."""
    if not motion.n_columns or motion.n_states < 2:
        return []
    low, high = matter.b_factors(motion.rms)
    if matter.atoms is None:
        return [("B of the columns' centres (Å²)", f"{low:.2f}", "")]
    rows = [("B of an atom (Å²)", f"{low:.2f} to {high:.2f}" if high > low else f"{low:.2f}", "")]
    frequency = matter.frequency(motion.rms**2)
    return rows if frequency is None else [*rows, ("Mean frequency (THz)", f"{frequency:.1f}", "")]


def _interval(low: float, high: float) -> str:
    return interval(low, high, 3) if np.isfinite(low) else "–"


def _number(value: float | None, kind: str) -> str:
    return "–" if value is None else format(value, kind)
