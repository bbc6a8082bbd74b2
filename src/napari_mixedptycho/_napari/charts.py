"""The dock's own canvases: loss curve, probe, pattern. All drawn by pyqtgraph, which is quick."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, QSize
from qtpy.QtWidgets import QGraphicsEllipseItem

from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import History

Image = NDArray[Any]

_ROOM = 16
"""Pixels that a label needs."""


class Canvas(pg.PlotWidget):
    """A plot that follows the theme."""

    def __init__(self, x_label: str, y_label: str, title: str = "") -> None:
        super().__init__(enableMenu=False)
        # pyqtgraph makes this menu all the same, without a parent: it would outlive the window.
        menu = self.plotItem.ctrlMenu
        menu.setParent(self, menu.windowFlags())
        self._labels = {"bottom": x_label, "left": y_label}
        self._title = title
        self.hideButtons()
        self.plotItem.getAxis("left").setWidth(46)
        self.plotItem.getAxis("bottom").setHeight(40)
        # pyqtgraph lets the label stand out of its axis, where the canvas ends.
        self.plotItem.layout.setContentsMargins(1, 1, 1, 7)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Ask for little: the layout gives what there is."""
        return QSize(240, self.minimumHeight())

    def set_title(self, title: str) -> None:
        """Write above the plot."""
        self._title = title
        self.plotItem.setTitle(title or None, size="9pt", color=self._text)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        self._text = palette.text
        self.setBackground(palette.canvas)
        for side, words in self._labels.items():
            axis = self.plotItem.getAxis(side)
            axis.setPen(palette.faint)
            axis.setTextPen(palette.text)
            axis.setLabel(words, color=palette.text, **{"font-size": "9pt"})
            axis.enableAutoSIPrefix(False)
        self.set_title(self._title)

    def settle(self) -> None:
        """Choose the range of the axes now: while it is drawn, that would have all drawn once more."""
        self.plotItem.vb.prepareForPaint()

    _text = "#808080"


