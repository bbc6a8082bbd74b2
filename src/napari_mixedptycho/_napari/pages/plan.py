"""What a run will do and take, and what may be wrong with it: before it starts, or while it waits."""

from __future__ import annotations

import html
from collections.abc import Sequence
from contextlib import suppress

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_mixedptycho._device import Found
from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.form import Fold
from napari_mixedptycho._napari.pages.page import words
from napari_mixedptycho._napari.pages.stages import StagesEditor
from napari_mixedptycho._napari.parts import mark
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.run_settings import Run
from napari_mixedptycho.words import size

_DEVICE = (
    "Where to compute, and how much memory is free there. Several GPUs at once: gpu:0,1 under Computing. Too "
    "little memory: the run takes fewer patterns at a time, then fails in words"
)
_COMPUTING = "How to compute; of all that only the seed changes the result"
_STEER = "Waiting: what you change in the stages counts from here on. Resume goes on with it."


class Plan(QWidget):
    """Stages, computing, cost, doubts."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = StagesEditor()
        self.form = SettingsForm(Run)
        self.computing_fold = Fold("Computing", self.form, _COMPUTING)
        self.device = QComboBox()
        self.device.setMinimumContentsLength(12)
        self.device.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.device.setToolTip(f"<qt>{_DEVICE}</qt>")
        self.device.activated.connect(self._take_device)
        self.device.setVisible(False)
        self.form.changed.connect(self._mark_device)
        self.steer, self.cost, self.wrong, self.doubts = words(_STEER), words(), words(), words()
        self.doubts.setTextFormat(Qt.TextFormat.RichText)
        mark(self.steer, "warn", True)
        mark(self.wrong, "error", True)
        mark(self.doubts, "warn", True)
        self._missing = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (
            self.cost,
            self.wrong,
            self.doubts,
            self.steer,
            self.stages,
            self.device,
            self.computing_fold,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        for label in (self.wrong, self.doubts, self.steer):
            label.setVisible(False)

    def show_state(self, *, running: bool, pausing: bool) -> None:
        """Let the settings be changed, or be looked at only; while a run waits, the stages can be changed."""
        self.steer.setVisible(pausing)
        self.stages.lock(running and not pausing)
        self.computing_fold.setVisible(not running)
        self.device.setVisible(not running and self.device.count() > 0)
        self.cost.setVisible(not running)
        for label in (self.wrong, self.doubts):
            label.setVisible(not running and bool(label.text()))

    def show_cost(self, memory: int, time: str = "", choice: str = "") -> None:
        """Say what a run will take, and what the data have chosen; `memory` in bytes."""
        needs = f"Needs about {size(memory)} of memory."
        self.cost.setText(" ".join(part for part in (needs, time, choice) if part))

    def show_devices(self, found: Sequence[Found]) -> None:
        """List what can be computed on, each with the memory that is free."""
        if not found:
            return
        best = found[-1] if len(found) > 1 else found[0]
        entries = [("auto", f"Compute on: automatic ({best.wish})"), *((one.wish, str(one)) for one in found)]
        self.device.clear()
        for wish, words_ in entries:
            self.device.addItem(words_, wish)
        self.device.setVisible(not self.computing_fold.isHidden())
        self._mark_device()

    def _take_device(self, index: int) -> None:
        wish = self.device.itemData(index)
        if wish:
            self.form.editors["device"].set_value(wish)
            self.form.changed.emit()

    def _mark_device(self) -> None:
        """Show the wish; one that is not in the list (several GPUs) stands in the form below."""
        with suppress(InputError):
            self.device.setCurrentIndex(self.device.findData(self.form.value().device))

    def show_verdicts(self, wrong: str, doubts: Sequence[str]) -> None:
        """Say what stands in the way, and what may be wrong; a run can be started all the same."""
        self.wrong.setText(wrong)
        listed = "<br>".join(f"⚠ {html.escape(text)}" for text in doubts)
        self.doubts.setText(listed)
        for label in (self.wrong, self.doubts):
            label.setVisible(bool(label.text()))
