"""Starting, pausing, steering and ending runs, and bringing them to the pages and the viewer."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from napari_mixedptycho._napari.activity import Activity
from napari_mixedptycho._napari.control import Control, in_words
from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.pages.run import RunState
from napari_mixedptycho._napari.remarks import ended, facts, failed
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.unsaved import new_copy
from napari_mixedptycho._napari.work.book import Book, Entry
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.reconstruct import Progress
from napari_mixedptycho.result import Result
from napari_mixedptycho.running import Job, News
from napari_mixedptycho.variants import further, quick_look, steered
from napari_mixedptycho.words import counted


class Runs(QObject):
    """The run going on, and those before it.

    Signals
    -------
    starting
        A run is about to start.
    progressed
        The screen was brought up to date; carries the `Progress`.
    finished
        A run has ended, or was stopped.
    failed
        A run has ended with an error, which it carries in words.
    over
        After either of the two; carries the `Entry`.
    """

    starting = Signal()
    progressed = Signal(object)
    finished = Signal()
    failed = Signal(str)
    over = Signal(object)

    def __init__(self, desk: Desk, steps: Steps, display: Display, control: Control) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._display, self._control = desk, steps, display, control
        self.book = Book(self)
        self.activity = Activity()
        self.present: Entry | None = None
        self._before: Entry | None = None
        self._wish: tuple[Stage, ...] | None = None
        page = steps.run
        for made, action in (
            (page.run_button, self.run),
            (page.quick_button, self.quick_look),
            (page.proceed_button, self.proceed),
            (page.pause_button, self.pause_or_resume),
            (page.keep_button, self.checkpoint),
        ):
            made.clicked.connect(lambda _=False, action=action: desk.attempt(action))
        page.step_button.clicked.connect(self.step)
        page.stop_button.clicked.connect(self.stop)
        page.shown.connect(display.choose)
        control.arrived.connect(self._show_news)
        control.paused.connect(self._say_paused)
        control.ended.connect(self._end)
        control.noted.connect(desk.complained)
        control.doubted.connect(page.signs.show_doubts)
        desk.changed.connect(self.update_buttons)
        desk.opened.connect(self._opened)

    def run(self) -> None:
        """Start a reconstruction with the settings on screen; raises `InputError`."""
        self._idle()
        dataset = self._desk.needed_dataset
        self.begin(Job(self._steps.recipe(), dataset))

    def quick_look(self) -> None:
        """Start a first impression of the settings on screen; raises `InputError`."""
        self._idle()
        dataset = self._desk.needed_dataset
        self.begin(Job(quick_look(self._steps.recipe(), dataset), dataset, name="quick look"))

    def proceed(self, iterations: int | None = None) -> None:
        """Go on with the result on screen: to its end, or so many iterations further (`InputError`)."""
        self._idle()
        result = self._desk.needed_result
        wanted = self._steps.run.more.value() if iterations is None else iterations
        recipe = further(result, wanted)
        entry = self.book.of(result)
        if entry is not None and entry.job is not None:
            job = entry.job
        elif self._desk.source is not None:
            job = Job(recipe, self._desk.source)
        else:
            raise InputError(f"The data of this result are not open: open {recipe.data.file} first.")
        self.begin(replace(job, recipe=recipe, resume=result), entry)

    def begin(self, job: Job, entry: Entry | None = None, of: str = "") -> Entry:
        """Start a run, or go on with one that is in the book; raises `InputError`."""
        self._idle()
        desk, steps, page = self._desk, self._steps, self._steps.run
        desk.source = job.dataset if job.still is None else None
        desk.result, desk.found = job.resume, None
        steps.analyse.clear()
        self.starting.emit()
        page.turn("watch")
        if entry is None:
            name = self._display.begin_run(job.name or None)
            entry = self.book.add(Entry(name, job, of=of))
            page.start()
        entry.job, entry.state, entry.note = job, "running", ""
        if entry is not self.present:
            self._before = self.present
        self.present, self._wish = entry, None
        steps.footer.begin(job.recipe.iterations)
        self.activity.begin(entry.name, job.recipe.iterations)
        desk.said.emit(f"{entry.name}: getting ready")
        self._start(job, entry)
        steps.run.stages.fold.open(False)
        desk.changed.emit()
        return entry

    def pause_or_resume(self) -> None:
        """Wait after the iteration in work, or go on; raises `InputError`."""
        if self._control.pausing:
            self.resume()
        else:
            self.pause()

    def pause(self) -> None:
        """Wait after the iteration in work; what the stages are then changed to counts from there on."""
        if self._control.running:
            self._control.pause()
            if self.present is not None and self.present.job is not None:
                self._desk.replacing.emit(f"the stages of {self.present.name}")
                self._steps.run.stages.set_value(self.present.job.recipe.stages)
            self._desk.said.emit("Pausing after this iteration")
            self._desk.changed.emit()

    def resume(self) -> None:
        """Go on after `pause`, with the stages as they stand on screen; raises `InputError`."""
        job = None if self.present is None else self.present.job
        if job is not None and self._control.pausing and self._desk.result is not None:
            stages = self._steps.run.stages.value()
            if stages != job.recipe.stages:
                steered(self._desk.result, stages)
                self._wish = stages
                self._desk.said.emit("Going on with the changed stages")
                self._control.stop()
        self._steps.run.turn("watch")
        self._control.resume()
        self._desk.changed.emit()

    def step(self) -> None:
        """Do one iteration and wait."""
        if self._control.running:
            self._control.step()
            self._desk.changed.emit()

    def stop(self) -> None:
        """End after the iteration in work; its result is kept."""
        if self._control.running:
            self._wish = None
            self._control.stop()
            self._desk.said.emit("Stopping after this iteration")

    def checkpoint(self) -> None:
        """Write the copy of the present result now; raises `InputError`."""
        done = len(self._desk.needed_result.history)
        where = self._control.checkpoint()
        if where is not None:
            self._desk.said.emit(f"Iteration {done} is kept in {where}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to a file; raises `InputError` or `OSError`."""
        result = self._desk.needed_result
        if self._control.running:
            self._control.save(Path(path))
        else:
            result.save(path)
        entry = self.book.of(result)
        if entry is not None and entry is self.present:
            self._control.saved(path)
        if entry is not None:
            entry.file = Path(path)
        self._steps.footer.show_copy(self._control.copy)
        self._desk.said.emit(f"Saved {path}")

    def show(self, name: str) -> None:
        """Put an earlier run on the desk and on the screen; raises `InputError`."""
        self._idle()
        entry = self.book.find(name)
        result = self.bring(entry)
        done = counted(len(result.history), "iteration")
        self._desk.said.emit(f"{name}: {done}, loss {result.history.loss[-1]:.4g}")

    def bring(self, entry: Entry) -> Result:
        """Put a run on the desk and on the screen, without a word; raises `InputError`."""
        result = entry.needed()
        entry.find_data()
        desk, page = self._desk, self._steps.run
        self.present = entry
        desk.result, desk.found = result, None
        desk.source = None if entry.job is None or entry.job.still is not None else entry.job.dataset
        self._steps.analyse.clear()
        self._display.show_run(entry.name, result, View.of(result))
        page.start()
        page.show_result(result)
        desk.changed.emit()
        return result

    def update_buttons(self) -> None:
        """Enable what can be done now."""
        desk, control = self._desk, self._control
        result = desk.result
        entry = self.book.of(result)
        known = desk.source is not None or (entry is not None and entry.job is not None)
        left = 0 if result is None or control.running else max(result.recipe.iterations - self._done, 0)
        self._steps.run.show_state(
            RunState(
                can_run="" if desk.dataset is not None else "Open a scan first (step 1)",
                running=control.running,
                pausing=control.pausing,
                has_result=result is not None,
                can_proceed="" if known else "The data of this result are not open",
                left=left,
            )
        )

    @property
    def running(self) -> bool:
        """Whether a run is going on, paused or not."""
        return self._control.running

    @property
    def _done(self) -> int:
        return 0 if self._desk.result is None else len(self._desk.result.history)

    def _idle(self) -> None:
        if self._control.running:
            raise InputError("A run is going on; stop it first.")

    def _start(self, job: Job, entry: Entry) -> None:
        # What goes on writes its own copy further, but never a file of the user's.
        own = self._control.own_copy(entry.file) if job.resume is not None else None
        self._control.start(job, own or new_copy(job.dataset.name, self.book.waiting))
        entry.file = self._control.copy
        self._steps.footer.show_copy(self._control.copy)

    def _opened(self, name: str, file: str) -> None:
        """Note a result that was opened, by the dock or by napari, and lies on the desk."""
        if name not in self._display.runs:
            self._display.adopt_run(name)
        known = [entry for entry in self.book.entries if (entry.name, entry.file) == (name, Path(file))]
        # napari tells of each of its layers.
        self.present = known[0] if known else self.book.add(Entry(name, state="opened", file=Path(file)))
        result, source = self._desk.result, self._desk.source
        self.present.result = result
        if result is not None and source is not None:
            self.present.job = Job(result.recipe, source)
        self.book.changed.emit()
        self._steps.run.turn("watch")
        self.update_buttons()

    def _show_news(self, news: News, view: View | None) -> None:
        desk, steps = self._desk, self._steps
        progress: Progress = news.progress
        first, desk.result = desk.result is None, progress.result
        if self.present is not None:
            self.present.result = progress.result
        if view is not None:
            self._display.show_result(progress.result, view)
        steps.run.show_result(progress.result)
        steps.run.watch.show_facts(facts(news))
        steps.run.signs.show_alarms(progress.health.alarms)
        steps.run.signs.show_news(news.told)
        if self._control.pausing:
            steps.footer.show_count(progress.iteration)
        else:
            steps.footer.show_progress(progress)
        if first:
            desk.changed.emit()
        # napari's bar has all that waits drawn at once: after the rest of the news.
        QTimer.singleShot(0, lambda: self.activity.show(progress.iteration))
        self.progressed.emit(progress)

    def _say_paused(self) -> None:
        self._display.settle()
        text = f"{self._display.run_name} waits after iteration {self._done}. Resume goes on."
        self._desk.said.emit(text)
        self._desk.changed.emit()

    def _end(self, error: Exception | None) -> None:
        entry, wish, self._wish = self.present, self._wish, None
        if wish is not None and error is None and entry is not None and self._desk.result is not None:
            self._go_on(entry, wish)
            return
        self.activity.end()
        name, done = self._display.run_name, self._done
        text, stopped = "" if error is None else in_words(error), self._control.stopping
        if entry is not None:
            entry.state = "failed" if text else "stopped" if stopped else "finished"
            entry.note = text
        self._display.settle()
        self._steps.run.watch.redraw()
        self._desk.changed.emit()
        self.book.changed.emit()
        if text:
            back = self._back() if done == 0 else ""
            self._desk.complained.emit(failed(name, done, text) + back)
            self.failed.emit(text)
        else:
            odd = self._steps.run.signs.count > 0
            self._desk.said.emit(ended(name, done, stopped=stopped, odd=odd))
            self.finished.emit()
        self.over.emit(entry)

    def _back(self) -> str:
        """Bring the run before back, of one that found nothing; returns what to say of it."""
        entry = self._before
        if entry is None or entry not in self.book.entries:
            return ""
        with suppress(InputError, OSError):
            self.bring(entry)
            return f" {entry.name} is shown again."
        return ""

    def _go_on(self, entry: Entry, stages: tuple[Stage, ...]) -> None:
        """Go on with changed stages, in the same layers and the same copy."""
        result = self._desk.needed_result
        assert entry.job is not None
        job = replace(entry.job, recipe=steered(result, stages), resume=result)
        entry.job = job
        self._steps.run.stages.set_value(job.recipe.stages)
        self._steps.footer.begin(job.recipe.iterations)
        self._start(job, entry)
        self._desk.changed.emit()
