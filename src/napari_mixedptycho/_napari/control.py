"""One run at a time, brought to the screen five times a second, or as often as leaves the engine its time."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_mixedptycho._napari.background import Background
from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.jobs import Job
from napari_mixedptycho._napari.preferences import preference
from napari_mixedptycho._napari.remarks import doubts
from napari_mixedptycho._napari.runner import News, Runner
from napari_mixedptycho._napari.unsaved import is_copy, kept
from napari_mixedptycho.checkpoint import Saver
from napari_mixedptycho.errors import DivergedError, InputError
from napari_mixedptycho.prepare import Prepared, prepare
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result

_SMALL = 2**28
"""Bytes of patterns that are kept ready after a run."""
_ROOM = 0.9
"""Time between looks into the mailbox × updates of the screen wanted: a little more often than that."""
_LONGEST = 2.0
"""Seconds that the screen rests at most."""
_SHARE = 0.08
"""Part of the time that the screen may take, so that a run is slowed by about a tenth at most.

While it draws, Qt holds Python's lock, which the engine needs between any two steps on arrays: 10 to 15 ms
in an update, and 60 to 80 where OpenGL is computed by the processor.
"""


class Control(QObject):
    """Starts, pauses and ends runs, and looks into their mailbox.

    Signals
    -------
    arrived
        `News` of the run, and its `View`; None where images could not be made.
    paused
        The run waits between two iterations.
    ended
        The `Runner`, which has ended.
    noted
        What a person should know and cannot see: that the result could not be copied.
    doubted
        What may be wrong with data or recipe: a tuple of sentences, once per run, before its first news.
    """

    arrived = Signal(object, object)
    paused = Signal()
    ended = Signal(object)
    noted = Signal(str)
    doubted = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._runner: Runner | None = None
        self._was_paused = self._looking = self._blind = False
        self._rest = 0.0
        self._images = Background("mixedptycho images", self)
        self._images.arrived.connect(self._show)
        self._images.ended.connect(self._look)
        self._copy: Path | None = None
        self._saver: Saver | None = None
        self.prepared: Prepared | None = None
        self._notes: deque[str] = deque()
        self._doubts: deque[tuple[str, ...]] = deque()
        self._timer = QTimer(self)
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

    def own_copy(self, file: Path | None) -> Path | None:
        """Return a file if it is one of the copies, which a run may go on to write."""
        return file if file is not None and is_copy(file) else None

    def start(self, job: Job, copy: Path) -> None:
        """Begin a run, whose result is kept in `copy`."""
        self._was_paused, self._blind, self._rest = False, False, 0.0
        self._copy = copy
        saver = self._saver = Saver(self._copy, job.recipe.run.checkpoint, self._notes.append)
        self._doubts.clear()
        self.prepared = None
        self._runner = Runner(lambda: kept(self._steps(job), saver))
        self._runner.start()
        self._timer.start(round(1000 * _ROOM / preference("updates_per_second")))

    def pause(self) -> None:
        """Wait after the iteration in work."""
        if self._runner is not None:
            self._runner.pause()

    def resume(self) -> None:
        """Go on."""
        if self._runner is not None:
            self._runner.resume()

    def step(self) -> None:
        """Do one iteration, then wait."""
        if self._runner is not None:
            self._runner.step()

    def checkpoint(self, result: Result) -> Path | None:
        """Write the copy of the present result now; returns where, or nothing when that failed."""
        if self._saver is None:
            return None
        self._saver.keep(result)
        return self._saver.out if self._saver.out.is_file() else None

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
        self._images.shutdown()
        if self._runner is not None:
            self._runner.stop()
            self._runner.wait()
            self._runner = None
        self.prepared = None

    def _steps(self, job: Job) -> Iterator[Progress]:
        """Reconstruct; in the thread of the run."""
        dataset = job.patterns()
        prepared = prepare(job.recipe, dataset)
        self._doubts.append(doubts(job.recipe, dataset, prepared.warnings))
        self.prepared = prepared
        yield from reconstruct(job.recipe, prepared, job.resume)

    def _look(self) -> None:
        # napari's own progress bar handles events while it is drawn: this must not begin anew in its middle.
        if self._looking or self._runner is None or self._images.busy:
            return
        self._looking = True
        try:
            self._look_once(self._runner)
        finally:
            self._looking = False

    def _look_once(self, runner: Runner) -> None:
        # Asked in this order, no news can come between the last look and the end.
        over, waiting = runner.over, runner.paused
        if not over and not waiting and time.monotonic() < self._rest:
            return
        news = runner.take()
        while self._notes:
            self.noted.emit(self._notes.popleft())
        while self._doubts:
            self.doubted.emit(self._doubts.popleft())
        if news is not None:
            # Neither in the engine's thread nor in the window's. What else there is is looked at after it.
            self._images.ask(lambda post: post((news, *_view(news))))
            return
        if waiting and not self._was_paused:
            self.paused.emit()
        self._was_paused = waiting
        if over:
            self._timer.stop()
            runner.wait()
            self._runner = None
            self.prepared = _kept(self.prepared)
            self.ended.emit(runner)

    def _show(self, found: tuple[News, View | None, str]) -> None:
        begun, self._rest = time.monotonic(), math.inf
        news, view, trouble = found
        if trouble and not self._blind:
            news = replace(news, told=(*news.told, trouble))
        self._blind = bool(trouble)
        self.arrived.emit(news, view)
        # A timer without delay comes after all that is drawn.
        QTimer.singleShot(0, lambda: self._drawn(begun))

    def _drawn(self, begun: float) -> None:
        now = time.monotonic()
        self._rest = now + min((now - begun) * (1 / _SHARE - 1), _LONGEST)


def _view(news: News) -> tuple[View | None, str]:
    """Make the images of a result, or tell why there are none: the run goes on without them."""
    try:
        return View.of(news.progress.result), ""
    except Exception as error:  # noqa: BLE001 - whatever it is, the result must reach the desk
        return None, f"The images could not be made ({type(error).__name__}); the run goes on."


def _kept(prepared: Prepared | None) -> Prepared | None:
    """Return what is kept of a run for later looks at its patterns: nothing large, and nothing on a GPU."""
    measured = None if prepared is None else prepared.problem.measured
    return prepared if isinstance(measured, np.ndarray) and measured.nbytes < _SMALL else None


def in_words(error: Exception) -> str:
    """Return what to tell of an error; what is not the user's is named, so that it can be reported."""
    text, name = str(error), type(error).__name__
    if isinstance(error, InputError | DivergedError):
        return text
    if isinstance(error, MemoryError):
        return (
            "There is not enough memory, not even for one pattern at a time: take fewer states or slices, a "
            "smaller part of the detector (stage) or of the scan (step 1), or another device."
        )
    return f"{name}: {text}" if text else name
