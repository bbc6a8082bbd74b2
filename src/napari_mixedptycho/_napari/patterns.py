"""The pattern with a detector that can be dragged, a log scale, and the pixels that are not believed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence, QPainterPath

from napari_mixedptycho._napari.brush import BrushItem
from napari_mixedptycho._napari.charts import Image, PatternView
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho._napari.virtual import Ring

_NEAR = 8.0
"""Pixels of the screen within which a circle is caught."""
_LEAST = 0.5
"""Detector pixels that a detector is wide, at least."""
_DECADES = 6.0
_STEPS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


class RingItem(pg.GraphicsObject):
    """A disk or ring: its circles change its size, what lies between them moves it.

    Signals
    -------
    dragged
        The `Ring`, px, and whether the drag is over.
    """

    dragged = Signal(object, bool)

    def __init__(self) -> None:
        super().__init__()
        self.ring = Ring(0.0, 1.0, (0.0, 0.0))
        self._pixel, self._zero = 1.0, (0, 0)
        self._grip = ""
        self._begun = self.ring
        self.pen, self.brush = pg.mkPen("w"), pg.mkBrush(255, 255, 255, 16)
        self.setZValue(10)

    def show_ring(self, ring: Ring, pixel: float, zero: tuple[int, int]) -> None:
        """Show a detector (px); `pixel` in the unit of the axes, `zero` the pixel at their origin."""
        self.prepareGeometryChange()
        self.ring, self._pixel, self._zero = ring, pixel, zero
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """Return what may be drawn on."""
        reach, near = self.ring.outer * self._pixel, _NEAR * self._dot()
        middle = self._middle()
        return QRectF(middle.x() - reach, middle.y() - reach, 2 * reach, 2 * reach).adjusted(
            -near, -near, near, near
        )

    def shape(self) -> QPainterPath:
        """Return what can be caught."""
        path, near = QPainterPath(), _NEAR * self._dot()
        path.setFillRule(Qt.FillRule.OddEvenFill)
        outer, inner = self.ring.outer * self._pixel + near, self.ring.inner * self._pixel - near
        path.addEllipse(self._middle(), outer, outer)
        if inner > 0:
            path.addEllipse(self._middle(), inner, inner)
        return path

    def paint(self, painter: Any, *_: Any) -> None:
        """Draw it."""
        inner, outer, middle = self.ring.inner * self._pixel, self.ring.outer * self._pixel, self._middle()
        path = QPainterPath()
        path.setFillRule(Qt.FillRule.OddEvenFill)
        path.addEllipse(middle, outer, outer)
        if inner > 0:
            path.addEllipse(middle, inner, inner)
        painter.setRenderHint(painter.RenderHint.Antialiasing)
        painter.setPen(self.pen)
        painter.setBrush(self.brush)
        painter.drawPath(path)
        cross = 5 * self._dot()
        x, y = middle.x(), middle.y()
        painter.drawLine(QPointF(x - cross, y), QPointF(x + cross, y))
        painter.drawLine(QPointF(x, y - cross), QPointF(x, y + cross))

    def hoverEvent(self, event: Any) -> None:  # noqa: N802 - pyqtgraph's name
        """Show what a drag would do, and ask for it before the plot does."""
        if event.isExit():
            self.setCursor(Qt.CursorShape.ArrowCursor)
            return
        event.acceptDrags(Qt.MouseButton.LeftButton)
        grip = self._grip_at(event.pos())
        self.setCursor(Qt.CursorShape.SizeAllCursor if grip == "center" else Qt.CursorShape.SizeHorCursor)

    def mouseDragEvent(self, event: Any) -> None:  # noqa: N802 - pyqtgraph's name
        """Follow the pointer."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        if event.isStart():
            self._begun, self._grip = self.ring, self._grip_at(event.buttonDownPos())
        self._move(event.buttonDownPos(), event.pos())
        self.dragged.emit(self.ring, bool(event.isFinish()))

    def _move(self, start: QPointF, here: QPointF) -> None:
        begun = self._begun
        away = self._distance(here) / self._pixel
        if self._grip == "outer":
            found = Ring(begun.inner, max(away, begun.inner + _LEAST), begun.center)
        elif self._grip == "inner":
            found = Ring(min(max(away, 0.0), begun.outer - _LEAST), begun.outer, begun.center)
        else:
            y, x = begun.center
            moved = here - start
            found = Ring(begun.inner, begun.outer, (y + moved.y() / self._pixel, x + moved.x() / self._pixel))
        self.show_ring(found, self._pixel, self._zero)

    def _grip_at(self, here: Any) -> str:
        away, near = self._distance(here), _NEAR * self._dot()
        inner, outer = self.ring.inner * self._pixel, self.ring.outer * self._pixel
        if abs(away - outer) <= near and abs(away - outer) <= abs(away - inner):
            return "outer"
        return "inner" if inner > 0 and abs(away - inner) <= near else "center"

    def _distance(self, here: Any) -> float:
        middle = self._middle()
        return float(np.hypot(here.x() - middle.x(), here.y() - middle.y()))

    def _middle(self) -> QPointF:
        y, x = self.ring.center
        return QPointF((x - self._zero[1]) * self._pixel, (y - self._zero[0]) * self._pixel)

    def _dot(self) -> float:
        """Return the size of a pixel of the screen, in the unit of the axes."""
        size = self.pixelLength(pg.Point(1, 0))
        return float(size) if size else 0.0


