"""Keep a result safe while it grows: checkpoints, disks that refuse, signals in the middle of writing."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from napari_mixedptycho.result import Result

_SHARE = 20
"""Saving may take this fraction of the time at most: a checkpoint that took a second waits for twenty."""


class NotSavedError(OSError):
    """The final result could not be written where it should be."""


class Saver:
    """Writes the result now and then; a disk that refuses is reported once and does not stop the run."""

    def __init__(self, out: Path, interval: float | None, say: Callable[[str], None]) -> None:
        self.out = out
        self._interval = interval
        self._say = say
        self._due = time.monotonic() + (interval or 0)
        self._complained = False
        self._lock = threading.Lock()

    def checkpoint(self, result: Result) -> None:
        """Save when it is time again."""
        began = time.monotonic()
        if self._interval is None or began < self._due:
            return
        self.keep(result)
        now = time.monotonic()
        self._due = now + max(self._interval, _SHARE * (now - began))

    def keep(self, result: Result) -> None:
        """Save now, if that can be done."""
        try:
            self.save(result)
        except Exception as error:  # noqa: BLE001 - whatever it is, hours of computing are worth more
            if not self._complained:
                self._say(
                    f"{self.out}: the checkpoint could not be written ({_reason(error)}); going on in memory."
                )
            self._complained = True

    def save(self, result: Result) -> None:
        """Save without being interrupted in the middle."""
        with self._lock, _deferred_signals():
            result.save(self.out)

    def finish(self, result: Result) -> None:
        """Save the last result; where that fails, in the system's folder for temporary files.

        Raises
        ------
        NotSavedError
            When it is not where it should be; says where it is.
        """
        try:
            self.save(result)
            return
        except OSError as error:
            reason = _reason(error)
        try:
            refuge = Path(tempfile.mkdtemp(prefix="mixedptycho-")) / self.out.name
            with _deferred_signals():
                result.save(refuge)
            where = f"in {refuge}"
        except OSError:
            where = "lost"
        raise NotSavedError(f"{self.out} could not be written ({reason}); the result is {where}.")


def in_main_thread() -> bool:
    """Tell whether signals arrive here: only the main thread may handle them."""
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def _deferred_signals() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until a file is complete."""
    if not in_main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {
        number: signal.signal(number, lambda number, frame: held.append((number, frame)))
        for number in numbers
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, frame in held[:1]:
            if callable(before[number]):
                before[number](number, frame)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split()).rstrip(".")
