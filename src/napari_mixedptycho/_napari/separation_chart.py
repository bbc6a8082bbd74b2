"""How far the states of a run are apart, against iteration: in the phase, and in ångström."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt

from napari_mixedptycho._napari.charts import Canvas
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import History

_PHASE, _MOTION = "State separation (solid)", "Motion per axis, Å (dashed)"
_WIDTH = 62
"""Of the axes, px: numbers of five digits, and words beside them."""


class SeparationChart(Canvas):
    """Separation of the states to the left, motion of the atoms to the right; earlier runs stay, faint.

    The motion is known of states that are displaced copies; it is dashed.
    """

    def __init__(self) -> None:
        super().__init__("Iteration", "State separation")
        self.plotItem.getAxis("left").setWidth(_WIDTH)
        self.setToolTip(
            "<qt>Standard deviation between the states ÷ mean phase. Level at zero: the states have not "
            "parted; still growing at the end: more iterations are needed</qt>"
        )
        self.setMinimumHeight(170)
        plot = self.plotItem
        plot.showGrid(y=True, alpha=0.25)
        self._right = pg.ViewBox(enableMenu=False)
        plot.scene().addItem(self._right)
        self._axis = plot.getAxis("right")
        self._axis.linkToView(self._right)
        self._axis.setWidth(_WIDTH)
        self._axis.enableAutoSIPrefix(False)
        self._right.setXLink(plot.vb)
        plot.vb.sigResized.connect(self._follow)
        # pyqtgraph writes the labels of this axis and of the lower one a little beyond them.
        plot.layout.setContentsMargins(1, 1, 6, 7)
        self._palette: Palette | None = None
        self._earlier: list[tuple[Any, Any]] = []
        self.curves = self._new()
        self._show_right(False)

    @property
    def points(self) -> int:
        """Number of iterations drawn for the present run."""
        return _count(self.curves[0])

    @property
    def motions(self) -> int:
        """Number of iterations of the present run whose motion is drawn."""
        return _count(self.curves[1])

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        super().set_palette(palette)
        self._palette = palette
        self._axis.setPen(palette.faint)
        self._axis.setTextPen(palette.text)
        self._axis.setLabel(_MOTION, color=palette.text, **{"font-size": "9pt"})
        self._paint(self.curves, palette.curves[0], palette.curves[1])
        for curves in self._earlier:
            self._paint(curves, palette.faint, palette.faint)

    def start(self) -> None:
        """Begin a new run; what is drawn becomes an earlier one."""
        if not self.points:
            return
        self._earlier.append(self.curves)
        self.curves = self._new()
        if self._palette is not None:
            self.set_palette(self._palette)

    def show_history(self, history: History, recipe: Recipe) -> None:
        """Draw separation and motion of those iterations that had several states."""
        several = np.array(
            [recipe.states_of(recipe.stages[index]) > 1 for index in history.stage], dtype=bool
        )
        iteration = np.arange(1, len(several) + 1)
        self.curves[0].setData(iteration[several], np.array(history.separation)[several])
        motion = np.full(len(several), np.nan)
        motion[: len(history.motion)] = history.motion
        known = several & np.isfinite(motion)
        self.curves[1].setData(iteration[known], motion[known])
        self._show_right(bool(known.any()) or any(_count(curve) for _, curve in self._earlier))
        self.set_title("" if several.any() else "One object state: nothing is apart")
        self.settle()

    def _new(self) -> tuple[Any, Any]:
        """Return two empty curves."""
        separation = self.plotItem.plot(connect="finite")
        motion = pg.PlotDataItem(connect="finite")
        self._right.addItem(motion)
        return separation, motion

    def _show_right(self, shown: bool) -> None:
        """Show the axis of the motion where there is one; then the other one is told from it, too."""
        self.plotItem.showAxis("right", shown)
        self._labels["left"] = _PHASE if shown else _PHASE.partition(" (")[0]
        self.plotItem.getAxis("left").setLabel(self._labels["left"])

    def _follow(self) -> None:
        self._right.setGeometry(self.plotItem.vb.sceneBoundingRect())

    @staticmethod
    def _paint(curves: tuple[Any, Any], separation: str, motion: str) -> None:
        curves[0].setPen(separation, width=2)
        curves[1].setPen(pg.mkPen(motion, width=2, style=Qt.PenStyle.DashLine))


def _count(curve: Any) -> int:
    return 0 if curve.xData is None else len(curve.xData)
