"""Starting, pausing and ending runs, and bringing them to the pages and the viewer."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial

from qtpy.QtCore import QObject, Signal

from napari_mixedptycho._napari.control import Control, in_words
from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.remarks import cost, ended, failed
from napari_mixedptycho._napari.runner import News, Runner
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.reconstruct import Progress


class Runs(QObject):
    """The run going on.

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
    """

    starting = Signal()
    progressed = Signal(object)
    finished = Signal()
    failed = Signal(str)

    def __init__(self, desk: Desk, steps: Steps, display: Display, control: Control) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._display, self._control = desk, steps, display, control
        page = steps.run
        page.run_button.clicked.connect(lambda: desk.attempt(self.run))
        page.pause_button.clicked.connect(lambda: self.resume() if control.pausing else self.pause())
        page.stop_button.clicked.connect(self.stop)
        page.stages.changed.connect(partial(self._estimate, "run"))
        page.shown.connect(display.choose)
        steps.shown.connect(self._estimate)
        control.arrived.connect(self._show_news)
        control.paused.connect(self._say_paused)
        control.ended.connect(self._end)
        control.noted.connect(desk.complained)
        control.doubted.connect(page.signs.show_doubts)
        desk.changed.connect(self._update_buttons)

    def run(self) -> None:
        """Start a reconstruction with the settings on screen; raises `InputError`."""
        if self._control.running:
            raise InputError("A run is going on; stop it first.")
        desk, steps = self._desk, self._steps
        dataset, recipe = desk.needed_dataset, steps.recipe()
        desk.source = dataset
        desk.result = desk.found = None
        steps.analyse.clear()
        self.starting.emit()
        name = self._display.begin_run()
        steps.run.start()
        steps.footer.begin(recipe.iterations)
        desk.said.emit(f"{name}: getting ready")
        self._control.start(recipe, dataset)
        steps.footer.show_copy(self._control.copy)
        steps.run.stages.fold.open(False)
        desk.changed.emit()

    def pause(self) -> None:
        """Wait after the iteration in work."""
        if self._control.running:
            self._control.pause()
            self._desk.said.emit("Pausing after this iteration")
            self._desk.changed.emit()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._control.resume()
        self._desk.changed.emit()

    def stop(self) -> None:
        """End after the iteration in work; its result is kept."""
        if self._control.running:
            self._control.stop()
            self._desk.said.emit("Stopping after this iteration")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to a file; raises `InputError` or `OSError`."""
        self._desk.needed_result.save(path)
        self._control.saved(path)
        self._steps.footer.show_copy(self._control.copy)
        self._desk.said.emit(f"Saved {path}")

    @property
    def _done(self) -> int:
        return 0 if self._desk.result is None else len(self._desk.result.history)

    def _show_news(self, news: News) -> None:
        desk, steps = self._desk, self._steps
        progress: Progress = news.progress
        first, desk.result = desk.result is None, progress.result
        if news.view is not None:
            self._display.show_result(progress.result, news.view)
        steps.run.show_result(progress.result)
        steps.run.signs.show_alarms(progress.health.alarms)
        if not self._control.pausing:
            steps.footer.show_progress(progress)
        if first:
            desk.changed.emit()
        self.progressed.emit(progress)

    def _say_paused(self) -> None:
        text = f"{self._display.run_name} waits after iteration {self._done}. Resume goes on."
        self._desk.said.emit(text)

    def _end(self, runner: Runner) -> None:
        self._desk.changed.emit()
        name, done = self._display.run_name, self._done
        if runner.error is None:
            odd = self._steps.run.signs.count > 0
            self._desk.said.emit(ended(name, done, stopped=runner.stopping, odd=odd))
            self.finished.emit()
            return
        text = in_words(runner.error)
        self._desk.complained.emit(failed(name, done, text))
        self.failed.emit(text)

    def _update_buttons(self) -> None:
        self._steps.run.show_state(
            can_run="" if self._desk.dataset is not None else "Open a scan first (step 1)",
            running=self._control.running,
            pausing=self._control.pausing,
            has_result=self._desk.result is not None,
        )

    def _estimate(self, step: str) -> None:
        dataset = self._desk.dataset
        if step == "run" and dataset is not None and not self._control.running:
            with suppress(InputError):
                self._steps.run.show_cost(*cost(self._steps.recipe(), dataset))