class DetectorView(PatternView):
    """A pattern, a detector on it, and the pixels that do not count.

    Signals
    -------
    ring_dragged
        The `Ring`, px, and whether the drag is over.
    stepped
        An arrow key: rows and columns of the scan to go.
    drawn
        Pixels (ky, kx) that were drawn, once a stroke is over.
    undone
        Ctrl+Z while the mask is drawn.
    """

    ring_dragged = Signal(object, bool)
    stepped = Signal(int, int)
    drawn = Signal(object)
    undone = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.logarithmic = False
        self._shown: tuple[Any, ...] | None = None
        self.masked = pg.ImageItem(axisOrder="row-major")
        self.masked.setZValue(5)
        self.plotItem.addItem(self.masked)
        self.ring = RingItem()
        self.ring.setVisible(False)
        self.ring.dragged.connect(self.ring_dragged)
        self.plotItem.addItem(self.ring)
        self.brush = BrushItem()
        self.brush.drawn.connect(self._draw)
        self.plotItem.addItem(self.brush, ignoreBounds=True)
        self._mask: tuple[NDArray[np.bool_] | None, float] = (None, 1.0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip(
            "<qt>Drag the circles to change the detector, or what lies between them to move it. The arrow "
            "keys go to the next scan point, L changes to a log scale; the wheel zooms.</qt>"
        )

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        super().set_palette(palette)
        # On the pattern, which is dark in every theme.
        self.ring.pen = pg.mkPen("#f2f2f2", width=2)
        self.ring.update()

    def show_pattern(self, pattern: Image, pixel: float, semiangle: float, title: str) -> None:
        """Show a pattern (ky, kx); `pixel` and `semiangle` in mrad."""
        self._shown = (pattern, pixel, semiangle, title)
        self.brush.lay(len(pattern), pixel)
        super().show_pattern(pattern, pixel, semiangle, title)
        if self.logarithmic:
            shown = _logarithm(pattern)
            self.image.setImage(
                shown, levels=(float(shown.min()), float(shown.max()) + 1e-9), autoLevels=False
            )

    def set_logarithmic(self, on: bool) -> None:
        """Show the logarithm of the intensity; else its fourth root."""
        self.logarithmic = on
        if self._shown is not None:
            self.show_pattern(*self._shown)

    def set_unit(self, unit: str) -> None:
        """Name the unit of the axes: mrad, or px while angles are not known."""
        words = f"Angle ({unit})" if unit == "mrad" else f"From the middle ({unit})"
        self._labels = {"bottom": words, "left": words}
        for side in self._labels:
            self.plotItem.getAxis(side).setLabel(words, color=self._text, **{"font-size": "9pt"})

    def show_ring(self, ring: Ring | None, pixel: float, size: int) -> None:
        """Show a detector on patterns of `size` px, or none."""
        self.ring.setVisible(ring is not None)
        if ring is not None:
            self.ring.show_ring(ring, pixel, (size // 2, size // 2))

    def show_masked(self, mask: NDArray[np.bool_] | None, pixel: float) -> None:
        """Colour the pixels (ky, kx) that are False; None: there are none."""
        self._mask = (mask, pixel)
        self._colour(mask)

    def set_drawing(self, on: bool) -> None:
        """Let the pointer draw the mask, instead of moving the detector."""
        self.brush.setVisible(on)
        self.ring.setOpacity(0.35 if on else 1.0)

    def set_brush(self, tool: str, width: int) -> None:
        """Choose what is drawn with; `width` in px."""
        self.brush.tool, self.brush.width = tool, width
        self.brush.update()

    erasing = False

    def _draw(self, pixels: NDArray[np.bool_], over: bool) -> None:
        """Show a stroke at once; whoever hears of its end shows what it came to."""
        mask, _ = self._mask
        believed = np.ones(pixels.shape, bool) if mask is None else mask
        self._colour(believed | pixels if self.erasing else believed & ~pixels)
        if over:
            self.drawn.emit(pixels)

    def _colour(self, mask: NDArray[np.bool_] | None) -> None:
        self.masked.setVisible(mask is not None)
        if mask is None:
            return
        n, pixel = len(mask), self._mask[1]
        shown = np.zeros((n, n, 4), np.uint8)
        shown[~mask] = (64, 200, 255, 150)
        edge = -(n // 2 + 0.5) * pixel
        self.masked.setImage(shown)
        self.masked.setRect(QRectF(edge, edge, n * pixel, n * pixel))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go to a neighbouring scan point."""
        if event is not None and self.brush.isVisible() and event.matches(QKeySequence.StandardKey.Undo):
            self.undone.emit()
            event.accept()
            return
        if event is not None and event.key() in _STEPS:
            self.stepped.emit(*_STEPS[Qt.Key(event.key())])
            event.accept()
            return
        super().keyPressEvent(event)


def _logarithm(pattern: Image) -> NDArray[np.float64]:
    """Return the decimal logarithm; what is not positive, or far below the top, is at the bottom."""
    positive = pattern[pattern > 0]
    if not positive.size:
        return np.zeros(pattern.shape)
    bottom = max(float(positive.min()), float(positive.max()) * 10**-_DECADES)
    return np.log10(np.maximum(pattern, bottom))
