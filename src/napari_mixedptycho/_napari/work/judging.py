"""Whether the motion of a run is more than its control shows, and how much of a planted motion was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qtpy.QtCore import QObject, Signal

from napari_mixedptycho._napari.background import Background, Post
from napari_mixedptycho._napari.control import in_words
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.book import Entry
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.runs import Runs
from napari_mixedptycho.analysis import Verdict
from napari_mixedptycho.analysis.floor import drift_text
from napari_mixedptycho.analysis.recovery import Recovery
from napari_mixedptycho.control import Control, ControlSettings, judged, judged_columns, recovered
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import Result


@dataclass(frozen=True)
class Judgement:
    """A run beside its control and, where there is one, a motion planted in it."""

    run: Entry
    verdict: Verdict
    drift: str
    planted: Entry | None = None
    recovery: Recovery | None = None


class Judging(QObject):
    """Judges a run when its control or a planted motion has ended, in whichever order they end.

    Signals
    -------
    judged
        The name of a run that now stands beside its stationary control, or beside a planted motion.
    """

    judged = Signal(str)

    def __init__(self, desk: Desk, steps: Steps, runs: Runs, coming: Callable[[str], bool]) -> None:
        """Heed the ends of runs; `coming` tells of a run whether its control is there, or queued."""
        super().__init__(desk)
        self._desk, self._steps, self._runs, self._coming = desk, steps, runs, coming
        self._work = Background("mixedptycho recovery", self, "Judging what was found of a planted motion")
        self._work.arrived.connect(self._take)
        self._work.failed.connect(lambda error: desk.complained.emit(in_words(error)))
        self._work.ended.connect(self._next)
        self._todo: list[tuple[Entry, Entry | None]] = []
        self._now: Entry | None = None
        self._closed = False
        runs.over.connect(self._over)

    def look(self, run: Entry) -> None:
        """Judge a run beside the window where that was left undone, by a dock before; raises `InputError`."""
        book = self._runs.book
        planted = book.planted_run(run.name) if run.recovery is None else None
        known = run.verdict is not None and planted is None
        asked = [self._now, *(entry for entry, _ in self._todo)]
        if known or self._closed or run in asked or book.control_run(run.name) is None:
            return
        self._ask(run, planted)

    def shutdown(self) -> None:
        """Wait for what is being measured."""
        self._closed = True
        self._todo.clear()
        self._work.shutdown()

    def _over(self, entry: Entry | None) -> None:
        if entry is None or entry.state != "finished":
            return
        if not entry.of:
            entry.verdict = None  # of fewer iterations
        else:
            self._desk.attempt(self._judge if entry.planted is None else self._recover, entry)

    def _judge(self, entry: Entry) -> None:
        """Say whether the motion of a run is above the floor that its control has found."""
        run = self._runs.book.find(entry.of)
        result, still = run.needed(), entry.needed()
        verdict, drift = _told(result, still, judged(result, still, judged_columns(result), self._judging()))
        run.verdict, run.drift = verdict, drift
        entry.note = run.note = verdict.sentence()
        self._desk.said.emit(f"{entry.of}: {entry.note}")
        self._runs.book.changed.emit()
        self.judged.emit(entry.of)
        planted = self._runs.book.planted_run(run.name)
        if planted is not None and run.recovery is None:
            self._ask(run, planted)

    def _judging(self) -> ControlSettings:
        return ControlSettings(floor=self._steps.methods().floor)

    def _recover(self, entry: Entry) -> None:
        """Measure how much of a planted motion was found; raises `InputError`."""
        run = self._runs.book.find(entry.of)
        if self._runs.book.control_of(run.needed()) is not None:
            self._ask(run, entry)
        elif self._coming(run.name):
            entry.note = f"Judged once the control of {run.name} has ended."
            self._runs.book.changed.emit()
        else:
            raise InputError(f"{entry.of} has no stationary control any more: queue it, then this again.")

    def _ask(self, run: Entry, planted: Entry | None) -> None:
        self._todo.append((run, planted))
        if not self._work.busy:
            self._next()

    def _next(self) -> None:
        """Judge beside the window, one run after the other: a job that is asked for ends the one before."""
        self._now = None
        while self._todo and self._now is None:
            run, planted = self._todo.pop(0)
            self._desk.attempt(self._begin, run, planted)

    def _begin(self, run: Entry, planted: Entry | None) -> None:
        result, judging = run.needed(), self._judging()
        still = self._runs.book.control_of(result)
        found = None if planted is None else planted.needed()
        settings = None if planted is None else planted.planted
        if still is None:
            return
        self._now = run

        def work(post: Post) -> None:
            beside = judged(result, still, judged_columns(result), judging)
            recovery = None if found is None else recovered(result, found, beside, settings).recovery
            post(Judgement(run, *_told(result, still, beside), planted, recovery))

        self._work.ask(work)

    def _take(self, judgement: Judgement) -> None:
        run, recovery = judgement.run, judgement.recovery
        run.verdict, run.drift = judgement.verdict, judgement.drift
        run.note = run.note or judgement.verdict.sentence()
        if recovery is not None and judgement.planted is not None:
            run.recovery, judgement.planted.note = recovery, recovery.sentence()
            self._desk.said.emit(f"{run.name}: {recovery.sentence()}")
        self._runs.book.changed.emit()
        self.judged.emit(run.name)


def _told(result: Result, still: Result, beside: Control) -> tuple[Verdict, str]:
    """Return the verdict, and that motion or floor still change where that matters."""
    drift = drift_text(beside.verdict, result.history.motion_drift, still.history.motion_drift)
    return beside.verdict, drift
