"""Charts of a run beside loss and probe: patterns of a scan point, power spectrum."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QGraphicsEllipseItem

from napari_mixedptycho._napari.arrows import goes
from napari_mixedptycho._napari.charts import Picture
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.analysis.spectrum import mean_phase_spectrum
from napari_mixedptycho.one_pattern import Compared
from napari_mixedptycho.result import Result

_GAP = 1.06
"""From one panel to the next ÷ edge of a panel."""
_ROW = 1.22
"""From the upper row to the lower one ÷ edge of a panel: a line of words stands between them."""
_RING = 1.0
"""1/Å, where the ring stands at first."""
_STEP, _LEAP = 0.01, 0.1
"""1/Å, by which an arrow key and a page key change the ring."""
_KEYS = {
    Qt.Key.Key_Up: _STEP,
    Qt.Key.Key_Right: _STEP,
    Qt.Key.Key_Down: -_STEP,
    Qt.Key.Key_Left: -_STEP,
    Qt.Key.Key_PageUp: _LEAP,
    Qt.Key.Key_PageDown: -_LEAP,
    Qt.Key.Key_Home: -np.inf,
    Qt.Key.Key_End: np.inf,
}
_LEFT_OVER = (
    "Left over: (measured − predicted) ÷ √(predicted + 1), in units of the shot noise where electrons are "
    "counted. At most about 1 and without a pattern: the model explains the data. A disk or rings: the probe "
    "is wrong; spots: thickness, rotation or scan step. Arrow keys here: the next scan point"
)
_NOISE = 5.0
"""Limits of what is left, in units of its noise."""


class PatternsView(Picture):
    """One scan point: measured, predicted, what is left, each with its name, and a few words.

    Signals
    -------
    stepped
        An arrow key: rows and columns of the scan to go.
    """

    stepped = Signal(int, int)

    def __init__(self) -> None:
        super().__init__("", "")
        for side in ("left", "bottom"):
            self.plotItem.hideAxis(side)
        self.plotItem.setMouseEnabled(False, False)
        self._others = [pg.ImageItem(axisOrder="row-major") for _ in range(2)]
        self._texts = [pg.TextItem(anchor=(0, 1)) for _ in range(3)]
        self._facts = pg.TextItem(anchor=(0, 0))
        for item in (*self._others, *self._texts, self._facts):
            self.plotItem.addItem(item)
        for image in (self.image, self._others[0]):
            image.setColorMap(pg.colormap.get("inferno"))
        self._others[1].setColorMap(pg.colormap.get("CET-D1A"))
        self.shown: Compared | None = None
        self.setToolTip(f"<qt>{_LEFT_OVER}</qt>")
        self.forget()

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        super().set_palette(palette)
        for text in (*self._texts, self._facts):
            text.setColor(palette.text)

    def forget(self) -> None:
        """Show nothing, and say what to do."""
        self.shown = None
        for image in (self.image, *self._others):
            image.clear()
        for text in (*self._texts, self._facts):
            text.setText("")
        self.set_title("Click a scan point in the image, or press an arrow key here")

    def show_point(self, compared: Compared, where: str) -> None:
        """Show a scan point."""
        self.shown = compared
        n = len(compared.measured)
        # The fourth root brings disk and dark field onto one screen.
        roots = [np.clip(part, 0, None) ** 0.25 for part in (compared.measured, compared.predicted)]
        limits = (0.0, float(max(part.max() for part in roots)) or 1.0)
        places = [(0.0, 0.0), (_GAP * n, 0.0), (0.0, _ROW * n)]
        parts = [(self.image, roots[0], limits), (self._others[0], roots[1], limits)]
        parts.append((self._others[1], compared.residual, (-_NOISE, _NOISE)))
        names = ("measured", "predicted", f"left over (blue −{_NOISE:g} … red +{_NOISE:g} σ)")
        for (item, values, levels), (x, y), text, name in zip(parts, places, self._texts, names, strict=True):
            item.setImage(values, levels=levels, autoLevels=False)
            item.setRect(QRectF(x, y, n, n))
            text.setPos(x, y)
            text.setText(name)
        self._facts.setPos(_GAP * n, _ROW * n)
        self._facts.setText(_facts(compared))
        self.set_title(where)
        self.setAccessibleName(f"{where}: {compared.chi:.2f} σ left over")
        self.frame(QRectF(0, -0.2 * n, 2 * _GAP * n, 2.5 * n))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go to a neighbouring scan point."""
        if not goes(event, self.stepped):
            super().keyPressEvent(event)


def _facts(compared: Compared) -> str:
    unit = "e⁻" if compared.counted else ""
    return (
        f"measured   {compared.measured.sum():.4g} {unit}\n"
        f"predicted  {compared.predicted_inside:.4g} {unit}\n"
        f"left over  {compared.chi:.2f} σ (rms)"
    )


class SpectrumView(Picture):
    """The power spectrum of the mean phase, with a ring to read a frequency and the detail it stands for."""

    def __init__(self) -> None:
        super().__init__("kx (1/Å)", "ky (1/Å)")
        self.setToolTip(
            "<qt>Spectrum of the mean phase. Drag the target to the outermost spots, or use the arrow "
            "keys here (Page keys: ten times as far, Home and End: least and most): 1 ÷ radius is the finest "
            "detail. Spots in one direction only: drift or a wrong scan rotation</qt>"
        )
        self.image.setColorMap(pg.colormap.get("inferno"))
        self._ring = QGraphicsEllipseItem()
        self.handle = pg.TargetItem(QPointF(_RING, 0), size=12, movable=True)
        for item in (self._ring, self.handle):
            self.plotItem.addItem(item)
        self.handle.sigPositionChanged.connect(self._moved)
        self._edge = 0.0
        self._moved()

    @property
    def radius(self) -> float:
        """Of the ring, 1/Å."""
        return float(np.hypot(self.handle.pos().x(), self.handle.pos().y()))

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        super().set_palette(palette)
        self._ring.setPen(pg.mkPen("#0d9be0", width=2))
        self.handle.setPen(pg.mkPen("#0d9be0", width=2))

    def show_phase(self, result: Result) -> None:
        """Draw the spectrum of a result."""
        power, edge = mean_phase_spectrum(result)
        if min(power.shape) < 2:
            return
        shown = np.log10(power + 1e-12 * float(power.max()) + 1e-300)
        low, high = (float(value) for value in np.percentile(shown, [30, 99.9]))
        self.draw(shown, QRectF(-edge, -edge, 2 * edge, 2 * edge), (low, high if high > low else low + 1))
        self._edge = edge

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Change the ring as a slider is changed; the target stays in its direction."""
        if event is None or event.key() not in _KEYS:
            super().keyPressEvent(event)
            return
        radius, place = self.radius, self.handle.pos()
        most = self._edge or radius
        wanted = float(np.clip(radius + _KEYS[Qt.Key(event.key())], _STEP, max(most, _STEP)))
        direction = QPointF(place.x() / radius, place.y() / radius) if radius > 0 else QPointF(1, 0)
        self.handle.setPos(wanted * direction)

    def _moved(self) -> None:
        radius = self.radius
        self._ring.setRect(QRectF(-radius, -radius, 2 * radius, 2 * radius))
        detail = f"{1 / radius:.3g} Å" if radius > 1e-6 else "∞"
        said = f"Ring: {radius:.3f} 1/Å = {detail}"
        self.set_title(f"{said} (drag, or arrow keys)")
        self.setAccessibleName(f"Spectrum. {said}")
