"""Drawing on a pattern, by pointer or keys: the pixels that a brush, a line or a box has gone over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QPointF, QRectF, Qt, Signal

from napari_mixedptycho._napari.strokes import BOX, BRUSH, Pixels, Place, covered


class BrushItem(pg.GraphicsObject):
    """Lies over a pattern and takes the pointer, as long as it is visible; or is moved by keys.

    Attributes
    ----------
    pointer
        Where it is, in the unit of the axes; None: nowhere yet.
    down
        Whether a stroke by keys has begun and is not over.

    Signals
    -------
    drawn
        The pixels (ky, kx) of the present movement so far, and whether it is over.
    """

    drawn = Signal(object, bool)

    def __init__(self) -> None:
        super().__init__()
        self.tool, self.width, self.down = BRUSH, 3, False
        self._size, self._pixel = 1, 1.0
        self.pointer: QPointF | None = None
        self._begin: Place = (0.0, 0.0)
        self._last: Place = (0.0, 0.0)
        self._pixels: Pixels = np.zeros((1, 1), bool)
        self.pen = pg.mkPen("#f2f2f2", width=1)
        self.setZValue(20)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setVisible(False)

    def lay(self, size: int, pixel: float) -> None:
        """Lie over patterns of `size` px; `pixel` in the unit of the axes."""
        self.prepareGeometryChange()
        if (size, pixel) != (self._size, self._pixel):
            self._size, self._pixel, self.pointer, self.down = size, pixel, None, False

    @property
    def place(self) -> Place:
        """Where the brush is, px; in the middle of the pattern, when it was nowhere yet."""
        return self._place(QPointF(0.0, 0.0) if self.pointer is None else self.pointer)

    def go(self, rows: int, columns: int) -> None:
        """Move by whole pixels, within the pattern; draws when it is down."""
        y, x = np.clip(np.add(np.round(self.place), (rows, columns)), 0, self._size - 1)
        middle = self._size // 2
        self.pointer = QPointF((x - middle) * self._pixel, (y - middle) * self._pixel)
        if self.down:
            self._go_to((float(y), float(x)), over=False)
        self.update()

    def press(self) -> None:
        """Begin a stroke where the brush is, or end the one that was begun."""
        if not self.down:
            self.go(0, 0)  # to the middle of a pixel
            self._start(self.place)
        over, self.down = self.down, not self.down
        self._go_to(self.place, over=over)

    def leave(self) -> None:
        """Forget the stroke that was begun by keys."""
        if self.down:
            self.down = False
            self.drawn.emit(np.zeros((self._size, self._size), bool), False)

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """Return the pattern and as much around it: strokes may begin outside."""
        edge = self._size * self._pixel
        return QRectF(-edge, -edge, 2 * edge, 2 * edge)

    def paint(self, painter: Any, *_: Any) -> None:
        """Draw the brush where it is; a box has corners, and so a cross of one pixel."""
        if self.pointer is None:
            return
        painter.setPen(self.pen)
        reach = (1 if self.tool == BOX else self.width) / 2 * self._pixel
        if self.tool != BOX:
            painter.drawEllipse(self.pointer, reach, reach)
            return
        x, y = self.pointer.x(), self.pointer.y()
        painter.drawLine(QPointF(x - reach, y), QPointF(x + reach, y))
        painter.drawLine(QPointF(x, y - reach), QPointF(x, y + reach))

    def hoverEvent(self, event: Any) -> None:  # noqa: N802 - pyqtgraph's name
        """Follow the pointer, and ask for clicks and drags before the detector's circles do."""
        self.pointer = None if event.isExit() else event.pos()
        if not event.isExit():
            event.acceptDrags(Qt.MouseButton.LeftButton)
            event.acceptClicks(Qt.MouseButton.LeftButton)
        self.update()

    def mouseClickEvent(self, event: Any) -> None:  # noqa: N802 - pyqtgraph's name
        """Take what lies under the pointer."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        self._start(self._place(event.pos()))
        self._go_to(self._begin, over=True)

    def mouseDragEvent(self, event: Any) -> None:  # noqa: N802 - pyqtgraph's name
        """Take what the pointer goes over."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        if event.isStart():
            self._start(self._place(event.buttonDownPos()))
        self.pointer = event.pos()
        self._go_to(self._place(event.pos()), over=bool(event.isFinish()))
        self.update()

    def _start(self, place: Place) -> None:
        self.down = False
        self._begin = self._last = place
        self._pixels = np.zeros((self._size, self._size), bool)

    def _go_to(self, place: Place, *, over: bool) -> None:
        shape = (self._size, self._size)
        if self.tool == BRUSH:
            self._pixels |= covered(shape, BRUSH, self._last, place, self.width)
            self._last = place
        else:
            self._pixels = covered(shape, self.tool, self._begin, place, self.width)
        self.drawn.emit(self._pixels.copy(), over)

    def _place(self, position: QPointF) -> Place:
        middle = self._size // 2
        return position.y() / self._pixel + middle, position.x() / self._pixel + middle
