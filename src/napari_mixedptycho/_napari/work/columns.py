"""Finding the columns of the result, and writing down what was found."""

from __future__ import annotations

import os
from pathlib import Path

from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.findings import Findings
from napari_mixedptycho._napari.images import region_offset
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho.errors import InputError


class Columns:
    """The columns of the result on the desk."""

    def __init__(self, desk: Desk, steps: Steps, display: Display) -> None:
        self._desk, self._steps, self._display = desk, steps, display
        steps.analyse.find_button.clicked.connect(lambda: desk.attempt(self.find))
        desk.changed.connect(self._update_buttons)

    def find(self) -> None:
        """Find the columns of the result and show where they are in every state; raises `InputError`."""
        desk, steps = self._desk, self._steps
        found = Findings.of(desk.needed_result, desk.source, steps.motion_settings())
        desk.found = found
        self._display.show_columns(found.motion, region_offset(found.result))
        steps.analyse.show_motion(found.motion, found.comparison, found.settings)
        desk.said.emit(found.note or f"Found {found.motion.n_columns} columns in {self._display.run_name}.")
        desk.changed.emit()

    def export(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write ``columns.csv`` and the figures into a folder; returns the files."""
        if self._desk.found is None:
            raise InputError("Find the columns first.")
        written = self._desk.found.export(folder)
        self._desk.said.emit(f"Wrote {len(written)} files to {folder}")
        return written

    def _update_buttons(self) -> None:
        has_result, has_columns = self._desk.result is not None, self._desk.found is not None
        self._steps.analyse.show_state(has_result=has_result, has_columns=has_columns)
