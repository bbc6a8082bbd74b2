"""One run at a time, brought to the screen five times a second, or as often as leaves the engine its time."""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_mixedptycho._napari.background import Background
from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.preferences import preference
from napari_mixedptycho._napari.unsaved import is_copy
from napari_mixedptycho.errors import DivergedError, FarError, InputError
from napari_mixedptycho.one_pattern import Compared
from napari_mixedptycho.result import Result
from napari_mixedptycho.running import Apart, Job, Look, Seat, SeatLostError, Work

_ROOM = 0.9
"""Time between looks at the run × updates of the screen wanted: a little more often than that."""
_LONGEST = 2.0
"""Seconds that the screen rests at most."""
_SHARES = {Work: 0.08, Apart: 0.5}
"""Part of the time that the screen may take, so that a run is slowed by about a tenth at most.

While it draws, Qt holds Python's lock, which an engine in the same process needs between any two steps on
arrays: 10 to 15 ms in an update, and 60 to 80 where OpenGL is computed by the processor.
"""


class Control(QObject):
    """Starts, pauses and ends runs, and looks at them.

    Signals
    -------
    arrived
        `News` of the run, and its `View`; None where images could not be made.
    paused
        The run waits between two iterations.
    ended
        What ended the run: an exception; None where nothing went wrong.
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
        self._work: Work | Apart | None = None
        self._seat: Seat | None = None
        self._copy: Path | None = None
        self.pausing = self.stopping = self.waiting = False
        self._was_paused = self._blind = self._showing = self._closed = False
        self._orders, self._asked, self._rest = 0, 0.0, 0.0
        self._shown: Result | None = None
        self._images = Background("mixedptycho images", self)
        self._images.arrived.connect(self._show)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._look)

    @property
    def running(self) -> bool:
        """Whether a run is going on, paused or not."""
        return self._work is not None

    @property
    def copy(self) -> Path | None:
        """The copy of the present result, which nobody has saved yet; it may not be written yet."""
        return self._copy

    def own_copy(self, file: Path | None) -> Path | None:
        """Return a file if it is one of the copies, which a run may go on to write."""
        return file if file is not None and is_copy(file) else None

    def get_ready(self) -> None:
        """Have a process ready for the next run, where runs have processes of their own."""
        if self._seat is None and not (self.running or self._closed) and preference("own_process"):
            with suppress(OSError):
                self._seat = Seat()

    def start(self, job: Job, copy: Path) -> None:
        """Begin a run, whose result is kept in `copy`."""
        self.pausing = self.stopping = self.waiting = False
        self._was_paused = self._blind = False
        self._rest, self._copy, self._shown = 0.0, copy, None
        self._work = self._placed(job, copy)
        self._work.start()
        self._timer.start(round(1000 * _ROOM / preference("updates_per_second")))

    def pause(self) -> None:
        """Wait after the iteration in work."""
        self._order("pause", pausing=True)

    def resume(self) -> None:
        """Go on."""
        self._order("resume", pausing=False)

    def step(self) -> None:
        """Do one iteration, then wait."""
        self._order("step", pausing=True)

    def stop(self) -> None:
        """End after the iteration in work."""
        self.stopping = self.running
        self._order("stop", pausing=False)

    def checkpoint(self) -> Path | None:
        """Write the copy of the present result now; returns where, or nothing when that failed."""
        return None if self._work is None else self._work.keep()

    def save(self, path: Path) -> None:
        """Write the latest result of the run going on to a file; raises `OSError`."""
        if self._work is not None:
            self._work.save(path)

    def compare(self, point: int) -> tuple[int, Compared] | None:
        """Compare a pattern with the estimate of the run going on; in a thread (`running.Work.compare`)."""
        return None if (work := self._work) is None else work.compare(point)

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
        """End the run and wait for it, without another word; there will be no other."""
        self._closed = True
        self._timer.stop()
        self._images.shutdown()
        if self._work is not None:
            self._work.shutdown()
            self._work = None
        if self._seat is not None:
            self._seat.close(wait=True)
            self._seat = None

    def _placed(self, job: Job, copy: Path) -> Work | Apart:
        """Place a run into a process of its own; into a thread of this one where that cannot be."""
        self.get_ready()
        seat, self._seat = self._seat, None
        if seat is None:
            return Work(job, copy)
        try:
            return Apart(job, copy, seat)
        except Exception:  # noqa: BLE001 - a reader of others' whose data cannot be handed on fails in any way
            self._seat = seat
            return Work(job, copy)

    def _order(self, name: str, *, pausing: bool) -> None:
        if self._work is not None:
            # What is being looked at was so before.
            self._orders += 1
            self.pausing, self.waiting, self._was_paused = pausing, False, False
            getattr(self._work, name)()

    def _look(self) -> None:
        work = self._work
        # napari's own progress bar handles events while it is drawn: nothing may begin anew in its middle.
        if work is None or self._images.busy or self._showing:
            return
        self._asked, orders = time.monotonic(), self._orders
        resting = self._asked < self._rest
        # Neither in the engine's thread nor in the window's.
        self._images.ask(lambda post: post((orders, *_seen(work, resting=resting))))

    def _show(self, found: tuple[int, Look, View | None, str]) -> None:
        self._showing = True
        try:
            self._show_look(*found)
        finally:
            self._showing = False

    def _show_look(self, orders: int, look: Look, view: View | None, trouble: str) -> None:
        if self._work is None:
            return
        self.waiting = look.waiting and orders == self._orders
        for note in look.notes:
            self.noted.emit(note)
        if look.doubts is not None:
            self.doubted.emit(look.doubts)
        if look.news is not None:
            come, self._rest = time.monotonic(), math.inf
            told = (*look.news.told, trouble) if trouble and not self._blind else look.news.told
            self._blind, self._shown = bool(trouble), look.news.progress.result
            self.arrived.emit(replace(look.news, told=told), view)
            # A timer without delay comes after all that is drawn.
            fetching = come - self._asked
            QTimer.singleShot(0, lambda: self._drawn(come, fetching))
        if self.waiting and not self._was_paused:
            self.paused.emit()
        self._was_paused = self.waiting
        if look.over:
            self._end(look.error)

    def _drawn(self, come: float, fetching: float) -> None:
        """Rest after a drawing; large results also for as long as it took to fetch them."""
        if self._work is not None:
            now, share = time.monotonic(), _SHARES[type(self._work)]
            drawing = now + min((now - come) * (1 / share - 1), _LONGEST)
            self._rest = max(drawing, come + min(fetching, _LONGEST))

    def _end(self, error: Exception | None) -> None:
        work, self._work = self._work, None
        self._timer.stop()
        self._images.cancel()
        if work is not None:
            work.leave()
        if isinstance(error, SeatLostError):
            self._rescue()
        self._shown = None
        self.ended.emit(error)
        self.get_ready()

    def _rescue(self) -> None:
        """Keep the last result that was shown, where the process that is lost has kept none."""
        if self._shown is not None and self._copy is not None and not self._copy.is_file():
            with suppress(OSError):
                self._shown.save(self._copy)


def _seen(work: Work | Apart, *, resting: bool) -> tuple[Look, View | None, str]:
    """Look at a run and make the images, or tell why there are none: the run goes on without them."""
    look = work.look(resting=resting)
    if look.news is None:
        return look, None, ""
    try:
        return look, View.of(look.news.progress.result), ""
    except Exception as error:  # noqa: BLE001 - whatever it is, the result must reach the desk
        return look, None, f"The images could not be made ({type(error).__name__}); the run goes on."


def in_words(error: Exception) -> str:
    """Return what to tell of an error; what is not the user's is named, so that it can be reported."""
    text, name = str(error), type(error).__name__
    if isinstance(error, InputError | DivergedError | FarError | SeatLostError):
        return text
    if isinstance(error, MemoryError):
        return (
            "There is not enough memory, not even for one pattern at a time: take fewer states or slices, a "
            "smaller part of the detector (stage) or of the scan (step 1), or another device."
        )
    return f"{name}: {text}" if text else name
