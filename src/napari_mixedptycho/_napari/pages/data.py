"""Step 1: which patterns."""

from __future__ import annotations

import html
from functools import partial
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.pages.page import Page, button, filler, words
from napari_mixedptycho._napari.pages.questions import Questions
from napari_mixedptycho._napari.pages.virtual import VirtualPanel
from napari_mixedptycho._napari.parts import act, mark
from napari_mixedptycho._napari.remember import recent
from napari_mixedptycho._napari.virtual import Scan
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.imaging import Images
from napari_mixedptycho.recipe import Data
from napari_mixedptycho.words import amount, size

SAMPLES = {
    "si_sigma9": "Silicon Σ9 boundary, thermal motion",
    "si_sigma9_static": "Silicon Σ9 boundary, stationary control",
}
_SAMPLE = "Small simulated data with the true positions of the atoms; to learn, and to test a recipe"
_START = "Open a scan, drop a file here, or try the sample."


class DataPage(Page):
    """Opens a scan and shows its patterns.

    Signals
    -------
    opened
        A file or sample that is to be opened.
    """

    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.open_button = button("Open…", "A 4D-STEM scan or a saved result", primary=True)
        self.recent_button = QPushButton("Recent")
        self.recent_button.setToolTip("<qt>Files that were opened before</qt>")
        self.recent_menu = QMenu(self.recent_button)
        self.recent_menu.aboutToShow.connect(self._list_recent)
        self.recent_button.setMenu(self.recent_menu)
        self.sample_button = QPushButton("Sample")
        self.sample_button.setToolTip("<qt>Built-in simulated data of a silicon Σ9 grain boundary</qt>")
        menu = QMenu(self.sample_button)
        for key, name in SAMPLES.items():
            act(menu, name, _SAMPLE, partial(self.opened.emit, f"sample:{key}"))
        self.sample_button.setMenu(menu)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_button, 1)
        buttons.addWidget(self.recent_button)
        buttons.addWidget(self.sample_button)
        self.summary = words(_START)
        self.questions = Questions()
        self.form = SettingsForm(Data, hidden=("file",))
        self.form.editors["scan_region"].set_hint("whole scan")
        self.form.editors["max_angle"].set_hint("all of the detector")
        self.virtual = VirtualPanel()
        self.pattern = self.virtual.pattern
        self._filler = filler()
        self.column.addLayout(buttons)
        self.column.addWidget(self.summary)
        self.column.addWidget(self.questions)
        self.column.addWidget(self.virtual, 100)
        self.column.addWidget(self.form)
        self.column.addWidget(self._filler, 1)
        self.show_scan(None)

    def show_dataset(self, dataset: Dataset | None) -> None:
        """Take a data set; what is shown of it comes with `show_scan`."""

    def show_scan(self, scan: Scan | None) -> None:
        """Make room for a scan that is open, also when it is not complete."""
        self.virtual.setVisible(scan is not None)

    def show_asking(self) -> None:
        """Leave the word to the questions, whose button is the one to press next."""
        self.summary.setVisible(False)
        mark(self.open_button, "primary", False)

    def show_summary(self, scan: Scan, images: Images, dataset: Dataset | None) -> None:
        """Say what is open and what was read of it."""
        rows, columns = scan.shape
        n, kind = scan.size, scan.dtype
        text = f"<b>{html.escape(scan.name)}</b><br>{rows} × {columns} scan points, {n} × {n} px, {kind}, "
        text += size(scan.nbytes)
        if scan.unit is not None:
            electrons = float(images.total.mean()) * scan.unit
            text += f"<br>{amount(electrons)} electrons per pattern"
            text += f", {amount(electrons / scan.step**2)} per Å²" if scan.frame.step else ""
        if images.stride > 1:
            text += f"<br>Stays in its file: shown is one scan point in {images.stride**2}"
        if dataset is not None and dataset.truth is not None:
            text += "<br>Simulated: the true positions of the columns are known"
        self.summary.setText(text)
        self.summary.setVisible(self.questions.isHidden())
        mark(self.open_button, "primary", self.questions.isHidden())

    def _list_recent(self) -> None:
        self.recent_menu.clear()
        files = recent()
        for file in files:
            act(self.recent_menu, Path(file).name, html.escape(file), partial(self.opened.emit, file))
        if not files:
            act(self.recent_menu, "None yet", "No file was opened here before", recent).setEnabled(False)
