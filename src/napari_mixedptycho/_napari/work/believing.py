"""Whether to believe the motion: the stationary control, and a motion that is planted, by one button each."""

from __future__ import annotations

from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.columns import Columns
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.lining import Lining
from napari_mixedptycho._napari.work.runs import Runs
from napari_mixedptycho.errors import InputError


class Believing:
    """Queues what tells of the result on the desk, and brings that result back with what was found."""

    def __init__(
        self, desk: Desk, steps: Steps, display: Display, runs: Runs, lining: Lining, columns: Columns
    ) -> None:
        self._desk, self._page, self._display = desk, steps.analyse, display
        self._runs, self._lining, self._columns = runs, lining, columns
        self._asked = ""
        belief = self._page.belief
        belief.control_button.clicked.connect(lambda: desk.attempt(self.control))
        belief.planted_button.clicked.connect(lambda: desk.attempt(self.plant))
        lining.judged.connect(self._judged)
        desk.changed.connect(self._update_buttons)

    def control(self) -> None:
        """Run the stationary control of the result, after what is queued already.

        Raises
        ------
        InputError
            When there is no result, or nothing in it that could move.
        """
        name = self._begin("control")
        self._page.belief.show_verdict(f"The control of {name} runs; step 4 shows it.", None)

    def plant(self) -> None:
        """Plant a motion in the mean object of the result, after its control where there is none yet.

        Raises
        ------
        InputError
            As `control`.
        """
        name = self._begin("planted")
        self._page.belief.show_recovery(f"The planted motion of {name} runs; step 4 shows it.", None)

    def _begin(self, kind: str) -> str:
        result = self._desk.needed_result
        entry = self._runs.book.of(result)
        if entry is None:
            raise InputError("The result is not in the table of runs any more; open or run it again.")
        if result.estimate.states < 2:
            raise InputError("This result has one object state, so that it shows no motion to be judged.")
        self._lining.duplicate(entry.name, kind)
        self._asked = entry.name
        if not self._lining.queue.working:
            self._lining.start_or_hold()
        return entry.name

    def _judged(self, name: str) -> None:
        """Show a result again that was judged for this page, now beside what was found."""
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
        self._page.belief.allow(reason)
