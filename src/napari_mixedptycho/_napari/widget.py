"""The dock "Mixed-object ptychography": its parts put together, and what its buttons do, for scripts."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_mixedptycho._napari.ask import Ask
from napari_mixedptycho._napari.busy import Busy
from napari_mixedptycho._napari.control import Control
from napari_mixedptycho._napari.copying import report
from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.keys import Keys
from napari_mixedptycho._napari.remember import recall, remember
from napari_mixedptycho._napari.run_names import DOCK
from napari_mixedptycho._napari.scan_layers import warm_up
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho._napari.window import Guard
from napari_mixedptycho._napari.work import (
    Believing,
    Calibrating,
    Columns,
    Comparing,
    Desk,
    Imaging,
    Inheriting,
    Lining,
    Masking,
    Modelling,
    Opening,
    Past,
    Pointing,
    Preflight,
    Runs,
    Watching,
    Writing,
)
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Recipe
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
        self.setObjectName(DOCK)
        self._meanwhile: list[str] = []
        self.control = Control(self)
        self.steps = Steps()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.steps)
        self.desk = Desk(self)
        self.display = Display(napari_viewer, self)
        recipe, motion, methods = recall()
        self.steps.set_recipe(recipe)
        self.steps.analyse.form.set_value(motion)
        self.steps.analyse.methods.set_value(methods)
        parts = self.desk, self.steps, self.display
        self.imaging = Imaging(*parts)
        self.masking = Masking(self.desk, self.steps, self.imaging)
        self.calibrating = Calibrating(self.desk, self.steps, self.imaging)
        self.opening = Opening(*parts, self.control, self.imaging)
        self.runs = Runs(*parts, self.control)
        self.inheriting = Inheriting(self.desk, self.display, self.runs)
        self.columns = Columns(*parts, self.runs.book)
        self.writing = Writing(self.desk, self.steps, self.runs.book)
        self.lining = Lining(self.desk, self.steps, self.runs)
        self.believing = Believing(*parts, self.runs, self.lining, self.columns)
        self.comparing = Comparing(*parts, self.runs, self.lining)
        self.watching = Watching(*parts, self.control, self.runs)
        self.pointing = Pointing(self.desk, self.steps, self.imaging, self.watching)
        self.preflight = Preflight(self.desk, self.steps, self.runs)
        self.past = Past(self.desk, self.steps, self.open)
        self.modelling = Modelling(self.desk, self.steps)
        self.busy = Busy(self.desk, self.runs.activity, self.runs.stop)
        self._connect()
        self._keys = Keys(
            napari_viewer,
            {
                "previous": partial(self.display.step_state, -1),
                "next": partial(self.display.step_state, 1),
                "blink": self.comparing.press,
                "scale": self.steps.run.loss.toggle_scale,
                "export": lambda: self._ask.export() if self.desk.found is not None else False,
                "pause": partial(self.attempt, self.runs.pause_or_resume),
            },
        )
        self.desk.changed.connect(lambda: self._keys.watch(self.running))
        self._guard = Guard(
            self, lambda: self.running, self.shutdown, partial(self.attempt, self.opening.try_open)
        )
        self.runs.starting.connect(self._guard.watch)
        self.desk.changed.emit()
        warm_up()
        self.display.adopt_present()
        self.inheriting.take_over()

    def open(self, path: PathLike) -> None:
        """Open a scan, a sample (``sample:si_sigma9``) or a saved result; raises `InputError`."""
        self.opening.open(path)

    def run(self) -> None:
        """Start a reconstruction with the settings on screen; raises `InputError`."""
        self.runs.run()

    def quick_look(self) -> None:
        """Start a first impression of the settings on screen, ready within a minute; raises `InputError`."""
        self.runs.quick_look()

    def proceed(self, iterations: int = 20) -> None:
        """Go on with the result: to the end of its recipe, or that many iterations further (`InputError`)."""
        self.runs.proceed(iterations)

    def pause(self) -> None:
        """Wait after the iteration in work."""
        self.runs.pause()

    def resume(self) -> None:
        """Go on after `pause`, with the stages on screen as they are now; raises `InputError`."""
        self.runs.resume()

    def stop(self) -> None:
        """End after the iteration in work; its result is kept."""
        self.runs.stop()

    def find_columns(self) -> None:
        """Find the columns of the result and show where they are in every state; raises `InputError`."""
        self.columns.find()

    def save(self, path: PathLike) -> None:
        """Write the result to a file; raises `InputError` or `OSError`."""
        self.runs.save(path)

    def export(self, folder: PathLike) -> list[Path]:
        """Write tables, EMD, TIFF, recipe and figures into a folder; returns the files."""
        return self.writing.export(folder)

    def report(self) -> str:
        """Return what was done and found, in words; raises `InputError`."""
        return report(self.desk.needed_result, self.display.run_name)

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
        if given and (named != file or self.dataset is None):
            self.open(named)

    @property
    def result(self) -> Result | None:
        """The newest result: of the run going on, of the last one, or of the file that was opened."""
        return self.desk.result

    @property
    def dataset(self) -> Dataset | None:
        """The open scan."""
        return self.desk.dataset

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
        self.calibrating.shutdown()
        self.imaging.shutdown()
        self.opening.shutdown()
        self.control.shutdown()
        self._keys.release()
        self.runs.activity.end()
        self.busy.shutdown()
        self.inheriting.leave()
        for part in (self.comparing, self.watching, self.preflight, self.lining, self.modelling):
            part.shutdown()
        self.writing.shutdown()
        self.columns.release()
        self.display.release()

    def attempt(self, action: Callable[..., Any], *arguments: Any) -> None:
        """Do what a button asks for; what goes wrong is said on the screen."""
        self.desk.attempt(action, *arguments)

    def adopt_file(self, file: str, *, result: bool) -> None:
        """Take over what napari itself has opened."""
        if not self.running:
            self.attempt(partial(self.opening.adopt_file, file, result=result))
        elif result:
            # napari tells of each of its layers; the table wants to know when all are there.
            self._meanwhile.append(file)
            QTimer.singleShot(0, self._note)

    def _note(self) -> None:
        files, self._meanwhile = self._meanwhile, []
        for file in dict.fromkeys(files):
            self.inheriting.note(file)

    def show_point(self, position: tuple[float, float]) -> None:
        """Show the column near a position (y, x), Å, and the pattern of the nearest scan point.

        In step 5 a column is meant alone: the cross of the scan point would hide it.
        """
        if not (self.columns.choose(position) and self.steps.step == "analyse"):
            self.opening.show_point(position)
            self.watching.show_point(position)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        self.steps.set_palette(palette)

    def _connect(self) -> None:
        self.desk.said.connect(self.steps.footer.say)
        self.desk.complained.connect(self._complain)
        self.steps.data.opened.connect(partial(self.attempt, self.opening.try_open))
        self.runs.progressed.connect(self.progressed)
        self.runs.finished.connect(self.finished)
        self.runs.failed.connect(self.failed)
        self._ask = Ask(self, self)
        self._ask.connect()
        for form in self.steps.forms:
            form.changed.connect(self._remember)
        self.desk.changed.connect(self._get_ready)

    def _get_ready(self) -> None:
        if self.dataset is not None:
            self.control.get_ready()

    def _remember(self) -> None:
        # Half-typed entries are framed in red; the next change tries again.
        with suppress(InputError):
            remember(self.steps.recipe(), self.steps.motion_settings(), self.steps.methods())

    def _complain(self, text: str) -> None:
        self.steps.footer.say(text, error=True)
        show_error(text)
