"""Opening scans and results, and looking at patterns."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari_mixedptycho._napari.background import Background, Post
from napari_mixedptycho._napari.control import Control, in_words
from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.missing import IncompleteError
from napari_mixedptycho._napari.reader import is_result
from napari_mixedptycho._napari.remember import note_recent
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.imaging import Imaging
from napari_mixedptycho._napari.work.reading import Opened, is_quick, read, seen_by
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.imaging import ScanGuess, guesses, traces
from napari_mixedptycho.io import Contents
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Data, Microscope
from napari_mixedptycho.result import Result
from napari_mixedptycho.words import counted


class Opening:
    """Puts scans and results on the desk, the pages and the viewer."""

    def __init__(
        self, desk: Desk, steps: Steps, display: Display, control: Control, imaging: Imaging
    ) -> None:
        self._desk, self._steps, self._display, self._control = desk, steps, display, control
        self._imaging = imaging
        self._shapes = Background("mixedptycho shapes", desk)
        self._shapes.arrived.connect(self._show_shapes)
        # Without pictures the shapes can be chosen all the same.
        self._shapes.failed.connect(lambda _: self._show_shapes(()))
        steps.data.questions.answered.connect(self._answer)
        self._reading = Background("mixedptycho opening", desk, "Opening a scan")
        self._reading.arrived.connect(self._arrived)
        self._reading.failed.connect(lambda error: desk.complained.emit(in_words(error)))

    def open(self, path: str | os.PathLike[str]) -> None:
        """Open a scan, a sample (``sample:si_sigma9``) or a saved result.

        Raises
        ------
        IncompleteError
            When the file does not say all that is needed; step 1 has begun to ask for it.
        InputError
            When it cannot be opened.
        """
        file = os.fspath(path)
        self._reading.cancel()
        if not file.startswith("sample:") and is_result(file):
            self._open_result(file)
        else:
            self._open_scan(file)
        note_recent(file)

    def try_open(self, path: str | os.PathLike[str]) -> None:
        """Open as a button does: large scans are read beside the window, and what is missing is asked for."""
        file = os.fspath(path)
        if is_result(file) or is_quick(file):
            self._try(partial(self.open, file))
            return
        data, microscope = self._wish(file)
        self._desk.said.emit(f"Opening {Path(file).name} …")
        self._reading.ask(lambda post: post(read(file, data, microscope)))

    @property
    def busy(self) -> bool:
        """Whether a scan is being read, to be shown once it is there."""
        return self._reading.busy

    def adopt_file(self, file: str, *, result: bool) -> None:
        """Take over what napari itself has opened; raises `InputError`."""
        if result:
            self._adopt_result(file)
            self._desk.opened.emit(Path(file).stem, file)
        elif self._desk.dataset is None or file != self._steps.data.form.value().file:
            self._try(partial(self._open_scan, file))

    def show_point(self, position: tuple[float, float]) -> None:
        """Show the pattern of the scan point nearest to a position (y, x), Å."""
        self._imaging.show_point(position)

    def show_mean(self) -> None:
        """Show the mean pattern."""
        self._imaging.show_mean()

    def _open_scan(self, file: str) -> None:
        self._take(read(file, *self._wish(file)))

    def _arrived(self, opened: Opened) -> None:
        def take() -> None:
            self._take(opened)
            note_recent(opened.file)

        self._desk.attempt(self._try, take)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except IncompleteError as asked:
            self._say_asked(asked)

    def _take(self, opened: Opened) -> None:
        """Put what was read on the desk, pages and viewer; raises `IncompleteError`."""
        file, questions = opened.file, self._steps.data.questions
        self._shapes.cancel()
        self._leave(file)
        if opened.asked is not None:
            self._show_incomplete(opened, opened.asked)
            raise opened.asked
        # Not before: what was measured with a number that is refused would stay.
        if opened.measured:
            self._steps.calibrate.set_value(opened.recipe.microscope)
        questions.clear()
        self._adopt(opened)

    def _wish(self, file: str) -> tuple[Data, Microscope]:
        """Return how a file shall be read: as is set, unless that was for another scan (`InputError`)."""
        if self._is_other(file):
            return Data(file=file), Microscope()
        return self._steps.data.form.value(), self._steps.calibrate.form.value()

    def _is_other(self, file: str) -> bool:
        return self._steps.data.form.value().file != file and (self._desk.dataset is not None or self._asking)

    def _leave(self, file: str) -> None:
        """Take back what was set for another scan: it would not fit this one."""
        form, calibrate = self._steps.data.form, self._steps.calibrate
        if not self._is_other(file):
            return
        self._desk.replacing.emit(f"the settings for {Path(file).name}")
        self._before = calibrate.form.value()
        form.set_value(Data(file=file))
        calibrate.set_value(Microscope())

    _before = Microscope()
    _asking = False
    """Whether what is set belongs to a file that did not say everything."""

    def _show_incomplete(self, opened: Opened, asked: IncompleteError) -> None:
        """Ask, and show what can be shown of a scan whose numbers are not all known."""
        desk, steps, file = self._desk, self._steps, opened.file
        data = steps.data.form.value()
        steps.data.form.set_value(data.model_copy(update={"file": file}))
        desk.dataset, self._asking = None, True
        typed = steps.calibrate.form.value().model_dump(exclude_none=True)
        steps.data.questions.ask(asked.missing, self._before.model_copy(update=typed))
        self._shapes.cancel()
        if asked.missing.patterns and asked.contents is not None:
            self._imaging.end()
            self._look_at_shapes(asked.contents)
        elif opened.looked is not None:
            self._imaging.begin(opened.looked, file)
        else:
            self._imaging.end()
        steps.data.show_asking()
        steps.show_step("data")
        desk.changed.emit()

    def _look_at_shapes(self, contents: Contents) -> None:
        """Show what the scan would look like in each of its likely shapes."""

        def job(post: Post) -> None:
            seen = traces(contents.patterns, lambda: post(None))
            post(guesses(seen, contents.scan_shapes))

        self._shapes.ask(job)

    def _show_shapes(self, found: tuple[ScanGuess, ...] | None) -> None:
        if found is not None:
            self._steps.data.questions.show_guesses(found)

    def shutdown(self) -> None:
        """End what goes on."""
        self._reading.shutdown()
        self._shapes.shutdown()

    def _say_asked(self, asked: IncompleteError) -> None:
        name = Path(asked.missing.file).name
        self._desk.said.emit(f"{name} does not say everything: step 1 asks for the rest")

    def _answer(self, data: dict[str, Any], microscope: dict[str, Any]) -> None:
        """Take what was asked for, and try again."""
        steps = self._steps
        settings = steps.data.form.value()
        steps.data.form.set_value(settings.model_copy(update=data))
        steps.calibrate.set_value(steps.calibrate.form.value().model_copy(update=microscope))
        self._desk.attempt(self.try_open, settings.file)

    def _adopt(self, opened: Opened) -> None:
        steps, dataset = self._steps, opened.dataset
        assert dataset is not None
        assert opened.looked is not None
        data = steps.data.form.value()
        steps.data.form.set_value(data.model_copy(update={"file": opened.file}))
        self._desk.dataset, self._asking = dataset, False
        steps.show_dataset(dataset)
        self._desk.said.emit(f"Opened {dataset.name}")
        self._desk.changed.emit()
        # Last: while the scan is read beside the window, an HDF5 file answers no other question at once.
        self._imaging.open(opened.looked, opened.file, opened.recipe)

    def _open_result(self, file: str) -> None:
        if self._control.running:
            raise InputError("A run is going on; stop it first.")
        result = self._adopt_result(file)
        name = self._display.begin_run(Path(file).stem)
        self._display.show_result(result, View.of(result))
        self._desk.opened.emit(name, file)

    def _adopt_result(self, file: str) -> Result:
        desk, steps = self._desk, self._steps
        desk.result = result = Result.load(file)
        self._control.opened(file)
        steps.footer.show_copy(self._control.copy)
        desk.found = None
        steps.analyse.clear()
        steps.run.start()
        steps.run.show_result(result)
        desk.source = None
        try:
            desk.source = open_dataset(result.recipe)
        except InputError as error:
            note = f" Its data are not here: {error}"
        else:
            self._adopt(seen_by(desk.source, result.recipe.data.file, result.recipe, {}))
            note = ""
        if result.forgotten:
            note += f" Left out, as settings of another version: {', '.join(result.forgotten)}."
        desk.replacing.emit(f"the settings of {Path(file).name}")
        steps.set_recipe(result.recipe)
        self._imaging.refresh()
        desk.said.emit(f"Opened a result of {counted(len(result.history), 'iteration')}.{note}")
        desk.changed.emit()
        return result
