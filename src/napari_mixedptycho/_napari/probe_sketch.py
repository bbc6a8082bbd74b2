"""A drawing to scale: the probe, its neighbours one scan step away, and the window that must hold it."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.outlook import Outlook

_EDGE = 132
"""Of the drawing, px."""
_CLOSE = 5.0
"""A window so many probes wide is left out of the picture, else the probe would be a dot."""
_ROOM, _NEAR = 1.08, 2.5
"""What is seen ÷ the window, and ÷ the probe where the window is left out."""
_APART = 3.0
"""Least distance of scan points, px, that are drawn one by one."""
_TIP = (
    "To scale. Filled circle: four fifths of the probe's power. Dashed circle: the probe at the next scan "
    "point; they should overlap by more than half. Dots: scan points. Square: the window in which the probe "
    "is computed; a probe that reaches its edge comes back at the other side, and shows in the image."
)


class ProbeSketch(QWidget):
    """Draws an `Outlook`; empty without one."""

    def __init__(self) -> None:
        super().__init__()
        self._outlook: Outlook | None = None
        self._palette = Palette.of("dark")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip(f"<qt>{_TIP}</qt>")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Ask for a square."""
        return QSize(_EDGE, _EDGE)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        self._palette = palette
        self.update()

    def show_outlook(self, outlook: Outlook | None) -> None:
        """Draw another one."""
        self._outlook = outlook
        self.update()

    def reach(self) -> float:
        """Return the edge of what is seen, Å; 0 without an outlook."""
        seen = self._outlook
        if seen is None:
            return 0.0
        return _ROOM * seen.window if holds_window(seen) else _NEAR * seen.probe

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(self._palette.canvas))
        if self._outlook is not None:
            self._draw(painter, self._outlook, self.width() / self.reach())
        painter.end()

    def _draw(self, painter: QPainter, seen: Outlook, scale: float) -> None:
        """Draw; `scale` in px per Å."""
        colours, middle = self._palette, QPointF(self.width() / 2, self.height() / 2)
        radius, half = scale * seen.probe / 2, scale * seen.window / 2
        self._draw_scan(painter, middle, scale * seen.step)
        painter.setPen(QPen(QColor(colours.text), 1.5))
        painter.drawRect(QRectF(middle.x() - half, middle.y() - half, 2 * half, 2 * half))
        filled = QColor(colours.curves[0])
        filled.setAlpha(110)
        painter.setPen(QPen(QColor(colours.curves[0]), 1.5))
        painter.setBrush(filled)
        painter.drawEllipse(middle, radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colours.curves[1]), 1.5, Qt.PenStyle.DashLine))
        painter.drawEllipse(QPointF(middle.x() + scale * seen.step, middle.y()), radius, radius)
        self._draw_bar(painter, scale)

    def _draw_scan(self, painter: QPainter, middle: QPointF, step: float) -> None:
        """Draw the scan points around the middle, as far as one can tell them apart; `step` in px."""
        painter.setPen(QPen(QColor(self._palette.resting), 1.6))
        beside = 0 if step < _APART else int(self.width() / 2 / step)
        for y in range(-beside, beside + 1):
            for x in range(-beside, beside + 1):
                painter.drawPoint(QPointF(middle.x() + x * step, middle.y() + y * step))

    def _draw_bar(self, painter: QPainter, scale: float) -> None:
        """Draw a scale bar of a round length."""
        length = round_length(self.reach() / 3)
        y, x = self.height() - 8.0, 8.0
        text = QRectF(x - 2, y - 18, self.width(), 16)
        box = painter.boundingRect(text, Qt.AlignmentFlag.AlignLeft, f"{length:g} Å")
        under = QColor(self._palette.canvas)
        under.setAlpha(200)
        painter.fillRect(box.adjusted(-2, 0, 2, 0), under)
        painter.setPen(QPen(QColor(self._palette.text), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawLine(QPointF(x, y), QPointF(x + scale * length, y))
        painter.drawText(text, Qt.AlignmentFlag.AlignLeft, f"{length:g} Å")


def holds_window(seen: Outlook) -> bool:
    """Tell whether the window is in the drawing."""
    return seen.window <= _CLOSE * seen.probe


def round_length(most: float) -> float:
    """Return the largest of 1, 2, 5, 10, … that is not above this."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most * (1 + 1e-9)))
