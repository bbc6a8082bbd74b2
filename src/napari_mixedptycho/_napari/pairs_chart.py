"""How columns move together, against their distance."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg

from napari_mixedptycho._napari.charts import Canvas
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.analysis import Correlations

_KINDS = ("longitudinal", "transverse")
_SYMBOLS = ("o", "s")
_APART = 0.06
"""Å: by which the two kinds are drawn beside each other."""


class PairsChart(Canvas):
    """Correlation of the displacements of pairs; bars reach as far as shuffled states do."""

    def __init__(self) -> None:
        super().__init__("Distance (Å)", "Correlation r", "Displacements of two columns")
        self.setToolTip(
            "<qt>Bars: how far shuffled states reach. A point beyond its bar moves together more, or "
            "less, than chance would have it</qt>"
        )
        self.setMinimumHeight(220)
        self.plotItem.setYRange(-1.05, 1.05, padding=0)
        self.plotItem.showGrid(y=True, alpha=0.2)
        self._zero = pg.InfiniteLine(0.0, angle=0)
        self.plotItem.addItem(self._zero)
        self.curves = {
            kind: pg.PlotDataItem(symbol=symbol) for kind, symbol in zip(_KINDS, _SYMBOLS, strict=True)
        }
        self.chances = {kind: pg.PlotDataItem(connect="pairs") for kind in _KINDS}
        for kind in _KINDS:
            self.plotItem.addItem(self.chances[kind])
            self.plotItem.addItem(self.curves[kind])
        self._legend = self.plotItem.addLegend(offset=(1, -1), labelTextSize="8pt", colCount=3)
        for kind in _KINDS:
            self._legend.addItem(self.curves[kind], kind)
        self._legend.addItem(self.chances[_KINDS[0]], "chance")

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        super().set_palette(palette)
        self._zero.setPen(palette.faint)
        self._legend.setLabelTextColor(palette.text)
        for kind, colour in zip(_KINDS, palette.curves, strict=False):
            self.curves[kind].setPen(colour, width=1.5)
            self.curves[kind].setSymbolBrush(colour)
            self.curves[kind].setSymbolPen(None)
            self.curves[kind].setSymbolSize(8)
            self.chances[kind].setPen(pg.mkPen(palette.hint, width=4, cap="flat"))
            self.chances[kind].setOpacity(0.45)

    def show_pairs(self, found: Correlations) -> None:
        """Draw correlations pooled by distance."""
        for kind, shift in zip(_KINDS, (-_APART, _APART), strict=True):
            part = getattr(found, kind)
            distance = found.distance + shift
            self.curves[kind].setData(distance, part.value)
            self.chances[kind].setData(np.repeat(distance, 2), part.chance.ravel())
        self.plotItem.setXRange(0, float(found.edges.max()), padding=0.02)
