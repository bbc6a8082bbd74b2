"""The dock "Mixed-object ptychography": what its buttons do, by the same names for scripts."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_mixedptycho._napari.ask import Ask
from napari_mixedptycho._napari.control import Control, in_words
from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.findings import Findings
from napari_mixedptycho._napari.images import View, region_offset
from napari_mixedptycho._napari.reader import is_result
from napari_mixedptycho._napari.remarks import cost, ended, failed
from napari_mixedptycho._napari.remember import recall, remember
from napari_mixedptycho._napari.runner import News, Runner
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho._napari.window import Guard
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress
from napari_mixedptycho.result import Result

if TYPE_CHECKING:
    from napari.components import ViewerModel

PathLike = str | os.PathLike[str]


class MixedPtychoWidget(QWidget):
    """The dock.

    Methods raise `InputError` when they cannot do what is asked; the buttons show its sentence instead.

    Parameters
    ----------
    napari_viewer
        Where the layers go.

    Signals
    -------
    progressed
        The screen was brought up to date, at most five times a second; carries the `Progress`.
    finished
        A run has ended, or was stopped; its result is complete.
    failed
        A run has ended with an error, which it carries in words; `result` is what had been reached.
    """

    progressed = Signal(object)
    finished = Signal()
    failed = Signal(str)

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self.setObjectName("MixedPtychoWidget")
        self._dataset: Dataset | None = None
        self._result: Result | None = None
        self._source: Dataset | None = None
        self._found: Findings | None = None
        self.control = Control(self)
        self.steps = Steps()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.steps)
        self.display = Display(napari_viewer, self)
        recipe, motion = recall()
        self.steps.set_recipe(recipe)
        self.steps.analyse.form.set_value(motion)
        self._connect()
        self._guard = Guard(self, lambda: self.running, self.shutdown, partial(self.attempt, self.open))
        self._update_buttons()
        self.display.adopt_present()

    def open(self, path: PathLike) -> None:
        """Open a scan, a sample (``sample:si_sigma9``) or a saved result; raises `InputError`."""
        file = os.fspath(path)
        if not file.startswith("sample:") and is_result(file):
            self._open_result(file)
            return
        self._adopt(self.steps.opened(file), file)
        assert self._dataset is not None
        self.display.show_dataset(self._dataset, file)

    def run(self) -> None:
        """Start a reconstruction with the settings on screen; raises `InputError`."""
        if self.running:
            raise InputError("A run is going on; stop it first.")
        if self._dataset is None:
            raise InputError("Open a scan first.")
        recipe, dataset = self.steps.recipe(), self._dataset
        self._source = dataset
        self._result = self._found = None
        self.steps.analyse.clear()
        self._guard.watch()
        name = self.display.begin_run()
        self.steps.run.start()
        self.steps.footer.begin(recipe.iterations)
        self.steps.footer.say(f"{name}: getting ready")
        self.control.start(recipe, dataset)
        self.steps.footer.show_copy(self.control.copy)
        self.steps.run.stages.fold.open(False)
        self._update_buttons()

    def pause(self) -> None:
        """Wait after the iteration in work."""
        if self.running:
            self.control.pause()
            self.steps.footer.say("Pausing after this iteration")
            self._update_buttons()

    def resume(self) -> None:
        """Go on after `pause`."""
        self.control.resume()
        self._update_buttons()

    def stop(self) -> None:
        """End after the iteration in work; its result is kept."""
        if self.running:
            self.control.stop()
            self.steps.footer.say("Stopping after this iteration")

    def find_columns(self) -> None:
        """Find the columns of the result and show where they are in every state; raises `InputError`."""
        found = Findings.of(self._needed_result(), self._source, self.steps.motion_settings())
        self._found = found
        self.display.show_columns(found.motion, region_offset(found.result))
        self.steps.analyse.show_motion(found.motion, found.comparison, found.settings)
        self.steps.footer.say(
            found.note or f"Found {found.motion.n_columns} columns in {self.display.run_name}."
        )
        self._update_buttons()

    def save(self, path: PathLike) -> None:
        """Write the result to a file; raises `InputError` or `OSError`."""
        self._needed_result().save(path)
        self.control.saved(path)
        self.steps.footer.show_copy(self.control.copy)
        self.steps.footer.say(f"Saved {path}")

    def export(self, folder: PathLike) -> list[Path]:
        """Write ``columns.csv`` and the figures into a folder; returns the files."""
        if self._found is None:
            raise InputError("Find the columns first.")
        written = self._found.export(folder)
        self.steps.footer.say(f"Wrote {len(written)} files to {folder}")
        return written

    def recipe(self) -> Recipe:
        """Return the settings on screen; raises `InputError` that names the first wrong entry."""
        return self.steps.recipe()

    def set_recipe(self, recipe: Recipe) -> None:
        """Show settings; a data file that they name and that is not open is opened."""
        file = self.steps.data.form.value().file
        given = "file" in recipe.data.model_fields_set
        named = recipe.data.file if given else file
        data = recipe.data.model_copy(update={"file": named})
        self.steps.set_recipe(recipe.model_copy(update={"data": data}))
        if given and (named != file or self._dataset is None):
            self.open(named)

    @property
    def result(self) -> Result | None:
        """The newest result: of the run going on, of the last one, or of the file that was opened."""
        return self._result

    @property
    def dataset(self) -> Dataset | None:
        """The open scan."""
        return self._dataset

    @property
    def running(self) -> bool:
        """Whether a run is going on, paused or not."""
        return self.control.running

    @property
    def paused(self) -> bool:
        """Whether the run waits between two iterations."""
        return self.control.waiting

    def shutdown(self) -> None:
        """End the run and wait for it; let go of the viewer. May be called again."""
        self.control.shutdown()
        self.display.release()

    def attempt(self, action: Callable[..., Any], *arguments: Any) -> None:
        """Do what a button asks for; what goes wrong is said on the screen."""
        try:
            action(*arguments)
        except (InputError, OSError) as error:
            self._complain(str(error))

    def adopt_file(self, file: str, *, result: bool) -> None:
        """Take over what napari itself has opened."""
        if not self.running:
            self.attempt(self._adopt_file, file, result)

    def show_point(self, position: tuple[float, float]) -> None:
        """Show the pattern of the scan point nearest to a position (y, x), Å."""
        if self._dataset is not None:
            self.steps.data.show_position(self._dataset, position)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        self.steps.set_palette(palette)

    def _connect(self) -> None:
        steps = self.steps
        steps.data.opened.connect(partial(self.attempt, self.open))
        steps.data.mean_wanted.connect(self._show_mean)
        steps.run.run_button.clicked.connect(lambda: self.attempt(self.run))
        pressed = steps.run.pause_button.clicked
        pressed.connect(lambda: self.resume() if self.control.pausing else self.pause())
        steps.run.stop_button.clicked.connect(self.stop)
        steps.shown.connect(self._estimate)
        steps.run.stages.changed.connect(partial(self._estimate, "run"))
        steps.run.shown.connect(self.display.choose)
        steps.analyse.find_button.clicked.connect(lambda: self.attempt(self.find_columns))
        self.control.arrived.connect(self._show_news)
        self.control.paused.connect(self._say_paused)
        self.control.ended.connect(self._end)
        self.control.noted.connect(self._complain)
        self.control.doubted.connect(steps.run.signs.show_doubts)
        self._ask = Ask(self, self)
        self._ask.connect()
        for form in steps.forms:
            form.changed.connect(self._remember)

    def _show_news(self, news: News) -> None:
        progress: Progress = news.progress
        first, self._result = self._result is None, progress.result
        if news.view is not None:
            self.display.show_result(progress.result, news.view)
        self.steps.run.show_result(progress.result)
        self.steps.run.signs.show_alarms(progress.health.alarms)
        if not self.control.pausing:
            self.steps.footer.show_progress(progress)
        if first:
            self._update_buttons()
        self.progressed.emit(progress)

    def _say_paused(self) -> None:
        self.steps.footer.say(f"{self.display.run_name} waits after iteration {self._done}. Resume goes on.")

    @property
    def _done(self) -> int:
        return 0 if self._result is None else len(self._result.history)

    def _end(self, runner: Runner) -> None:
        self._update_buttons()
        name, done = self.display.run_name, self._done
        if runner.error is None:
            odd = self.steps.run.signs.count > 0
            self.steps.footer.say(ended(name, done, stopped=runner.stopping, odd=odd))
            self.finished.emit()
            return
        text = in_words(runner.error)
        self._complain(failed(name, done, text))
        self.failed.emit(text)

    def _adopt(self, dataset: Dataset, file: str) -> None:
        data = self.steps.data.form.value()
        self.steps.data.form.set_value(data.model_copy(update={"file": file}))
        self._dataset = dataset
        self.steps.show_dataset(dataset)
        self.steps.footer.say(f"Opened {dataset.name}")
        self._update_buttons()

    def _adopt_file(self, file: str, result: bool) -> None:
        if result:
            self._adopt_result(file)
        elif self._dataset is None or file != self.steps.data.form.value().file:
            self._adopt(self.steps.opened(file), file)

    def _open_result(self, file: str) -> None:
        if self.running:
            raise InputError("A run is going on; stop it first.")
        result = self._adopt_result(file)
        if self._source is not None:
            self.display.show_dataset(self._source, result.recipe.data.file)
        self.display.begin_run(Path(file).stem)
        self.display.show_result(result, View.of(result))

    def _adopt_result(self, file: str) -> Result:
        self._result = result = Result.load(file)
        self.control.opened(file)
        self.steps.footer.show_copy(self.control.copy)
        self._found = None
        self.steps.analyse.clear()
        self.steps.run.start()
        self.steps.run.show_result(result)
        self._source = None
        try:
            self._source = open_dataset(result.recipe)
        except InputError as error:
            note = f" Its data are not here: {error}"
        else:
            self._adopt(self._source, result.recipe.data.file)
            note = ""
        self.steps.set_recipe(result.recipe)
        self.steps.footer.say(f"Opened a result of {len(result.history)} iterations.{note}")
        self._update_buttons()
        return result

    def _show_mean(self) -> None:
        if self._dataset is not None:
            self.steps.data.show_pattern(self._dataset, None)

    def _needed_result(self) -> Result:
        if self._result is None:
            raise InputError("There is no result yet: run a reconstruction or open a result.")
        return self._result

    def _update_buttons(self) -> None:
        has_result = self._result is not None
        self.steps.run.show_state(
            can_run="" if self._dataset is not None else "Open a scan first (step 1)",
            running=self.running,
            pausing=self.control.pausing,
            has_result=has_result,
        )
        self.steps.analyse.show_state(has_result=has_result, has_columns=self._found is not None)

    def _estimate(self, step: str) -> None:
        if step == "run" and self._dataset is not None and not self.running:
            with suppress(InputError):
                self.steps.run.show_cost(*cost(self.steps.recipe(), self._dataset))

    def _remember(self) -> None:
        # Half-typed entries are framed in red; the next change tries again.
        with suppress(InputError):
            remember(self.steps.recipe(), self.steps.motion_settings())

    def _complain(self, text: str) -> None:
        self.steps.footer.say(text, error=True)
        show_error(text)
