"""Opening scans and results, and looking at patterns."""

from __future__ import annotations

import os
from pathlib import Path

from napari_mixedptycho._napari.control import Control
from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.reader import is_result
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.result import Result


class Opening:
    """Puts scans and results on the desk, the pages and the viewer."""

    def __init__(self, desk: Desk, steps: Steps, display: Display, control: Control) -> None:
        self._desk, self._steps, self._display, self._control = desk, steps, display, control

    def open(self, path: str | os.PathLike[str]) -> None:
        """Open a scan, a sample (``sample:si_sigma9``) or a saved result; raises `InputError`."""
        file = os.fspath(path)
        if not file.startswith("sample:") and is_result(file):
            self._open_result(file)
            return
        dataset = self._steps.opened(file)
        self._adopt(dataset, file)
        self._display.show_dataset(dataset, file)

    def adopt_file(self, file: str, *, result: bool) -> None:
        """Take over what napari itself has opened; raises `InputError`."""
        if result:
            self._adopt_result(file)
        elif self._desk.dataset is None or file != self._steps.data.form.value().file:
            self._adopt(self._steps.opened(file), file)

    def show_point(self, position: tuple[float, float]) -> None:
        """Show the pattern of the scan point nearest to a position (y, x), Å."""
        if self._desk.dataset is not None:
            self._steps.data.show_position(self._desk.dataset, position)

    def show_mean(self) -> None:
        """Show the mean pattern."""
        if self._desk.dataset is not None:
            self._steps.data.show_pattern(self._desk.dataset, None)

    def _adopt(self, dataset: Dataset, file: str) -> None:
        data = self._steps.data.form.value()
        self._steps.data.form.set_value(data.model_copy(update={"file": file}))
        self._desk.dataset = dataset
        self._steps.show_dataset(dataset)
        self._desk.said.emit(f"Opened {dataset.name}")
        self._desk.changed.emit()

    def _open_result(self, file: str) -> None:
        if self._control.running:
            raise InputError("A run is going on; stop it first.")
        result = self._adopt_result(file)
        if self._desk.source is not None:
            self._display.show_dataset(self._desk.source, result.recipe.data.file)
        self._display.begin_run(Path(file).stem)
        self._display.show_result(result, View.of(result))

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
            self._adopt(desk.source, result.recipe.data.file)
            note = ""
        if result.forgotten:
            note += f" Left out, as settings of another version: {', '.join(result.forgotten)}."
        steps.set_recipe(result.recipe)
        desk.said.emit(f"Opened a result of {len(result.history)} iterations.{note}")
        desk.changed.emit()
        return result
