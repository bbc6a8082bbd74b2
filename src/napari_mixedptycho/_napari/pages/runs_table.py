"""All runs: one row each, two of them side by side as A and B."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_mixedptycho._napari.pages.page import button, words
from napari_mixedptycho._napari.pair_charts import RingChart
from napari_mixedptycho._napari.parts import act, enable
from napari_mixedptycho.analysis.pair import Pair

_COLUMNS = ("", "Run", "St.", "Mo.", "Sl.", "Iter.", "Loss", "Seed", "Data")
_HEADS = (
    "A and B: the two that are compared. A tick: one of those that are seen side by side",
    "Name of the run, as in its layers; double-click to show it",
    "Object states",
    "Probe modes",
    "Slices",
    "Iterations done",
    "Loss at the end; comparable only with the same loss, data and detector",
    "Seed of the random numbers",
    "Which patterns: the same letters, the same data",
)
_TIPS = {
    "show": "Bring the chosen run to the screen: its layers, curves and probe; steps 4 and 5 then act on it",
    "a": "Compare the chosen run as A",
    "b": "Compare the chosen run as B",
    "blink": "Show A and B in turn, at the same place with the same contrast. Key: B",
    "beside": "Show all runs with a tick in the first column, else A and B, beside each other: one place and "
    "zoom for all, the same contrast. Once more: back to what was seen before",
    "compare": "Bring B onto A (shift and phase ramp), show the difference, ring correlation, power spectra, "
    "and in which settings they differ",
    "load": "Show the settings of the chosen run in steps 1 to 4",
    "copy": "Queue a run like the chosen one, with one thing changed",
    "more": "Rename, save, delete",
    "open": "Open a result from a file: it becomes one of the runs",
    "undo": "Bring back the run that was deleted last",
}
_MORE = {
    "rename": "Call the run and its layers something else",
    "save": "Write the result, complete and resumable, to an HDF5 file",
    "delete": "Take the run and its layers away; Undo delete brings them back",
}
COPIES = {
    "pure": "one state: what can be explained while nothing moves",
    "control": "stationary control: the floor of its motion",
    "planted": "planted motion: how much of 0.05 Å would be found",
    "seed": "other seed: what depends on chance",
    "bracket": "bracket: from too little and from too much motion",
}


@dataclass(frozen=True)
class Row:
    """What stands in a row: the cells after the first, and what is said of them under the pointer."""

    name: str
    cells: tuple[str, ...]
    note: str
    ticked: bool = False


class RunsTable(QWidget):
    """The table, its buttons, and the comparison below.

    Signals
    -------
    wanted
        What to do, and the run to do it with: ``show``, ``a``, ``b``, ``tick``, ``load``, ``rename``,
        ``save``, ``delete``, or ``copy`` and one of `COPIES` with a colon between.
    """

    wanted = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[Row, ...] = ()
        self.table = QTableWidget(0, len(_COLUMNS))
        self._set_up()
        self.buttons: dict[str, QPushButton] = {}
        self.blink_button = button("Blink", _TIPS["blink"])
        self.compare_button = button("Compare", _TIPS["compare"])
        self.beside_button = button("Side by side", _TIPS["beside"])
        self.beside_button.setCheckable(True)
        self.undo_button = button("Undo delete", _TIPS["undo"])
        self.undo_button.setVisible(False)
        self.open_button = button("Open…", _TIPS["open"])
        self.summary = words()
        self.chart = RingChart()
        self.differences = words()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.table, 2)
        column.addLayout(self._buttons())
        for widget in (self.undo_button, self.summary, self.chart, self.differences):
            column.addWidget(widget)
        column.addStretch(1)
        self.clear_pair()
        self.show_rows((), "", "")

    @property
    def canvases(self) -> tuple[QWidget, ...]:
        """All that is drawn here and follows the theme."""
        return (self.chart,)

    @property
    def chosen(self) -> str:
        """The name of the run in the row that is chosen; nothing where there is none."""
        row = self.table.currentRow()
        return self._rows[row].name if 0 <= row < len(self._rows) else ""

    def show_rows(self, rows: Sequence[Row], a: str, b: str) -> None:
        """Show runs, the newest last; `a` and `b` are compared."""
        chosen = self.chosen
        self._rows = tuple(rows)
        self.table.blockSignals(True)
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            mark = "A" if row.name == a else "B" if row.name == b else ""
            for column, text in enumerate((mark, *row.cells)):
                item = QTableWidgetItem(text)
                item.setToolTip(f"<qt>{row.note}</qt>")
                if column > 1:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if column == 0:
                    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                    item.setCheckState(Qt.CheckState.Checked if row.ticked else Qt.CheckState.Unchecked)
                self.table.setItem(number, column, item)
        self.table.blockSignals(False)
        names = [row.name for row in rows]
        if rows:
            self.table.selectRow(names.index(chosen) if chosen in names else len(rows) - 1)
        self._fit()
        there = "" if rows else "There is no run yet"
        for name, made in self.buttons.items():
            enable(made, there, _TIPS[name])
        both = "" if a and b else "Choose A and B first"
        enable(self.blink_button, both, _TIPS["blink"])
        enable(self.compare_button, both, _TIPS["compare"])

    def enable_beside(self, possible: bool) -> None:
        """Enable the button for side by side, or say what it needs."""
        wanting = "Tick two runs or more in the first column, or choose A and B"
        free = possible or self.beside_button.isChecked()
        enable(self.beside_button, "" if free else wanting, _TIPS["beside"])

    def show_beside(self, active: bool) -> None:
        """Say whether runs are side by side now."""
        self.beside_button.setChecked(active)

    def show_pair(self, pair: Pair, a: str, b: str) -> None:
        """Show what a comparison has found."""
        self.summary.setText(_summary(pair, a, b))
        self.chart.show_pair(pair, a, b)
        lines = [f"{name}: {_value(one)} → {_value(other)}" for name, (one, other) in pair.recipes.items()]
        text = "<br>".join(lines) if lines else "The same settings."
        self.differences.setText(f"<b>What differs</b> (A → B)<br>{text}")
        for widget in (self.summary, self.chart, self.differences):
            widget.setVisible(True)

    def clear_pair(self) -> None:
        """Forget an earlier comparison."""
        for widget in (self.summary, self.chart, self.differences):
            widget.setVisible(False)

    def _set_up(self) -> None:
        table = self.table
        table.setToolTip(
            "<qt>All runs of this session, the newest last; choose one, then what to do with it</qt>"
        )
        table.setHorizontalHeaderLabels(list(_COLUMNS))
        for column, tip in enumerate(_HEADS):
            item = table.horizontalHeaderItem(column)
            if item is not None:
                item.setToolTip(f"<qt>{tip}</qt>")
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = table.horizontalHeader()
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setMinimumSectionSize(16)
        numbers = table.verticalHeader()
        if numbers is not None:
            numbers.setVisible(False)
        table.setTabKeyNavigation(False)
        table.cellDoubleClicked.connect(lambda *_: self._want("show"))
        table.itemChanged.connect(self._ticked)

    def _fit(self) -> None:
        header = self.table.horizontalHeader()
        height = (header.sizeHint().height() if header is not None else 24) + 22
        height += sum(self.table.rowHeight(row) for row in range(min(len(self._rows), 8)))
        self.table.setMinimumHeight(min(height, 260))
        self.table.setMaximumHeight(max(height, 60))

    def _buttons(self) -> QVBoxLayout:
        both = QVBoxLayout()
        first, second = QHBoxLayout(), QHBoxLayout()
        for row, entries in (
            (first, (("show", "Show"), ("a", "A"), ("b", "B"))),
            (second, (("load", "Load settings"), ("copy", "Duplicate as"), ("more", "More"))),
        ):
            for name, text in entries:
                made = self.buttons[name] = button(text, _TIPS[name])
                made.clicked.connect(lambda _=False, name=name: self._want(name))
                row.addWidget(made)
        self.menus = (
            self._menu("copy", COPIES, "copy:"),
            self._menu("more", {"rename": "Rename…", "save": "Save…", "delete": "Delete"}, ""),
        )
        first.addWidget(self.blink_button)
        first.addWidget(self.compare_button)
        first.addStretch(1)
        second.addWidget(self.beside_button)
        second.addWidget(self.open_button)
        second.addStretch(1)
        both.addLayout(first)
        both.addLayout(second)
        return both

    def _menu(self, action: str, entries: dict[str, str], prefix: str) -> QMenu:
        menu = QMenu(self.buttons[action])
        for name, text in entries.items():
            tip = _MORE.get(name, _TIPS["copy"])
            act(menu, text[:1].upper() + text[1:], tip, self._wanting(prefix + name))
        self.buttons[action].setMenu(menu)
        return menu

    def _wanting(self, what: str) -> Callable[[], None]:
        return lambda: self._want(what)

    def _ticked(self, item: QTableWidgetItem) -> None:
        if item.column() == 0 and item.row() < len(self._rows):
            self.wanted.emit("tick", self._rows[item.row()].name)

    def _want(self, what: str) -> None:
        if self.chosen and what not in ("copy", "more"):
            self.wanted.emit(what, self.chosen)


def _summary(pair: Pair, a: str, b: str) -> str:
    resolution = (
        "agree to the edge of the grid"
        if pair.resolution is None
        else f"agree down to {1 / pair.resolution:.3g} Å ({pair.resolution:.3g} 1/Å)"
        if pair.resolution > 0
        else "do not agree"
    )
    noise = " and ".join("–" if value != value else f"{100 * value:.1f} %" for value in pair.noise)
    y, x = (round(float(part), 3) + 0.0 for part in pair.shift)
    slope = 1e3 * float((pair.ramp**2).sum() ** 0.5)
    return (
        f"<b>A: {a}, B: {b}</b><br>They {resolution}; they differ by {100 * pair.difference:.1f} % (rms).<br>"
        f"B lies {y:+.3f} Å (y), {x:+.3f} Å (x) off A, its phase is inclined by {slope:.2g} mrad/Å; both are "
        f"taken out.<br>Noise between the columns: {noise} of their height."
    )


def _value(value: object) -> str:
    return "not set" if value is None else str(value)
