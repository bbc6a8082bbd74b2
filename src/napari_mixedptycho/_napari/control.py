"""One run at a time, brought to the screen five times a second."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_mixedptycho._napari.remarks import doubts
from napari_mixedptycho._napari.runner import Runner
from napari_mixedptycho._napari.unsaved import is_copy, kept, new_copy
from napari_mixedptycho.checkpoint import Saver
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import prepare
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct

INTERVAL = 180
"""Milliseconds between looks into the mailbox: a little over five updates of the screen per second."""


class Control(QObject):
    """Starts, pauses and ends runs, and looks into their mailbox.

    Signals
    -------
    arrived
        `News` of the run.
    paused
        The run waits between two iterations.
    ended
        The `Runner`, which has ended.
    noted
        What a person should know and cannot see: that the result could not be copied.
    doubted
        What may be wrong with data or recipe: a tuple of sentences, once per run, before its first news.
    """

    arrived = Signal(object)
    paused = Signal()
    ended = Signal(object)
    noted = Signal(str)
    doubted = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._runner: Runner | None = None
        self._was_paused = False
        self._copy: Path | None = None
        self._notes: deque[str] = deque()
        self._doubts: deque[tuple[str, ...]] = deque()
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._look)

    @property
    def running(self) -> bool:
        """Whether a run is going on, paused or not."""
        return self._runner is not None

    @property
    def pausing(self) -> bool:
        """Whether a pause was asked for."""
        return self._runner is not None and self._runner.pausing

    @property
    def waiting(self) -> bool:
        """Whether the run waits between two iterations."""
        return self._runner is not None and self._runner.paused

    @property
    def copy(self) -> Path | None:
        """The copy of the present result, which nobody has saved yet; it may not be written yet."""
        return self._copy

    def start(self, recipe: Recipe, dataset: Dataset) -> None:
        """Begin a run."""
        self._was_paused = False
        self._copy = new_copy(dataset.name)
        saver = Saver(self._copy, recipe.run.checkpoint, self._notes.append)
        self._doubts.clear()
        self._runner = Runner(lambda: kept(self._steps(recipe, dataset), saver))
        self._runner.start()
        self._timer.start()

    def pause(self) -> None:
        """Wait after the iteration in work."""
        if self._runner is not None:
            self._runner.pause()

    def resume(self) -> None:
        """Go on."""
        if self._runner is not None:
            self._runner.resume()

    def stop(self) -> None:
        """End after the iteration in work."""
        if self._runner is not None:
            self._runner.stop()

    def opened(self, path: str | os.PathLike[str]) -> None:
        """Note that the result on screen is that of a file."""
        self._copy = Path(path) if is_copy(path) else None

    def saved(self, path: str | os.PathLike[str]) -> None:
        """Note that the result is safe in a file of the user's own: its copy may go."""
        if self._copy is not None and not self.running and not is_copy(path):
            with suppress(OSError):
                self._copy.unlink()
            self._copy = None

    def shutdown(self) -> None:
        """End the run and wait for it, without another word."""
        self._timer.stop()
        if self._runner is not None:
            self._runner.stop()
            self._runner.wait()
            self._runner = None

    def _steps(self, recipe: Recipe, dataset: Dataset) -> Iterator[Progress]:
        """Reconstruct; in the thread of the run."""
        prepared = prepare(recipe, dataset)
        self._doubts.append(doubts(recipe, dataset, prepared.warnings))
        yield from reconstruct(recipe, prepared)

    def _look(self) -> None:
        runner = self._runner
        if runner is None:
            return
        # Asked in this order, no news can come between the last look and the end.
        over, waiting = runner.over, runner.paused
        news = runner.take()
        while self._notes:
            self.noted.emit(self._notes.popleft())
        while self._doubts:
            self.doubted.emit(self._doubts.popleft())
        if news is not None:
            self.arrived.emit(news)
        if waiting and not self._was_paused:
            self.paused.emit()
        self._was_paused = waiting
        if over:
            self._timer.stop()
            runner.wait()
            self._runner = None
            self.ended.emit(runner)


def in_words(error: Exception) -> str:
    """Return what to tell of an error; what is not the user's is named, so that it can be reported."""
    text, name = str(error), type(error).__name__
    if isinstance(error, InputError):
        return text
    return f"{name}: {text}" if text else name
