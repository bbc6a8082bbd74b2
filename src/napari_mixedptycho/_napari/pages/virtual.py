"""Virtual imaging: which image, its detector on the pattern, and the pattern of a scan point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QProgressBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_mixedptycho._napari.pages.mask_tools import MaskTools
from napari_mixedptycho._napari.pages.page import button, words
from napari_mixedptycho._napari.parts import choices, enable, mark
from napari_mixedptycho._napari.patterns import DetectorView
from napari_mixedptycho._napari.virtual import COM_X, COM_Y, DPC, ICOM, KINDS, Ring, Scan, detector_of
from napari_mixedptycho.imaging import BRIGHT, DARK

_NAMES = {BRIGHT: "BF", DARK: "ADF", COM_Y: "CoM y", COM_X: "CoM x", DPC: "DPC", ICOM: "iCoM"}
_TIPS = {
    BRIGHT: "Virtual bright field: the sum over a disk of the detector",
    DARK: "Virtual annular dark field: the sum over a ring outside the bright disk",
    COM_Y: "Centre of mass of each pattern along the scan's y, mrad; the plane of descan is taken away",
    COM_X: "Centre of mass of each pattern along the scan's x, mrad; the plane of descan is taken away",
    DPC: "Differential phase contrast: colour is the direction of the centre of mass, brightness its length",
    ICOM: "Integrated centre of mass, rad: for a thin specimen its phase, blurred by the probe",
}
_MASK_TIP = (
    "Draw on the pattern which pixels are not believed: a beam stop, a dead row, dirt. Symptom when such "
    "pixels are believed: streaks or a grid over the whole object"
)
_LEAST, _DRAWN = 190, 300
"""Height of the pattern, at least, px of the screen: to look at, and to draw on."""
_RING_TIP = "{} angle of the detector; or drag its circle on the pattern"


class VirtualPanel(QWidget):
    """Shows what it is told; says what is asked for.

    Signals
    -------
    chosen
        The image that is asked for.
    ring_changed
        The detector of the present image, px, and whether the change is over.
    mean_wanted, complete_wanted, region_wanted
        The mean pattern; every pattern of the scan; a rectangle to choose a part of it.
    stepped
        Rows and columns of the scan to go.
    drawn
        Pixels (ky, kx) of the pattern to mask, or to take out of the mask again (True).
    """

    chosen = Signal(str)
    ring_changed = Signal(object, bool)
    mean_wanted = Signal()
    complete_wanted = Signal()
    region_wanted = Signal()
    stepped = Signal(int, int)
    drawn = Signal(object, bool)

    def __init__(self) -> None:
        super().__init__()
        self.kind = BRIGHT
        self._scan: Scan | None = None
        self._rings: dict[str, Ring] = {}
        self.pattern = DetectorView()
        self.pattern.ring_dragged.connect(self._dragged)
        self.pattern.stepped.connect(self.stepped)
        self.pattern.drawn.connect(lambda pixels: self.drawn.emit(pixels, self.mask_tools.erase.isChecked()))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(self._kinds())
        self.entries = QWidget()
        self.entries.setLayout(self._entries())
        column.addWidget(self.entries)
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setFormat("%p % of the scan seen")
        self.bar.setVisible(False)
        column.addWidget(self.bar)
        column.addWidget(self.pattern, 100)
        column.addLayout(self._tools())
        column.addWidget(self._drawing())
        self.note = words()
        mark(self.note, "note", True)
        self.note.setVisible(False)
        column.addWidget(self.note)
        # No higher than what it shows: the rest of the page follows at once.
        column.setSizeConstraint(QLayout.SizeConstraint.SetMinAndMaxSize)
        for made in (self.entries, self.mask_tools, self.note):
            made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Keep the pattern about square: higher than wide it would show nothing more."""
        super().resizeEvent(event)
        self.pattern.setMaximumHeight(max(self.width() + 10, self.pattern.minimumHeight()))

    def show_scan(self, scan: Scan, rings: dict[str, Ring], kind: str) -> None:
        """Take a scan, its detectors, and the image that is shown."""
        self._scan, self._rings, self.kind = scan, dict(rings), kind
        unit = "mrad" if scan.calibrated else "px"
        self.pattern.set_unit(unit)
        self.unit.setText(unit)
        for name, made in self.buttons.items():
            reason = scan.why_not(name)
            enable(made, reason, _TIPS[name])
        self.buttons[kind].setChecked(True)
        self.pattern.show_masked(scan.frame.mask, scan.pixel)
        self._show_ring()

    def show_pattern(self, pattern: NDArray[np.floating], title: str) -> None:
        """Show a pattern (ky, kx) of the scan."""
        scan = self._scan
        if scan is not None:
            # A ring for the semi-angle says nothing while angles are not known.
            semiangle = scan.frame.radius * scan.pixel if scan.calibrated else 0.0
            self.pattern.show_pattern(pattern, scan.pixel, semiangle, title)

    def show_progress(self, done: float, stride: int) -> None:
        """Tell how much of the scan has been seen."""
        self.bar.setVisible(done < 1)
        # Qt draws a bar before it returns, and with it the image of napari; with the rest it costs nothing.
        self.bar.setUpdatesEnabled(False)
        self.bar.setValue(round(100 * done))
        self.bar.setUpdatesEnabled(True)
        self.complete.setVisible(stride > 1 and done >= 1)
        self.complete.setText(f"Every point (now 1 in {stride**2})")

    def say(self, text: str) -> None:
        """Write below the pattern."""
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def allow_mask(self, reason: str) -> None:
        """Let pixels be masked, or not for a reason."""
        enable(self.mask_button, reason, _MASK_TIP)
        if reason:
            self.mask_button.setChecked(False)

    @property
    def ring(self) -> Ring:
        """The detector of the present image."""
        return self._rings[detector_of(self.kind)]

    def _show_ring(self) -> None:
        scan = self._scan
        if scan is None:
            return
        self.pattern.show_ring(self.ring, scan.pixel, scan.size)
        # A disk has no hole; the centre of mass may have one.
        enable(
            self.inner, "" if self.kind != BRIGHT else "A disk has no inner angle", _RING_TIP.format("Inner")
        )
        for entry, value in ((self.inner, self.ring.inner), (self.outer, self.ring.outer)):
            entry.blockSignals(True)
            entry.setRange(0.0, 2 * scan.size * scan.pixel)
            entry.setValue(value * scan.pixel)
            entry.blockSignals(False)

    def _chosen(self, kind: str) -> None:
        self.kind = kind
        self._show_ring()
        self.chosen.emit(kind)

    def _dragged(self, ring: Ring, over: bool) -> None:
        self._rings[detector_of(self.kind)] = ring
        self._show_ring()
        self.ring_changed.emit(ring, over)

    def _typed(self) -> None:
        if self._scan is None:
            return
        inner, outer = (entry.value() / self._scan.pixel for entry in (self.inner, self.outer))
        inner = 0.0 if self.kind == BRIGHT else inner
        self._dragged(Ring(inner, max(outer, inner + 0.5), self.ring.center), True)

    def _kinds(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(0)
        entries = {kind: (_NAMES[kind], _TIPS[kind]) for kind in KINDS}
        self.buttons = choices(row, entries, self._chosen, wide=True)
        self.buttons[BRIGHT].setChecked(True)
        return row

    def _entries(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        self.inner, self.outer = QDoubleSpinBox(), QDoubleSpinBox()
        for place, (entry, name) in enumerate(((self.inner, "Inner"), (self.outer, "Outer"))):
            entry.setDecimals(1)
            entry.setSingleStep(0.5)
            entry.setKeyboardTracking(False)
            entry.setToolTip(f"<qt>{_RING_TIP.format(name)}</qt>")
            entry.valueChanged.connect(self._typed)
            label = QLabel(name)
            label.setBuddy(entry)
            grid.addWidget(label, 0, 2 * place)
            grid.addWidget(entry, 0, 2 * place + 1)
            grid.setColumnStretch(2 * place + 1, 1)
        self.unit = QLabel("mrad")
        grid.addWidget(self.unit, 0, 4)
        return grid

    def _drawing(self) -> MaskTools:
        self.mask_tools = MaskTools()
        self.mask_tools.setVisible(False)
        self.mask_tools.chosen.connect(self.pattern.set_brush)
        self.mask_tools.erase.toggled.connect(self._set_erasing)
        self.pattern.undone.connect(self.mask_tools.undone)
        return self.mask_tools

    def _set_drawing(self, on: bool) -> None:
        self.mask_tools.setVisible(on)
        self.entries.setVisible(not on)
        self.pattern.set_drawing(on)
        # Pixels of the detector must be large enough to be hit.
        self.pattern.setMinimumHeight(_DRAWN if on else _LEAST)

    def _set_erasing(self, on: bool) -> None:
        self.pattern.erasing = on

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.mean_button = button("Mean", "The mean over all patterns that have been read")
        self.mean_button.clicked.connect(self.mean_wanted)
        self.log = button("Log", "Logarithmic intensity, for faint scattering (L)")
        self.log.setCheckable(True)
        self.log.setShortcut("L")
        self.log.toggled.connect(self.pattern.set_logarithmic)
        self.region = button("Region", "Choose the part of the scan by a rectangle on the image")
        self.region.clicked.connect(self.region_wanted)
        self.complete = button("", "Read all patterns of the scan; that may take a while")
        self.complete.clicked.connect(self.complete_wanted)
        self.complete.setVisible(False)
        self.mask_button = button("Mask", _MASK_TIP)
        self.mask_button.setCheckable(True)
        self.mask_button.toggled.connect(self._set_drawing)
        for made in (self.mean_button, self.log, self.region, self.mask_button, self.complete):
            row.addWidget(made)
        row.addStretch(1)
        return row
