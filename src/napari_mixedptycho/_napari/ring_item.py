"""A detector on a pattern: a disk or ring that is dragged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QPainterPath

from napari_mixedptycho._napari.virtual import Ring

_NEAR = 8.0
"""Pixels of the screen within which a circle is caught."""
_LEAST = 0.5
"""Detector pixels that a detector is wide, at least."""


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

    def move_by(self, rows: int, columns: int) -> None:
        """Move by pixels of the detector, as an arrow key does."""
        y, x = self.ring.center
        self.show_ring(
            Ring(self.ring.inner, self.ring.outer, (y + rows, x + columns)), self._pixel, self._zero
        )
        self.dragged.emit(self.ring, True)

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
