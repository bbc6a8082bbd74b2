"""Step 2: the microscope's numbers, what was measured of them, and where each comes from."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.form import Fold
from napari_mixedptycho._napari.found import Findings
from napari_mixedptycho._napari.pages.found import FoundRows, PictureBox, Thumbnails
from napari_mixedptycho._napari.pages.page import Page, button, words
from napari_mixedptycho._napari.parts import enable, mark
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Microscope
from napari_mixedptycho.words import amount

_WIDEST = 150.0
"""Semi-angle, mrad, beyond what any microscope gives."""
_ODD = 0.03
"""Relative disagreement with the file from which a number is marked."""
_SOURCES = {"file": "from the file", "measured": "measured", "user": "yours", "default": "assumed"}
_LARGE = 2**28
"""Bytes of patterns, above which the dose is not looked up: that would read them all."""
_TIPS = {
    "calibrate": "Measure on the patterns: centre and radius of the bright disk, descan, rotation, flips, "
    "defocus, astigmatism, dose and bad pixels; the semi-angle is the one number that must be known",
    "use": "Take the measured numbers again, also over what was typed since",
    "undo": "Go back to the settings before they were taken",
    "eight": "Reconstruct the middle of the scan quickly in all eight orientations of the detector, to "
    "choose by eye; some seconds each",
    "orientations": "Quick looks at all ways in which the detector may lie against the scan",
}


class CalibratePage(Page):
    """Shows the numbers of the file, measures them, and lets each be overridden."""

    def __init__(self) -> None:
        super().__init__()
        self._dataset: Dataset | None = None
        self._measured: dict[str, float] = {}
        self.calibrate_button = button("Calibrate", _TIPS["calibrate"], primary=True)
        self.use_button = button("Use", _TIPS["use"])
        self.undo_button = button("Undo", _TIPS["undo"])
        self.cancel_button = button("Cancel", "Stop measuring; nothing changes")
        buttons = QHBoxLayout()
        buttons.addWidget(self.calibrate_button, 1)
        for made in (self.use_button, self.undo_button, self.cancel_button):
            buttons.addWidget(made)
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.intro = words("The numbers of the file stand in grey. Type over one to use your own.")
        self.form = SettingsForm(Microscope)
        self.derived = words()
        self.form.changed.connect(self._annotate)
        self.rows = FoundRows()
        self.picture = PictureBox()
        self.remarks, self.change = words(), words()
        self.thumbnails = Thumbnails()
        self.eight_button = button("Try all eight", _TIPS["eight"])
        self.choice = words()
        for widget in (self.intro,):
            self.column.addWidget(widget)
        self.column.addWidget(self.form)
        self.column.addLayout(buttons)
        self.column.addWidget(self.bar)
        self.column.addWidget(self.change)
        self.column.addWidget(self.remarks)
        self.column.addWidget(self.rows)
        self.column.addWidget(self.picture)
        self.eight = Fold("Eight orientations", self._eight(), _TIPS["orientations"])
        self.column.addWidget(self.eight)
        self.column.addWidget(self.derived)
        self.column.addStretch(1)
        self.show_state("Open a scan first (step 1)")
        self.show_findings(None)
        self.show_change("")

    def show_dataset(self, dataset: Dataset | None) -> None:
        """Show the numbers of a data set as what an empty entry stands for."""
        self._dataset = dataset
        for name, editor in self.form.editors.items():
            value = getattr(dataset, name, None)
            editor.set_hint("not known" if value is None else f"{value:.6g}")
        self._annotate()

    def set_value(self, value: Microscope) -> None:
        """Show settings."""
        self.form.set_value(value)
        self._annotate()

    def show_state(self, reason: str, *, busy: bool = False, undo: bool = False, found: bool = False) -> None:
        """Enable the buttons; `reason` says why nothing can be measured, or nothing."""
        enable(self.calibrate_button, "Measuring" if busy else reason, _TIPS["calibrate"])
        enable(self.use_button, "" if found else "Nothing was measured yet", _TIPS["use"])
        enable(self.undo_button, "" if undo else "Nothing was taken over yet", _TIPS["undo"])
        why = "" if found else "Calibrate first"
        enable(self.eight_button, "Measuring" if busy else why, _TIPS["eight"])
        self.bar.setVisible(busy)
        for widget, there in (
            (self.cancel_button, busy),
            (self.use_button, found and not busy),
            (self.undo_button, undo and not busy),
        ):
            widget.setVisible(there)
        self.eight.setVisible(found)

    def show_progress(self, what: str, done: float) -> None:
        """Tell how far a measurement is."""
        self.bar.setFormat(f"{what} %p %")
        self.bar.setValue(round(100 * done))

    def show_findings(self, findings: Findings | None) -> None:
        """Show what was measured; None: nothing was."""
        self.rows.show_rows([] if findings is None else findings.rows())
        self.picture.show_picture(None)
        self.thumbnails.show_looks((), None)
        self.choice.setText("")
        self.remarks.setVisible(findings is not None)
        if findings is not None:
            self._show_remarks(findings.remarks)

    def show_change(self, text: str) -> None:
        """Say what has changed since the measurement, or nothing."""
        self.change.setText(f"▲ {text}" if text else "")
        self.change.setVisible(bool(text))
        mark(self.change, "warn", bool(text))

    def show_measured(self, numbers: dict[str, float]) -> None:
        """Name these numbers as measured where they stand in the form."""
        self._measured = numbers
        self._annotate()

    def _show_remarks(self, remarks: Sequence[str]) -> None:
        lines = [f"▲ {html.escape(text)}" for text in remarks]
        self.remarks.setText("<br>".join(lines) or "✓ Nothing stands in the way of a reconstruction.")
        mark(self.remarks, "warn", bool(remarks))

    def _eight(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.eight_button)
        column.addWidget(self.thumbnails)
        column.addWidget(self.choice)
        key = words("T: transposed; Y, X: turned along ky, kx. Atoms should be bright and round.")
        mark(key, "note", True)
        column.addWidget(key)
        return holder

    def _annotate(self) -> None:
        dataset = self._dataset
        for name, editor in self.form.editors.items():
            try:
                own = editor.value()
            except InputError as error:
                self.form.set_note(name, f"✗ {error}", warn=True)
                continue
            text, warn = _note(own, dataset, name, own is not None and own == self._measured.get(name))
            self.form.set_note(name, text, warn=warn)
        self.derived.setText("" if dataset is None else _derived(dataset))


def _note(own: float | None, dataset: Dataset | None, name: str, measured: bool) -> tuple[str, bool]:
    """Return where a number comes from, and whether that is odd."""
    mine = "measured" if measured else "yours"
    if name == "semiangle" and own is not None and own > _WIDEST:
        return f"{mine}; no probe is that wide: 15 to 40 mrad are usual", True
    if dataset is None:
        return (mine if own is not None else ""), False
    there: Any = getattr(dataset, name, None)
    source = dataset.sources.get(name, "default")
    if own is None:
        return ("" if there is None else _SOURCES[source]), False
    if there is None or source != "file":
        return mine, False
    # A file's zero defocus has no relative size; then any other number is a disagreement.
    odd = abs(own - there) > _ODD * abs(there)
    return f"{mine}; the file says {there:.6g}" + (": more than 3 % off" if odd else ""), odd


def _derived(dataset: Dataset) -> str:
    text = f"Of the file: wavelength {dataset.wavelength:.5f} Å, detector to {dataset.max_angle:.1f} mrad "
    text += f"({dataset.max_angle / dataset.semiangle:.1f} × the semi-angle)"
    count = dataset.scan_shape[0] * dataset.scan_shape[1] * dataset.detector_size**2
    small = count * dataset.patterns.dtype.itemsize < _LARGE
    if small and dataset.dose is not None:
        text += f", dose {amount(dataset.dose)} electrons per Å²"
    return f"{text}."
