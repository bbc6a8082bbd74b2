"""The pattern with a detector that can be dragged, a log scale, and the pixels that are not believed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence

from napari_mixedptycho._napari.arrows import Way, has_shift, way_of
from napari_mixedptycho._napari.brush import BrushItem
from napari_mixedptycho._napari.charts import Image, PatternView
from napari_mixedptycho._napari.ring_item import RingItem
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho._napari.virtual import Ring

_DECADES = 6.0
_LEAP = 10
"""Pixels that the brush goes while Shift is held."""
_ZOOMS = {Qt.Key.Key_Plus: 0.8, Qt.Key.Key_Equal: 0.8, Qt.Key.Key_Minus: 1.25}
_MOVING = (
    "Drag the circles to change the detector, or what lies between them to move it. The arrow keys go to the "
    "next scan point, with Shift they move the detector; L changes to a log scale; the wheel zooms, or + and "
    "−, 0 shows all."
)
_DRAWING = (
    "Draw with the pointer; or by keys: the arrows move the brush (with Shift ten pixels), Space begins and "
    "ends a stroke, Esc leaves it, Ctrl+Z takes the last one back. The wheel zooms, or + and −, 0 shows all."
)


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
        self.setToolTip(f"<qt>{_MOVING}</qt>")

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
        self.setAccessibleName(title)
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
        self.brush.leave()
        self.brush.setVisible(on)
        self.ring.setOpacity(0.35 if on else 1.0)
        self.setToolTip(f"<qt>{_DRAWING if on else _MOVING}</qt>")
        self._say_title()

    def set_brush(self, tool: str, width: int) -> None:
        """Choose what is drawn with; `width` in px."""
        if tool != self.brush.tool:
            self.brush.leave()
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
        """Draw, go to a neighbouring scan point, move the detector, or zoom."""
        if event is None or not self._obeyed(event):
            super().keyPressEvent(event)
            return
        event.accept()

    def _obeyed(self, event: QKeyEvent) -> bool:
        """Do what a key asks for; tells whether it asks for something."""
        if event.key() in _ZOOMS:
            self.plotItem.vb.scaleBy((_ZOOMS[Qt.Key(event.key())],) * 2, self._looked_at())
            return True
        if event.key() == Qt.Key.Key_0:
            self._frame_again()
            return True
        way = way_of(event)
        if self.brush.isVisible():
            return self._drew(event, way)
        if way is None:
            return False
        if has_shift(event) and self.ring.isVisible():
            self.ring.move_by(*way)
        else:
            self.stepped.emit(*way)
        return True

    def _drew(self, event: QKeyEvent, way: Way | None) -> bool:
        """Do what a key asks for while the mask is drawn."""
        if event.matches(QKeySequence.StandardKey.Undo):
            self.undone.emit()
        elif way is not None:
            leap = _LEAP if has_shift(event) else 1
            self.brush.go(leap * way[0], leap * way[1])
        elif event.key() == Qt.Key.Key_Space:
            self.brush.press()
        elif event.key() == Qt.Key.Key_Escape and self.brush.down:
            self.brush.leave()
        else:
            return False
        self._say_title()
        self._follow()
        return True

    def _say_title(self) -> None:
        """Say what is shown and, while keys draw, where the brush is."""
        if self._shown is None:
            return
        title = str(self._shown[-1])
        if self.brush.isVisible() and self.brush.pointer is not None:
            y, x = (round(value) for value in self.brush.place)
            title = f"{'Drawing at' if self.brush.down else 'Brush at'} row {y}, column {x}"
        self.set_title(title)
        self.setAccessibleName(title)

    def _follow(self) -> None:
        """Keep the brush in view, when the pattern is zoomed."""
        here, seen = self._looked_at(), self.plotItem.vb.viewRect()
        if not seen.contains(here):
            self.plotItem.vb.translateBy(here - seen.center())

    def _looked_at(self) -> QPointF:
        """Return what stays in its place when zooming: the brush, or the middle of what is seen."""
        if self.brush.isVisible() and self.brush.pointer is not None:
            return self.brush.pointer
        found: QPointF = self.plotItem.vb.viewRect().center()
        return found


def _logarithm(pattern: Image) -> NDArray[np.float64]:
    """Return the decimal logarithm; what is not positive, or far below the top, is at the bottom."""
    positive = pattern[pattern > 0]
    if not positive.size:
        return np.zeros(pattern.shape)
    bottom = max(float(positive.min()), float(positive.max()) * 10**-_DECADES)
    return np.log10(np.maximum(pattern, bottom))
