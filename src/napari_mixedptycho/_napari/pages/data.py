"""Step 1: which patterns."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from napari_mixedptycho._napari.charts import PatternView
from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.pages.page import Page, amount, button, enable, filler, words
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.recipe import Data

_SMALL = 2**28
"""Bytes of patterns up to which the mean pattern is shown at once, which reads them all."""

SAMPLES = {
    "si_sigma9": "Silicon Σ9 boundary, thermal motion",
    "si_sigma9_static": "Silicon Σ9 boundary, stationary control",
}


class DataPage(Page):
    """Opens a scan and shows its patterns."""

    opened = Signal(str)
    mean_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.open_button = button("Open…", "A 4D-STEM scan or a saved result (.h5)", primary=True)
        self.sample_button = QPushButton("Sample")
        self.sample_button.setToolTip("<qt>Built-in simulated data of a silicon Σ9 grain boundary</qt>")
        menu = QMenu(self.sample_button)
        for key, name in SAMPLES.items():
            menu.addAction(name, lambda key=key: self.opened.emit(f"sample:{key}"))
        self.sample_button.setMenu(menu)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_button, 1)
        buttons.addWidget(self.sample_button)
        self.summary = words("Open a scan, drop a file here, or try the sample.")
        self.form = SettingsForm(Data, hidden=("file",))
        self.form.editors["scan_region"].set_hint("whole scan")
        self.form.editors["max_angle"].set_hint("all of the detector")
        self.pattern = PatternView()
        self.mean_button = button("Mean pattern", "")
        self.mean_button.clicked.connect(self.mean_wanted)
        self._filler = filler()
        below = QHBoxLayout()
        below.setContentsMargins(0, 0, 0, 0)
        below.addWidget(words("Click on the image to see the pattern of that scan point."), 1)
        below.addWidget(self.mean_button)
        self.column.addLayout(buttons)
        self.column.addWidget(self.summary)
        self.column.addWidget(self.form)
        self.column.addWidget(self.pattern, 100)
        self._below = QWidget()
        self._below.setLayout(below)
        self.column.addWidget(self._below)
        self.column.addWidget(self._filler, 1)
        self.show_dataset(None)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Keep the pattern about square: higher than wide it would show nothing more."""
        super().resizeEvent(event)
        self.pattern.setMaximumHeight(max(self.width() + 10, self.pattern.minimumHeight()))

    def show_dataset(self, dataset: Dataset | None) -> None:
        """Say what is open."""
        reason = "" if dataset is not None else "Open a scan first"
        enable(self.mean_button, reason, "The mean over the whole scan")
        for widget in (self.pattern, self._below):
            widget.setVisible(dataset is not None)
        if dataset is None:
            return
        rows, columns = dataset.scan_shape
        patterns = dataset.patterns
        size = rows * columns * dataset.detector_size**2 * patterns.dtype.itemsize
        n = dataset.detector_size
        text = f"<b>{dataset.name}</b><br>{rows} × {columns} scan points, {n} × {n} px, {patterns.dtype}, "
        text += f"{size / 2**20:.1f} MiB"
        if dataset.dose is not None:
            text += f"<br>{amount(dataset.electrons_per_pattern or 0)} electrons per pattern, "
            text += f"{amount(dataset.dose)} per Å²"
        if dataset.truth is not None:
            text += "<br>Simulated: the true positions of the columns are known"
        self.summary.setText(text)
        self.show_pattern(dataset, None if size < _SMALL else (rows // 2, columns // 2))

    def show_position(self, dataset: Dataset, position: tuple[float, float]) -> None:
        """Show the pattern of the scan point nearest to a position (y, x), Å; none lies outside the scan."""
        row, column = (round(along / dataset.scan_step) for along in position)
        rows, columns = dataset.scan_shape
        if 0 <= row < rows and 0 <= column < columns:
            self.show_pattern(dataset, (row, column))

    def show_pattern(self, dataset: Dataset, point: tuple[int, int] | None) -> None:
        """Show the pattern of a scan point (row, column); None: the mean over the scan."""
        if point is None:
            pattern, title = dataset.mean_pattern, "Mean pattern"
        else:
            pattern = dataset.patterns[point[0], point[1]]
            y, x = (index * dataset.scan_step for index in point)
            title = f"Scan point ({point[0]}, {point[1]}) at y {y:.2f} Å, x {x:.2f} Å"
        pixel = 2 * dataset.max_angle / dataset.detector_size
        self.pattern.show_pattern(pattern, pixel, dataset.semiangle, title)
