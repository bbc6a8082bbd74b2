"""Step 4: run, and watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_mixedptycho._napari.form.entries import Count
from napari_mixedptycho._napari.pages.line import Line
from napari_mixedptycho._napari.pages.page import Page, button
from napari_mixedptycho._napari.pages.plan import Plan
from napari_mixedptycho._napari.pages.runs_table import RunsTable
from napari_mixedptycho._napari.pages.watch import Watch
from napari_mixedptycho._napari.parts import choices, enable, mark
from napari_mixedptycho.result import Result

_TIPS = {
    "run": "Reconstruct the open scan with these settings",
    "quick": "A first impression within a minute: one state, one slice, part of detector and scan, few "
    "iterations. Atoms, straight and round: the calibration holds. A blur or a slanted lattice: go back to "
    "step 2",
    "proceed": "Go on with the result on screen: to the end of its recipe, or, where that is reached, so "
    "many iterations more of its last stage. Typical: 20; the loss still falls, the separation still grows",
    "more": "Iterations more of the last stage, for a result that is complete. Typical: 20",
    "pause": "Wait after the iteration in work. Space",
    "resume": "Go on, with the stages as they stand under Settings now. Space",
    "step": "Do one iteration, then wait",
    "stop": "End after the iteration in work; the result so far is kept",
    "save": "Write the result, complete and resumable, to an HDF5 file",
    "keep": "Write the copy of the result now, not only at the next interval; the run goes on",
}
_TABS = {
    "settings": ("Settings", "Stages, computing, what it will take, and what may be wrong"),
    "watch": ("Watch", "Images and curves of the run"),
    "queue": ("Queue", "Runs that wait for their turn"),
    "runs": ("Runs", "All runs: two side by side, settings, copies"),
}
_LONGEST = 1_000_000


@dataclass(frozen=True)
class RunState:
    """What the buttons depend on.

    Attributes
    ----------
    can_run
        Why a run cannot start, or nothing.
    running, pausing, has_result
        Whether a run is going on, was asked to wait, and whether there is a result.
    can_proceed
        Why the result cannot go on, or nothing.
    left
        Iterations that its recipe still asks for.
    """

    can_run: str
    running: bool
    pausing: bool
    has_result: bool
    can_proceed: str = ""
    left: int = 0


class RunPage(Page):
    """Buttons, and below them one of four views: settings, what goes on, queue, table of runs.

    Signals
    -------
    turned
        The name of the view that came to the front.
    """

    turned = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.plan, self.watch, self.line, self.table = Plan(), Watch(), Line(), RunsTable()
        self.stages, self.form = self.plan.stages, self.plan.form
        self.computing_fold, self.cost = self.plan.computing_fold, self.plan.cost
        self.loss, self.probe, self.mode = self.watch.loss, self.watch.probe, self.watch.mode
        self.signs, self.found, self.hint = self.watch.signs, self.watch.found, self.watch.hint
        self.shown, self.show_buttons = self.watch.shown, self.watch.show_buttons
        self._views: dict[str, QWidget] = {
            "settings": self.plan,
            "watch": self.watch,
            "queue": self.line,
            "runs": self.table,
        }
        self._doubtful = False
        self.column.addLayout(self._first_row())
        self.column.addLayout(self._second_row())
        self.column.addLayout(self._tabs())
        for view in self._views.values():
            self.column.addWidget(view, 1)
        self.turn("settings")
        self.show_state(RunState("Open a scan first (step 1)", False, False, False))

    @property
    def canvases(self) -> tuple[Any, ...]:
        """All that is drawn here and follows the theme."""
        return (*self.watch.canvases, *self.table.canvases)

    def turn(self, name: str) -> None:
        """Bring a view to the front: ``settings``, ``watch``, ``queue`` or ``runs``."""
        self.tabs[name].setChecked(True)
        for key, view in self._views.items():
            view.setVisible(key == name)
        self.turned.emit(name)

    @property
    def view(self) -> str:
        """The name of the view in front."""
        return next(key for key, tab in self.tabs.items() if tab.isChecked())

    def start(self) -> None:
        """Begin a new run."""
        self.watch.start()

    def show_result(self, result: Result) -> None:
        """Draw curves and probe."""
        self.watch.show_result(result)

    def show_state(self, state: RunState) -> None:
        """Enable the buttons."""
        running, pausing = state.running, state.pausing
        busy = "A run is going on" if running else ""
        enable(self.run_button, busy or state.can_run, _TIPS["run"])
        enable(self.quick_button, busy or state.can_run, _TIPS["quick"])
        idle = "" if running else "No run is going on"
        enable(self.pause_button, idle, _TIPS["resume" if pausing else "pause"])
        self.pause_button.setText("Resume" if pausing else "Pause")
        enable(self.step_button, idle, _TIPS["step"])
        enable(self.stop_button, idle, _TIPS["stop"])
        nothing = "" if state.has_result else "There is no result yet"
        enable(self.save_button, nothing, _TIPS["save"])
        enable(self.keep_button, idle or nothing, _TIPS["keep"])
        enable(self.proceed_button, busy or nothing or state.can_proceed, _TIPS["proceed"])
        self.proceed_button.setText(f"Continue ({state.left} left)" if state.left else "Continue for")
        finish = "The recipe asks for more iterations already" if state.left else ""
        enable(self.more, busy or finish, _TIPS["more"])
        for widget in (self.pause_button, self.step_button, self.stop_button, self.keep_button):
            widget.setVisible(running)
        for widget in (self.run_button, self.quick_button):
            widget.setVisible(not running)
        self.proceed_button.setVisible(not running and state.has_result)
        self.more.setVisible(not running and state.has_result)
        self.save_button.setVisible(state.has_result)
        self.plan.show_state(running=running, pausing=pausing)

    def show_doubts(self, doubtful: bool) -> None:
        """Say on the button that something may be wrong with the settings, and is left to the person."""
        self.run_button.setText("Run anyway" if doubtful else "Run")
        mark(self.run_button, "doubtful", doubtful)

    def show_cost(self, memory: int, time: str = "", choice: str = "") -> None:
        """Say what a run will take, and what the data have chosen; `memory` in bytes."""
        self.plan.show_cost(memory, time, choice)

    def _first_row(self) -> QHBoxLayout:
        self.run_button = button("Run", _TIPS["run"], primary=True)
        self.quick_button = button("Quick look", _TIPS["quick"])
        self.pause_button = button("Pause", _TIPS["pause"], primary=True)
        self.step_button = button("Step", _TIPS["step"])
        self.stop_button = button("Stop", _TIPS["stop"])
        row = QHBoxLayout()
        row.addWidget(self.run_button, 2)
        row.addWidget(self.quick_button, 1)
        row.addWidget(self.pause_button, 2)
        for other in (self.step_button, self.stop_button):
            row.addWidget(other, 1)
        return row

    def _second_row(self) -> QHBoxLayout:
        self.proceed_button = button("Continue", _TIPS["proceed"])
        self.more = Count(1, _LONGEST)
        self.more.set_value(20)
        self.more.setToolTip(f"<qt>{_TIPS['more']}</qt>")
        self.keep_button = button("Checkpoint now", _TIPS["keep"])
        self.save_button = button("Save result…", _TIPS["save"])
        row = QHBoxLayout()
        row.addWidget(self.proceed_button, 2)
        row.addWidget(self.more, 1)
        for other in (self.keep_button, self.save_button):
            row.addWidget(other, 1)
        return row

    def _tabs(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        self.tabs = choices(row, _TABS, self.turn)
        row.addStretch(1)
        return row
