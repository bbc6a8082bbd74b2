"""The run in napari's activity dock, for whoever has another dock in front."""

from __future__ import annotations

import io
import time

from napari.utils import cancelable_progress
from qtpy.QtWidgets import QApplication, QLabel

_EVERY = 1.0
"""Seconds between updates: each lets napari handle all waiting events, which takes its time."""


class _Nowhere(io.TextIOBase):
    """Where the bar does not write: it would otherwise also appear in the terminal."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)


class Activity:
    """A bar, at most one at a time, brought up to date at most once a second."""

    def __init__(self) -> None:
        self._bar: cancelable_progress | None = None
        self._last = 0.0

    @property
    def shown(self) -> bool:
        """Whether there is a bar."""
        return self._bar is not None

    @property
    def cancelled(self) -> bool:
        """Whether its button was pressed: whoever began it must end what it stands for."""
        return self._bar is not None and bool(self._bar.is_canceled)

    def begin(self, name: str, iterations: int) -> None:
        """Show an empty bar; without a number of `iterations`, one that tells only that something goes on."""
        self.end()
        self._bar = cancelable_progress(total=iterations, desc=name, file=_Nowhere())
        _hold_still()
        self._last = time.monotonic()

    def show(self, done: int) -> None:
        """Show how far it is, unless that was shown just now."""
        now = time.monotonic()
        if self._bar is not None and now - self._last > _EVERY:
            self._last = now
            self._bar.update(done - self._bar.n)

    def end(self) -> None:
        """Take the bar away; may be called again."""
        if self._bar is not None:
            bar, self._bar = self._bar, None
            bar.close()


def _hold_still() -> None:
    """Halt the wheel that napari turns beside a bar.

    It has the whole window drawn thirty times a second, and the engine waits as long (see `control`). The
    bar itself tells that something is going on.
    """
    for window in QApplication.topLevelWidgets():
        for label in window.findChildren(QLabel):
            wheel = label.movie()
            if wheel is not None:
                wheel.setPaused(True)
