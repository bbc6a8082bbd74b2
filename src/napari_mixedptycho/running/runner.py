"""A reconstruction in its own thread, watched through a mailbox that holds only the latest news.

No Qt here, no images, and no calls into the window: the window asks when it has time. So a fast engine cannot
flood a slow screen, and a slow screen cannot hold up the engine.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import cast

from napari_mixedptycho.reconstruct import Progress
from napari_mixedptycho.running.news import News

_HANDOVER = 5e-4
"""Seconds after which Python's lock is passed on to whoever waits, while a run goes on.

The engine lets go of it at each operation on arrays and wants it back after; from a window that is busy in
Python it would get it only after the usual 5 ms, each time.
"""


class _Handover:
    """Python's own interval for passing its lock on is shorter while any run goes on."""

    def __init__(self) -> None:
        self._lock, self._runs, self._usual = threading.Lock(), 0, 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._runs:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(_HANDOVER, self._usual))
            self._runs += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._runs -= 1
            if not self._runs:
                sys.setswitchinterval(self._usual)


_handover = _Handover()


class Runner:
    """Drives the steps of a reconstruction.

    Parameters
    ----------
    steps
        Makes the generator of progress; called in the thread.
    """

    def __init__(self, steps: Callable[[], Iterator[Progress]]) -> None:
        self._steps = steps
        self._lock = threading.Lock()
        self._news: News | None = None
        self._free = threading.Event()
        self._free.set()
        self._waiting = threading.Event()
        self._once = False
        self._stop = threading.Event()
        self._over = threading.Event()
        self._error: Exception | None = None
        # Not a daemon: a thread killed in the middle of NumPy can take the process down with it.
        self._thread = threading.Thread(target=self._work, name="mixedptycho run")

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def pause(self) -> None:
        """Wait after the iteration in work."""
        self._free.clear()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._free.set()

    def step(self) -> None:
        """Do one iteration and wait again; what is not waiting waits after the one in work."""
        if self._waiting.is_set():
            self._once = True
            self._free.set()
        else:
            self.pause()

    def stop(self) -> None:
        """End after the iteration in work; what it found is kept."""
        self._stop.set()
        self._free.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the thread has ended; tells whether it has within `timeout` s."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def take(self) -> News | None:
        """Return what is new since the last call."""
        with self._lock:
            news, self._news = self._news, None
        return news

    @property
    def paused(self) -> bool:
        """Whether it waits between two iterations."""
        return self._waiting.is_set()

    @property
    def over(self) -> bool:
        """Whether it has ended; the last news may still wait to be taken."""
        return self._over.is_set()

    @property
    def error(self) -> Exception | None:
        """What went wrong, if anything."""
        return self._error

    def _work(self) -> None:
        try:
            # A generator, which must be closed here: where it is dropped is up to chance.
            with _handover, closing(cast("Generator[Progress]", self._steps())) as steps:
                for progress in steps:
                    self._post(progress)
                    if not self._go_on():
                        break
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the person at the screen
            self._error = error
        finally:
            self._over.set()

    def _post(self, progress: Progress) -> None:
        with self._lock:
            told = () if self._news is None else self._news.told
            self._news = News(progress, (*told, *progress.news))

    def _go_on(self) -> bool:
        if not self._free.is_set():
            self._waiting.set()
            self._free.wait()
            self._waiting.clear()
            if self._once:
                self._once = False
                self._free.clear()
        return not self._stop.is_set()
