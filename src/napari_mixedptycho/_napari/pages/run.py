"""Step 4: run, and watch."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QLabel, QToolButton

from napari_mixedptycho._napari.charts import LossChart, ProbeView
from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.form import Fold
from napari_mixedptycho._napari.pages.page import Page, button, enable, filler, words
from napari_mixedptycho._napari.pages.signs import Signs
from napari_mixedptycho._napari.pages.stages import StagesEditor
from napari_mixedptycho._napari.parts import tool
from napari_mixedptycho.result import Result
from napari_mixedptycho.run_settings import Run

SHOWN = ("mean phase", "phase", "state spread")
_TIPS = {
    "run": "Reconstruct the open scan with these settings",
    "pause": "Wait after the iteration in work",
    "resume": "Go on",
    "stop": "End after the iteration in work; the result so far is kept",
    "save": "Write the result, complete and resumable, to an HDF5 file",
}
_HINT = "States separate late: with more states the loss may at first lie above that of the stage before."


class RunPage(Page):
    """Buttons, stages, loss curve and probe."""

    shown = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.run_button = button("Run", _TIPS["run"], primary=True)
        self.pause_button = button("Pause", _TIPS["pause"])
        self.stop_button = button("Stop", _TIPS["stop"])
        self.save_button = button("Save result…", _TIPS["save"])
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button, 1)
        for other in (self.pause_button, self.stop_button, self.save_button):
            buttons.addWidget(other)
        self.stages = StagesEditor()
        self.form = SettingsForm(Run)
        self.computing_fold = Fold("Computing", self.form)
        self.loss = LossChart()
        self.probe = ProbeView()
        self.cost = words()
        self.signs = Signs()
        self.found = words()
        self.found.setVisible(False)
        self.hint = words(_HINT)
        self.hint.setVisible(False)
        self.mode = QComboBox()
        self.mode.setToolTip("<qt>Which probe mode is drawn: brightness is amplitude, colour is phase</qt>")
        self.mode.setVisible(False)
        self.mode.currentIndexChanged.connect(self._draw_probe)
        self._result: Result | None = None
        self.column.addLayout(buttons)
        self.column.addLayout(self._show_row())
        self.column.addWidget(self.stages)
        self.column.addWidget(self.computing_fold)
        self.column.addWidget(self.cost)
        self.column.addWidget(self.loss, 2)
        self.column.addWidget(self.signs.symptoms)
        self.column.addWidget(self.found)
        self.column.addWidget(self.signs.doubts)
        self.column.addWidget(self.hint)
        self.column.addWidget(self.mode)
        self.column.addWidget(self.probe, 3)
        self._filler = filler()
        self.column.addWidget(self._filler, 1)
        for picture in (self.loss, self.probe):
            picture.setVisible(False)

    def start(self) -> None:
        """Begin a new run."""
        self.loss.start()
        self.signs.clear()

    def show_result(self, result: Result) -> None:
        """Draw the loss and the probe."""
        self._result = result
        self.loss.show_history(result.history, result.recipe)
        self.hint.setVisible(result.recipe.model.states > 1)
        found = "; ".join(result.instrument)
        self.found.setText(f"Found: {found}." if found else "")
        self.found.setVisible(bool(found))
        modes = result.estimate.modes
        if self.mode.count() != modes:
            self.mode.blockSignals(True)
            self.mode.clear()
            self.mode.addItems([f"Probe mode {index + 1}" for index in range(modes)])
            self.mode.blockSignals(False)
            self.mode.setVisible(modes > 1)
        self._filler.setVisible(False)
        for picture in (self.loss, self.probe):
            picture.setVisible(True)
        self._draw_probe()

    def show_state(self, *, can_run: str, running: bool, pausing: bool, has_result: bool) -> None:
        """Enable the buttons; `can_run` says why a run cannot start, or nothing."""
        enable(self.run_button, "A run is going on" if running else can_run, _TIPS["run"])
        idle = "" if running else "No run is going on"
        enable(self.pause_button, idle, _TIPS["resume" if pausing else "pause"])
        self.pause_button.setText("Resume" if pausing else "Pause")
        enable(self.stop_button, idle, _TIPS["stop"])
        enable(self.save_button, "" if has_result else "There is no result yet", _TIPS["save"])
        self.stages.lock(running)
        # What cannot be changed now leaves its room to the curves.
        for widget in (self.computing_fold, self.cost):
            widget.setVisible(not running)

    def show_cost(self, memory: int, choice: str = "") -> None:
        """Say what a run will take, and what the data have chosen; `memory` in bytes."""
        size = f"{memory / 2**30:.1f} GiB" if memory >= 2**29 else f"{memory / 2**20:.0f} MiB"
        self.cost.setText(f"Will take about {size} of memory. {choice}")

    def _show_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(QLabel("Show"))
        group = QButtonGroup(self)
        tips = (
            "Projected phase, mean over the states",
            "Every state and slice: move the sliders below the image",
            "Standard deviation over the states: the map of motion",
        )
        self.show_buttons: dict[str, QToolButton] = {}
        for name, tip in zip(SHOWN, tips, strict=True):
            choice = tool(name.capitalize(), tip, checkable=True, checked=name == SHOWN[0])
            choice.setProperty("step", True)
            choice.clicked.connect(lambda _=False, name=name: self.shown.emit(name))
            group.addButton(choice)
            row.addWidget(choice)
            self.show_buttons[name] = choice
        row.addStretch(1)
        return row

    def _draw_probe(self) -> None:
        if self._result is not None:
            mode = min(max(self.mode.currentIndex(), 0), self._result.estimate.modes - 1)
            self.probe.show_mode(self._result.estimate.probe, mode, self._result.sampling)
