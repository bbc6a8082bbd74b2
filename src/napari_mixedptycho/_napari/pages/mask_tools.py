"""What pixels are masked with: brush, line and box, drawing and erasing."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from napari_mixedptycho._napari.pages.page import words
from napari_mixedptycho._napari.parts import choices, enable, mark, tool
from napari_mixedptycho._napari.strokes import BOX, BRUSH, LINE

_TOOLS = {
    BRUSH: ("Brush", "Paint pixels: a beam stop, a spot of dirt"),
    LINE: (
        "Line",
        "A straight line from where you press to where you let go; nearly level or upright ones are "
        "laid along the pixels: a dead row, an arm of a beam stop",
    ),
    BOX: ("Box", "All pixels between two corners"),
}
_MEANING = (
    "Masked pixels (blue) count as not measured: the reconstruction ignores them. The recipe keeps them."
)
_TIPS = {
    "width": "Width of brush and line, detector pixels",
    "undo": "Take back the last stroke (Ctrl+Z on the pattern)",
    "clear": "Take back all that was masked by hand; Undo brings it again",
}


class MaskTools(QWidget):
    """The row of tools; shown while the mask is drawn.

    Signals
    -------
    chosen
        The tool, and its width, px.
    undone, cleared
        The buttons.
    """

    chosen = Signal(str, int)
    undone = Signal()
    cleared = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._tool = BRUSH
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(4)
        self.tools = choices(row, _TOOLS, self._choose)
        self.tools[BRUSH].setChecked(True)
        self.width_entry = QSpinBox()
        self.width_entry.setRange(1, 99)
        self.width_entry.setValue(3)
        self.width_entry.setSuffix(" px")
        self.width_entry.setToolTip(f"<qt>{_TIPS['width']}</qt>")
        self.width_entry.setAccessibleName("Width of brush and line")
        self.width_entry.valueChanged.connect(lambda _: self._tell())
        self.erase = tool(
            "Erase", "Take pixels out of the mask again; those of the file stay", checkable=True
        )
        self.undo = tool("Undo")
        self.clear = tool("Clear")
        self.undo.clicked.connect(self.undone)
        self.clear.clicked.connect(self.cleared)
        row.addWidget(self.width_entry)
        for made in (self.erase, self.undo, self.clear):
            row.addWidget(made)
        row.addStretch(1)
        column.addLayout(row)
        meaning = words(_MEANING)
        mark(meaning, "note", True)
        column.addWidget(meaning)
        self.show_state(undo=False, clear=False)

    def show_state(self, *, undo: bool, clear: bool) -> None:
        """Enable what there is something to do for."""
        enable(self.undo, "" if undo else "Nothing was drawn yet", _TIPS["undo"])
        enable(self.clear, "" if clear else "Nothing is masked by hand", _TIPS["clear"])

    def _choose(self, name: str) -> None:
        self._tool = name
        enable(self.width_entry, "" if name != BOX else "A box has no width of a line", _TIPS["width"])
        self._tell()

    def _tell(self) -> None:
        self.chosen.emit(self._tool, self.width_entry.value())
