"""The number of the column that is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QSpinBox

_NONE = -1
_TIP = (
    "Number of the column to look at, as it stands in the image: type it, or press the arrow keys for the "
    "one before and after"
)


class ColumnEntry(QSpinBox):
    """Goes through the numbers that there are: those of removed columns are left out.

    Signals
    -------
    chosen
        A number; None: no column.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._numbers: list[int] = [_NONE]
        self.setSpecialValueText("none")
        self.setKeyboardTracking(False)
        self.setToolTip(f"<qt>{_TIP}</qt>")
        self.setAccessibleName("Column")
        self.show_numbers(())
        self.valueChanged.connect(self._take)

    def show_numbers(self, numbers: Sequence[int]) -> None:
        """Take the numbers of other columns; none of them is chosen."""
        self._numbers = [_NONE, *sorted(int(number) for number in numbers)]
        self.blockSignals(True)
        self.setRange(_NONE, self._numbers[-1])
        self.setValue(_NONE)
        self.blockSignals(False)

    def show_number(self, number: int | None) -> None:
        """Show which column is chosen."""
        self.blockSignals(True)
        self.setValue(_NONE if number is None else int(number))
        self.blockSignals(False)

    def stepBy(self, steps: int) -> None:  # noqa: N802 - Qt's name
        """Go that many columns on."""
        place = self._numbers.index(self.value()) + steps
        self.setValue(self._numbers[min(max(place, 0), len(self._numbers) - 1)])

    def _take(self, value: int) -> None:
        # A number that was typed may be that of a column that is gone.
        nearest = min(self._numbers, key=lambda number: abs(number - value))
        if nearest != value:
            self.setValue(nearest)
            return
        self.chosen.emit(None if value == _NONE else value)
