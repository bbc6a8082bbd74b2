"""One column: where its centre is in every state, about its mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, Qt, Signal
from qtpy.QtGui import QKeyEvent

from napari_mixedptycho._napari.arrows import goes
from napari_mixedptycho._napari.charts import Canvas
from napari_mixedptycho._napari.overlays import state_colours
from napari_mixedptycho._napari.style import Palette

_ROOM = 1.25
"""Of the chart about the farthest state."""
_LEGEND = 1.5
"""How far up the chart reaches, in half widths."""
_LEAST = 0.02
"""Å: half the width of the smallest chart."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scatter:
    """What is drawn of one column; displacements (y, x) from its mean, Å.

    Attributes
    ----------
    name
        Its number.
    states
        (state, 2).
    covariance
        (2, 2), Å².
    true_covariance
        (2, 2) of the truth, Å²; None where it is not known.
    """

    name: str
    states: Floats
    covariance: Floats
    true_covariance: Floats | None = None


class ColumnChart(Canvas):
    """States as coloured points, their mean and standard deviations as a cross, the 1σ ellipse, the true one.

    As in Fig. 9 of Gladyshev et al. (2023).

    Signals
    -------
    stepped
        An arrow key: which way (rows, columns) to go in the image, to the next column.
    """

    stepped = Signal(int, int)

    def __init__(self) -> None:
        super().__init__("x from the mean (Å)", "y from the mean (Å)")
        self.setToolTip(
            "<qt>Where the column is in every state. One point far off: a state that has gone astray, or "
            "two columns taken for one. Arrow keys here: the next column that way in the image</qt>"
        )
        self.setMinimumHeight(220)
        self.plotItem.invertY(True)
        self.plotItem.setAspectLocked(True)
        self.plotItem.showGrid(x=True, y=True, alpha=0.2)
        self.plotItem.getAxis("left").setWidth(58)
        self.points = pg.ScatterPlotItem(size=9)
        self.cross = pg.PlotDataItem(connect="pairs")
        self.ellipse, self.truth = pg.PlotDataItem(), pg.PlotDataItem()
        for item in (self.ellipse, self.truth, self.cross, self.points):
            self.plotItem.addItem(item)
        self._legend = self.plotItem.addLegend(offset=(1, 1), labelTextSize="8pt", colCount=3)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        super().set_palette(palette)
        self.cross.setPen(palette.text, width=1.5)
        self.ellipse.setPen(palette.curves[1], width=2)
        self.truth.setPen(pg.mkPen(palette.curves[2], width=2, style=Qt.PenStyle.DashLine))
        self.points.setPen(pg.mkPen(palette.canvas))
        self._legend.setLabelTextColor(palette.text)

    def show_column(self, column: Scatter) -> None:
        """Draw a column."""
        colours = (255 * state_colours(len(column.states))).astype(int)
        self.points.setData(
            x=column.states[:, 1],
            y=column.states[:, 0],
            brush=[pg.mkBrush(*colour) for colour in colours],
            data=np.arange(len(column.states)),
        )
        sd_y, sd_x = np.sqrt(np.diag(column.covariance))
        self.cross.setData(x=[-sd_x, sd_x, 0, 0], y=[0, 0, -sd_y, sd_y])
        self.ellipse.setData(*outline(column.covariance)[::-1])
        true = column.true_covariance
        self.truth.setVisible(true is not None)
        if true is not None:
            self.truth.setData(*outline(true)[::-1])
        self._legend.clear()
        self._legend.addItem(self.points, "states")
        self._legend.addItem(self.ellipse, "1σ")
        if true is not None:
            self._legend.addItem(self.truth, "1σ of the truth")
        widest = [float(np.abs(column.states).max()), float(np.hypot(sd_y, sd_x)), _LEAST / _ROOM]
        if true is not None:
            widest.append(float(np.sqrt(np.diag(true).max())))
        reach = _ROOM * max(widest)
        # With room for the legend above all states.
        self.plotItem.setRange(
            QRectF(-reach, -_LEGEND * reach, 2 * reach, (1 + _LEGEND) * reach), padding=0.0
        )
        self.set_title(f"Column {column.name}")
        self.setAccessibleName(f"Column {column.name}, its place in every state")

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go to a neighbouring column."""
        if not goes(event, self.stepped):
            super().keyPressEvent(event)


def outline(covariance: Floats) -> Floats:
    """Return the 1σ ellipse of a covariance (2, 2) as (2, point): y, x."""
    values, axes = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, 73)
    line: Floats = (axes * np.sqrt(np.maximum(values, 0.0))) @ np.stack([np.cos(angle), np.sin(angle)])
    return line
