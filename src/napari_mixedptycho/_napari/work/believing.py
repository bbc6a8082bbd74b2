"""Whether to believe the motion: the stationary control, by one button."""

from __future__ import annotations

from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.columns import Columns
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.lining import Lining
from napari_mixedptycho._napari.work.runs import Runs
from napari_mixedptycho.errors import InputError


class Believing:
    """Queues the control of the result on the desk, and brings that result back with the verdict."""

    def __init__(
        self, desk: Desk, steps: Steps, display: Display, runs: Runs, lining: Lining, columns: Columns
    ) -> None:
        self._desk, self._page, self._display = desk, steps.analyse, display
        self._runs, self._lining, self._columns = runs, lining, columns
        self._asked = ""
        self._page.control_button.clicked.connect(lambda: desk.attempt(self.control))
        lining.judged.connect(self._judged)
        desk.changed.connect(self._update_buttons)

    def control(self) -> None:
        """Run the stationary control of the result, after what is queued already.

        Raises
        ------
        InputError
            When there is no result, or nothing in it that could move.
        """
        result = self._desk.needed_result
        entry = self._runs.book.of(result)
        if entry is None:
            raise InputError("The result is not in the table of runs any more; open or run it again.")
        if result.estimate.states < 2:
            raise InputError("This result has one object state, so that it shows no motion to be judged.")
        self._lining.duplicate(entry.name, "control")
        self._asked = entry.name
        if not self._lining.queue.working:
            self._lining.start_or_hold()
        self._page.show_control(f"The control of {entry.name} runs; step 4 shows it.", None)

    def _judged(self, name: str) -> None:
        """Show a result again whose control was asked for here, now beside its floor."""
        if name == self._asked and not self._runs.running and not self._lining.queue.waiting:
            self._asked = ""
            self._desk.attempt(self._back, name)

    def _back(self, name: str) -> None:
        self._runs.show(name)
        self._columns.find()

    def _update_buttons(self) -> None:
        result = self._desk.result
        reason = "" if result is not None else "Run a reconstruction or open a result first"
        if result is not None and result.estimate.states < 2:
            reason = "One object state shows no motion"
        if self._runs.running:
            reason = "A run is going on"
        self._page.enable_control(reason)
