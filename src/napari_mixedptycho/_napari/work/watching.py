"""What is looked at while a run goes on, or afterwards: patterns of a scan point, states in turn."""

from __future__ import annotations

import time

import numpy as np
from qtpy.QtCore import QObject

from napari_mixedptycho._napari.background import Background
from napari_mixedptycho._napari.control import Control, in_words
from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.images import region_offset
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.runs import Runs
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.one_pattern import Compared, compare_pattern, nearest_point
from napari_mixedptycho.prepare import Prepared, prepare
from napari_mixedptycho.result import Result

_EVERY = 1.0
"""Seconds between predictions while a run goes on: each takes the engine's cores for a moment."""
_REACH = 1.5
"""Scan steps, within which a click means a scan point."""


class Watching(QObject):
    """Brings patterns and states to the screen."""

    def __init__(self, desk: Desk, steps: Steps, display: Display, control: Control, runs: Runs) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._display, self._control, self._runs = (
            desk,
            steps,
            display,
            control,
            runs,
        )
        self._watch = steps.run.watch
        self._work = Background("mixedptycho pattern", self)
        self._work.arrived.connect(self._show)
        self._work.failed.connect(lambda error: desk.complained.emit(in_words(error)))
        self._point: int | None = None
        self._last = 0.0
        self._kept: tuple[Result, Prepared] | None = None
        self._watch.played.connect(lambda: display.step_state(1))
        self._watch.turned.connect(lambda _: self.refresh())
        runs.progressed.connect(lambda _: self._follow())
        runs.over.connect(lambda _: self.refresh())
        runs.starting.connect(self._forget)

    def show_point(self, position: tuple[float, float]) -> None:
        """Compare the pattern of the scan point nearest to a position (y, x), Å, in the viewer's frame."""
        result = self._desk.result
        step = None if result is None else result.recipe.microscope.scan_step
        if result is None or step is None:
            return
        y, x = np.subtract(position, region_offset(result))
        point = nearest_point(result, (float(y), float(x)), _REACH * step)
        if point is not None:
            self._point = point
            self.refresh()

    def refresh(self) -> None:
        """Compare the chosen scan point anew, where the chart is in view."""
        result, point = self._desk.result, self._point
        if result is None or point is None or self._watch.chart != "pattern" or point >= _points(result):
            return
        self._last = time.monotonic()
        columns = result.scan_shape[1]
        if self._control.running:
            # By the engine, with its latest estimate.
            self._work.ask(lambda post: post((point, columns, self._control.compare(point))))
        else:
            self._work.ask(lambda post: post((point, columns, self._compared(result, point))))

    def shutdown(self) -> None:
        """Wait for what is being computed."""
        self._work.shutdown()
        self._kept = None

    def _follow(self) -> None:
        if time.monotonic() - self._last > _EVERY and not self._work.busy:
            self.refresh()

    def _forget(self) -> None:
        self._kept = None

    def _compared(self, result: Result, point: int) -> tuple[int, Compared]:
        """Compare; in a thread. The data are made ready once."""
        kept = self._kept
        if kept is None or kept[0].recipe is not result.recipe:
            kept = self._kept = (result, prepare(result.recipe, self._needed_data()))
        return len(result.history), compare_pattern(kept[1], result, point)

    def _needed_data(self) -> Dataset:
        return self._desk.source if self._desk.source is not None else self._desk.needed_dataset

    def _show(self, found: tuple[int, int, tuple[int, Compared] | None]) -> None:
        point, columns, compared = found
        if compared is not None:
            row, column = divmod(point, columns)
            title = f"Scan point ({row}, {column}), iteration {compared[0]}"
            self._watch.patterns.show_point(compared[1], title)


def _points(result: Result) -> int:
    return result.scan_shape[0] * result.scan_shape[1]
