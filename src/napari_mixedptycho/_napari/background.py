"""Work beside the window: only the latest wish counts, and only its latest news is shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

INTERVAL = 30
"""Milliseconds between looks at what has come: a dragged detector must feel as if it were tied to it."""

Post = Callable[[Any], None]
"""Called by a job with its news; ends the job when nobody wants it any more."""
Job = Callable[[Post], None]


class _Unwanted(Exception):  # noqa: N818 - no error: another wish has taken the job's place
    """Ends a job."""


class Background(QObject):
    """Does one job at a time in a thread of its own; a new one takes the place of the old one.

    The thread is there only while there is work, so that nothing outlives the window.

    Parameters
    ----------
    name
        Of the thread.
    parent
        Owner.
    shown
        What to call it in napari's activity dock when it takes long; nothing: nobody waits for it.

    Signals
    -------
    arrived
        The latest news of the latest job.
    failed
        The exception that ended the latest job.
    ended
        The latest job has ended; all its news was told.
    """

    arrived = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, name: str, parent: QObject | None = None, shown: str = "") -> None:
        super().__init__(parent)
        self._name, self.shown = name, shown
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._last: threading.Thread | None = None
        self._wish: Job | None = None
        self._number = 0
        self._patient = False
        self._news: list[Any] = []
        self._over: list[Exception | None] = []
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self._look)

    @property
    def busy(self) -> bool:
        """Whether the latest job goes on, or its end was not told yet."""
        return self._timer.isActive()

    def ask(self, job: Job, *, patient: bool = False) -> None:
        """Do this; whatever is being done is left.

        Parameters
        ----------
        job
            What to do.
        patient
            Let an earlier patient job come to its end: else nothing would ever be seen of jobs that follow
            each other faster than they are done.
        """
        with self._lock:
            self._wish = job
            if not (patient and self._patient):
                self._forget()
            self._patient = patient
            if self._thread is None:
                # Not a daemon: a thread killed in the middle of NumPy can take the process down with it.
                self._thread = self._last = threading.Thread(target=self._work, name=self._name)
                self._thread.start()
        self._timer.start()

    def cancel(self) -> None:
        """Leave what is being done; nothing more is heard of it."""
        with self._lock:
            self._wish = None
            self._forget()
        self._timer.stop()

    def leave(self) -> None:
        """Do as `cancel` does, and tell that it has ended."""
        if self.busy:
            self.cancel()
            self.ended.emit()

    def shutdown(self) -> None:
        """Leave what is being done and wait for its end; may be called again."""
        self.cancel()
        if self._last is not None:
            self._last.join()

    def _forget(self) -> None:
        self._number += 1
        self._news.clear()
        self._over.clear()

    def _work(self) -> None:
        while True:
            with self._lock:
                job, self._wish = self._wish, None
                if job is None:
                    self._thread = None
                    return
                number = self._number
            error: Exception | None = None
            try:
                job(lambda news, number=number: self._post(number, news))  # type: ignore[misc]
            except _Unwanted:
                continue
            except Exception as found:  # noqa: BLE001 - whatever it is, it must reach the person at the screen
                error = found
            with self._lock:
                if number == self._number and self._wish is None:
                    self._over[:] = [error]

    def _post(self, number: int, news: Any) -> None:
        with self._lock:
            if number != self._number:
                raise _Unwanted
            self._news[:] = [news]

    def _look(self) -> None:
        with self._lock:
            number = self._number
            news, over = list(self._news), list(self._over)
            self._news.clear()
            self._over.clear()
        if over:
            self._timer.stop()
        for entry in news:
            self.arrived.emit(entry)
        # Whoever heard the news may have asked for something else.
        if over and number == self._number:
            if over[0] is not None:
                self.failed.emit(over[0])
            self.ended.emit()
