"""Whether to believe the motion: the stationary control, and a motion that is planted, by one button each."""

from __future__ import annotations

from qtpy.QtCore import QTimer

from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.book import Entry
from napari_mixedptycho._napari.work.columns import Columns
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.lining import Lining
from napari_mixedptycho._napari.work.queue import RUNS, WAITS
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
        self._looked: Entry | None = None
        # After all that an end of a run sets going.
        self._soon = QTimer(self._page)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(lambda: desk.attempt(self._look))
        belief = self._page.belief
        belief.control_button.clicked.connect(lambda: desk.attempt(self.control))
        belief.planted_button.clicked.connect(lambda: desk.attempt(self.plant))
        lining.judging.judged.connect(self._judged)
        lining.queue.changed.connect(self._tell)
        runs.book.changed.connect(self._tell)
        desk.changed.connect(self._changed)

    def control(self) -> None:
        """Run the stationary control of the result, after what is queued already.

        Raises
        ------
        InputError
            When there is no result, or nothing in it that could move.
        """
        self._begin("control")

    def plant(self) -> None:
        """Plant a motion in the mean object of the result, after its control where there is none yet.

        Raises
        ------
        InputError
            As `control`.
        """
        self._begin("planted")

    def _begin(self, kind: str) -> None:
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

    def _judged(self, name: str) -> None:
        """Show a result again that was judged for this page; else tell it where that run is looked at."""
        if name == self._asked and not self._runs.running and not self._lining.queue.waiting:
            self._asked = ""
            self._desk.attempt(self._back, name)
        elif self._runs.present is not None and self._runs.present.name == name:
            self._desk.attempt(self._columns.weigh)
        self._tell()

    def _changed(self) -> None:
        self._update_buttons()
        self._tell()
        self._soon.start(0)

    def _look(self) -> None:
        """Have a run judged that comes to the screen, where a dock before has not come to it."""
        entry = self._runs.present
        if entry is not self._looked and entry is not None and not self._runs.running:
            self._looked = entry
            self._lining.judging.look(self._moving(entry))

    def _moving(self, entry: Entry) -> Entry:
        """Return the run that a control, or a planted motion, is of; others are their own."""
        named = (run for run in self._runs.book.entries if run.name == entry.of)
        return next(named, entry)

    def _tell(self) -> None:
        """Say what is known of the run on the screen, or of the one that it is the control of."""
        entry, belief = self._runs.present, self._page.belief
        if entry is None:
            return
        run = self._moving(entry)
        coming = (self._coming(run.name, "control"), self._coming(run.name, "planted motion"))
        found = self._desk.found
        if found is None:
            other = "" if run is entry else run.name
            verdict = run.verdict if run.state not in ("running", "paused") else None
            belief.tell_known(other, verdict, run.drift, run.recovery, coming)
            return
        if found.verdict is None and coming[0]:
            belief.show_verdict(coming[0], None)
        if found.recovery is None and coming[1]:
            belief.show_recovery(coming[1], None)

    def _coming(self, name: str, what: str) -> str:
        """Say that a control, or a planted motion, of a run waits or runs; nothing where none does."""
        planted = what != "control"
        states = [e.state for e in self._lining.queue.entries if e.of == name and planted == bool(e.planted)]
        if RUNS in states:
            return f"The {what} of {name} runs; step 4 shows it."
        return f"The {what} of {name} waits in the queue of step 4." if WAITS in states else ""

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