class LogAxis(pg.AxisItem):
    """A logarithmic axis whose labels never run into each other."""

    _STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 6, 8), tuple(np.arange(1, 10, 0.25)))

    def tickValues(  # noqa: N802 - pyqtgraph's name
        self, low: float, high: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Return the finest of a few sets of round numbers that leave room for their labels."""
        if not self.logMode:
            ticks_of: list[tuple[float, list[float]]] = super().tickValues(low, high, size)
            return ticks_of[:1]
        low, high = min(low, high), max(low, high)
        decades = np.arange(np.floor(low), np.ceil(high) + 1)
        best: list[float] = []
        for steps in self._STEPS:
            ticks = (decades[:, None] + np.log10(steps)).ravel()
            ticks = ticks[(ticks >= low) & (ticks <= high)]
            gaps = np.diff(ticks) / max(high - low, 1e-12) * size
            if len(ticks) and (len(gaps) == 0 or gaps.min() >= _ROOM):
                best = ticks.tolist()
        return [(1.0, best)]

    def tickStrings(  # noqa: N802 - pyqtgraph's name
        self, values: list[float], _scale: float, _spacing: float
    ) -> list[str]:
        """Return the numbers themselves."""
        if not self.logMode:
            return [f"{value:.3g}" for value in values]
        return [f"{10**value:.3g}" for value in values]


class LossChart(Canvas):
    """Loss against iteration, one curve per stage; earlier runs stay, faint.

    The loss of patterns that were held out: rings of the same colour.
    """

    def __init__(self) -> None:
        super().__init__("Iteration", "Loss")
        self.setToolTip(
            "<qt>How far predicted patterns are from the measured ones, a colour for each stage; rings "
            "are patterns that were held out, faint lines earlier runs. Rising or level too early: see "
            "the signs below. Key L: log scale</qt>"
        )
        self.setMinimumHeight(170)
        self.plotItem.setAxisItems({"left": LogAxis("left")})
        self.plotItem.getAxis("left").setWidth(54)
        self.plotItem.getAxis("bottom").setStyle(maxTickLevel=0)
        self.plotItem.setLogMode(False, True)
        self.plotItem.showGrid(y=True, alpha=0.25)
        self._legend = self.plotItem.addLegend(offset=(-8, 2), labelTextSize="8pt", verSpacing=-8)
        self._palette: Palette | None = None
        self._curves: list[Any] = []
        self._others: list[Any] = []
        self._earlier: list[Any] = []

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        super().set_palette(palette)
        self._palette = palette
        self._legend.setLabelTextColor(palette.text)
        for index, curve in enumerate(self._curves):
            self._paint(curve, palette.curves[index % len(palette.curves)])
        for index, curve in enumerate(self._others):
            self._ring(curve, palette.curves[index % len(palette.curves)])
        for curve in self._earlier:
            self._paint(curve, palette.faint)

    def toggle_scale(self) -> None:
        """Draw the loss linearly, or its logarithm again."""
        self._logarithmic = not self._logarithmic
        self.plotItem.setLogMode(False, self._logarithmic)

    _logarithmic = True

    def start(self) -> None:
        """Begin a new run; what is drawn becomes an earlier one."""
        self._legend.clear()
        for curve in self._curves:
            if self._palette:
                self._paint(curve, self._palette.faint)
        self._earlier += self._curves
        self._curves = []
        for curve in self._others:
            self.plotItem.removeItem(curve)
        self._others = []

    def show_history(self, history: History, recipe: Recipe) -> None:
        """Draw the loss so far."""
        loss, stage = np.array(history.loss), np.array(history.stage)
        iteration = np.arange(1, len(loss) + 1)
        # Zero has no logarithm, and one broken number must not take the curve away.
        loss = np.where(loss > 0, loss, np.nan)
        held_out = np.array(history.held_out)
        held_out = np.where(held_out > 0, held_out, np.nan)
        for index in range(len(recipe.stages)):
            here = stage == index
            if here.any():
                self._curve(index, recipe.stages[index].name).setData(iteration[here], loss[here])
                if np.isfinite(held_out[here]).any():
                    self._other(index).setData(iteration[here], held_out[here])
        self.settle()

    @property
    def points(self) -> int:
        """Number of iterations drawn for the present run."""
        return sum(len(curve.xData) for curve in self._curves if curve.xData is not None)

    def _curve(self, index: int, name: str) -> Any:
        while len(self._curves) <= index:
            curve = self.plotItem.plot(connect="finite", symbol="o", symbolSize=3)
            if self._palette:
                colours = self._palette.curves
                self._paint(curve, colours[len(self._curves) % len(colours)])
            self._curves.append(curve)
        curve = self._curves[index]
        if self._legend.getLabel(curve) is None:
            self._legend.addItem(curve, name)
            if self._others:
                self._legend.removeItem(self._others[0])  # it comes back below this one
        return curve

    def _other(self, index: int) -> Any:
        while len(self._others) <= index:
            curve = self.plotItem.plot(connect="finite", pen=None, symbol="o", symbolSize=7)
            if self._palette:
                colours = self._palette.curves
                self._ring(curve, colours[len(self._others) % len(colours)])
            self._others.append(curve)
        if not self._legend.getLabel(self._others[0]):
            self._legend.addItem(self._others[0], "held out")
        return self._others[index]

    @staticmethod
    def _ring(curve: Any, colour: str) -> None:
        curve.setSymbolPen(colour, width=1.0)
        curve.setSymbolBrush(None)

    @staticmethod
    def _paint(curve: Any, colour: str) -> None:
        curve.setPen(colour, width=1.5)
        curve.setSymbolPen(None)
        curve.setSymbolBrush(colour)


class Picture(Canvas):
    """An image with true axes and square pixels."""

    def __init__(self, x_label: str, y_label: str) -> None:
        super().__init__(x_label, y_label)
        self.setMinimumHeight(190)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plotItem.addItem(self.image)
        self.plotItem.invertY(True)
        self.plotItem.setAspectLocked(True)
        self.plotItem.getAxis("left").setTickDensity(0.5)
        self._framed: QRectF | None = None
        # What was drawn while hidden, or in a chart of another shape, would lie off its middle.
        self.plotItem.vb.sigResized.connect(self._frame_again)

    def frame(self, rectangle: QRectF) -> None:
        """Look at a rectangle, in the units of the axes, and again whenever the chart gets another size."""
        self._framed = rectangle
        self._frame_again()

    def _frame_again(self) -> None:
        if self._framed is not None:
            self.plotItem.setRange(self._framed, padding=0.0)

    def draw(self, values: Image, rectangle: QRectF, limits: tuple[float, float] | None = None) -> None:
        """Show an image (y, x) or (y, x, rgb) in a rectangle given in the units of the axes."""
        self.image.setImage(values, levels=limits, autoLevels=False)
        if self.image.boundingRect() is not None and rectangle != getattr(self, "_rectangle", None):
            self.image.setRect(rectangle)
            self._rectangle = rectangle
            self.frame(rectangle)


class PatternView(Picture):
    """A diffraction pattern against angle, with the edge of the probe's aperture."""

    def __init__(self) -> None:
        super().__init__("Angle (mrad)", "Angle (mrad)")
        self.image.setColorMap(pg.colormap.get("inferno"))
        self._aperture = QGraphicsEllipseItem()
        self.plotItem.addItem(self._aperture)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        super().set_palette(palette)
        self._aperture.setPen(pg.mkPen("#0d9be0", width=2, style=pg.QtCore.Qt.PenStyle.DashLine))

    def show_pattern(self, pattern: Image, pixel: float, semiangle: float, title: str) -> None:
        """Show a pattern (ky, kx); `pixel` and `semiangle` in mrad."""
        n = len(pattern)
        edge = -(n // 2 + 0.5) * pixel
        # The fourth root brings disk and dark field onto one screen.
        shown = np.clip(pattern, 0, None) ** 0.25
        top = float(shown.max())
        self.draw(shown, QRectF(edge, edge, n * pixel, n * pixel), (0.0, top if top > 0 else 1.0))
        self._aperture.setRect(QRectF(-semiangle, -semiangle, 2 * semiangle, 2 * semiangle))
        self.set_title(title)


class ProbeView(Picture):
    """One probe mode: brightness is the amplitude, colour the phase."""

    def __init__(self) -> None:
        super().__init__("x (Å)", "y (Å)")
        self.setToolTip(
            "<qt>The probe at the entrance surface: brightness is its amplitude, colour its phase. Rings "
            "or a disk with a hole: semi-angle or defocus are wrong</qt>"
        )

    def show_mode(self, probe: Image, mode: int, sampling: float) -> None:
        """Show a mode of a probe (mode, y, x); `sampling` in Å."""
        n = probe.shape[-1]
        edge = -(n // 2 + 0.5) * sampling
        power = (np.abs(probe) ** 2).sum(axis=(1, 2))
        self.draw(colour_wheel(probe[mode]), QRectF(edge, edge, n * sampling, n * sampling))
        self._frame(power_radius(probe) * sampling, -edge)
        share = 100 * power[mode] / power.sum()
        name = f"Probe mode {mode}: {share:.1f} % of the power" if len(probe) > 1 else "Probe"
        self.set_title(name)

    def _frame(self, radius: float, most: float) -> None:
        """Show what holds the light: thrice the rms radius, Å; changes only when that changes much."""
        reach = min(3 * radius, most)
        if not 0.6 < self._reach / reach < 1.6:
            self._reach = reach
            self.frame(QRectF(-reach, -reach, 2 * reach, 2 * reach))

    _reach = 1e9


def power_radius(probe: Image) -> float:
    """Return the rms radius of the power of a probe (mode, y, x) about its window's centre, px."""
    n = probe.shape[-1]
    power = (np.abs(probe) ** 2).sum(axis=0)
    squares = (np.arange(n) - n // 2) ** 2
    return float(np.sqrt((power * (squares[:, None] + squares)).sum() / power.sum()))


def colour_wheel(wave: Image) -> NDArray[np.uint8]:
    """Return (y, x, 3) colours of a complex wave (y, x): hue is its phase, brightness its amplitude."""
    amplitude = np.abs(wave)
    value = amplitude / max(float(amplitude.max()), 1e-30)
    hue = (np.angle(wave) / (2 * np.pi)) % 1.0
    sector = hue[..., None] * 6 + np.array([0.0, 4.0, 2.0])
    rgb = np.clip(np.abs(sector % 6 - 3) - 1, 0, 1)
    # Softer than pure hues, so that no colour looks brighter than the others by itself.
    colours: NDArray[np.uint8] = (255 * value[..., None] * (0.25 + 0.75 * rgb)).astype(np.uint8)
    return colours
