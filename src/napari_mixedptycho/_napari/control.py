"""One run at a time, brought to the screen five times a second."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_mixedptycho._napari.runner import Runner
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct

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
    """

    arrived = Signal(object)
    paused = Signal()
    ended = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._runner: Runner | None = None
        self._was_paused = False
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

    def start(self, recipe: Recipe, dataset: Dataset) -> None:
        """Begin a run."""
        self._was_paused = False
        self._runner = Runner(partial(reconstruct, recipe, dataset))
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

    def shutdown(self) -> None:
        """End the run and wait for it, without another word."""
        self._timer.stop()
        if self._runner is not None:
            self._runner.stop()
            self._runner.wait()
            self._runner = None

    def _look(self) -> None:
        runner = self._runner
        if runner is None:
            return
        # Asked in this order, no news can come between the last look and the end.
        over, waiting = runner.over, runner.paused
        news = runner.take()
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
