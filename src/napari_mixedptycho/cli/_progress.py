"""How a run looks in a terminal, and in a log file."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from napari_mixedptycho.engine.health import Health
from napari_mixedptycho.reconstruct import Progress
from napari_mixedptycho.words import duration

_PAUSE = 5.0
"""Seconds between lines where there is no terminal."""
_REFRESH = 0.1
"""Seconds between redraws of the bar."""
_BAR = 24


class Display:
    """A bar that is redrawn in a terminal; a line every few seconds elsewhere; nothing when quiet."""

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = quiet
        self._bar = self._stream.isatty()
        self._drawn = False
        self._last = -1e9
        self._warned: set[str] = set()

    def say(self, text: str, *, always: bool = False) -> None:
        """Write a line of its own; when quiet only if `always`."""
        self._clear()
        if always or not self._quiet:
            print(text, file=self._stream, flush=True)

    def show(self, progress: Progress) -> None:
        """Tell where a run stands, unless that was done just now."""
        now, last = time.monotonic(), progress.iteration == progress.iterations
        if self._quiet or not (last or now - self._last >= (_REFRESH if self._bar else _PAUSE)):
            return
        self._last = now
        if self._bar:
            width = shutil.get_terminal_size().columns - 1
            print("\r\x1b[K" + bar(progress, width), end="", file=self._stream, flush=True)
            self._drawn = True
        else:
            print(line(progress), file=self._stream, flush=True)

    def warn(self, health: Health) -> None:
        """Say what is wrong with an estimate: each alarm once, when it appears."""
        for alarm in health.alarms:
            if alarm.name not in self._warned:
                self._warned.add(alarm.name)
                self.say(f"Alarm: {alarm}")

    def end(self) -> None:
        """Leave the last bar standing."""
        if self._drawn:
            print(file=self._stream, flush=True)
        self._drawn = False

    def _clear(self) -> None:
        if self._drawn:
            print("\r\x1b[K", end="", file=self._stream)
        self._drawn = False


def line(progress: Progress) -> str:
    """Say where a run stands, in words."""
    held_out = "" if progress.held_out is None else f" (held out {progress.held_out:.4g})"
    return (
        f"{progress.iteration}/{progress.iterations} {progress.stage}: loss {progress.loss:.4g}{held_out}, "
        f"{progress.seconds:.3g} s per iteration, {duration(progress.remaining)} left"
    )


def bar(progress: Progress, width: int) -> str:
    """Draw where a run stands, in at most `width` characters."""
    filled = round(_BAR * progress.iteration / max(progress.iterations, 1))
    drawn = "█" * filled + "░" * (_BAR - filled)
    return f"{drawn} {line(progress)}"[:width]
