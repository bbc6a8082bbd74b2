"""How two results agree, and how strong each is, against spatial frequency."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_mixedptycho._napari.charts import Canvas
from napari_mixedptycho._napari.parts import choices
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.analysis.pair import Pair, PairSettings

_VIEWS = {
    "agreement": (
        "Ring correlation",
        "1: equal at this detail; below the dashed line (1/7): they no longer agree",
    ),
    "power": ("Power spectra", "How much of each detail there is in A and in B"),
}

_CORRELATION = (
    "Agreement of A and B against detail: 1 is the same, 0 nothing in common. Below the line they no longer "
    "agree; a rise towards the edge is noise that both share"
)
_POWER = "Power spectra of A and B: where they part, one of them has more detail, or more noise"


class RingChart(QWidget):
    """Fourier ring correlation, or the power spectra of both, as chosen above it."""

    def __init__(self) -> None:
        super().__init__()
        self.correlation = Canvas("Spatial frequency (1/Å)", "Ring correlation")
        self.power = Canvas("Spatial frequency (1/Å)", "Power (rad² Å²)")
        self.correlation.setToolTip(f"<qt>{_CORRELATION}</qt>")
        self.power.setToolTip(f"<qt>{_POWER}</qt>")
        self._legend = self.power.plotItem.addLegend(offset=(-8, 2), labelTextSize="8pt")
        self.power.plotItem.setLogMode(False, True)
        self.power.plotItem.getAxis("left").setWidth(54)
        self.correlation.plotItem.setYRange(-0.1, 1.05)
        self._line: Any = self.correlation.plotItem.plot()
        self._pair: list[Any] = [self.power.plotItem.plot() for _ in range(2)]
        self._threshold = pg.InfiniteLine(PairSettings().threshold, angle=0)
        self.correlation.plotItem.addItem(self._threshold)
        row = QHBoxLayout()
        self.buttons = choices(row, _VIEWS, lambda _: self._turn())
        self.buttons["agreement"].setChecked(True)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        for canvas in (self.correlation, self.power):
            canvas.setMinimumHeight(170)
            column.addWidget(canvas)
        self._turn()

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        for canvas in (self.correlation, self.power):
            canvas.set_palette(palette)
        self._line.setPen(palette.curves[0], width=2)
        self._threshold.setPen(palette.faint, width=1.5, style=Qt.PenStyle.DashLine)
        self._legend.setLabelTextColor(palette.text)
        self._pair[0].setPen(palette.curves[0], width=2)
        self._pair[1].setPen(pg.mkPen(palette.curves[1], width=2, style=Qt.PenStyle.DashLine))

    def show_pair(self, pair: Pair, a: str, b: str) -> None:
        """Draw a comparison."""
        self._line.setData(pair.agreement.frequency, pair.agreement.value)
        self._legend.clear()
        for curve, rings, name in zip(self._pair, pair.power, (f"A: {a}", f"B: {b}"), strict=True):
            curve.setData(rings.frequency, np.where(rings.value > 0, rings.value, np.nan))
            self._legend.addItem(curve, name)

    def _turn(self) -> None:
        self.correlation.setVisible(self.buttons["agreement"].isChecked())
        self.power.setVisible(self.buttons["power"].isChecked())
