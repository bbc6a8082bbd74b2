"""Runs that outlive their dock: the next dock in the same viewer takes them over."""

from __future__ import annotations

from pathlib import Path

from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.legacy import Left, leave
from napari_mixedptycho._napari.work.book import Entry
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.runs import Runs


class Inheriting:
    """Takes over what an earlier dock has left, and leaves its own."""

    def __init__(self, desk: Desk, display: Display, runs: Runs) -> None:
        self._desk, self._display, self._runs = desk, display, runs

    def take_over(self) -> None:
        """Put the runs of a dock that was closed into the table, and the last of them on the screen."""
        book, found = self._runs.book, self._display.take_over()
        for left in found:
            entry = Entry(left.name, state=left.state, file=left.file, of=left.of, note=left.note)
            entry.plan = left.planted
            book.add(entry)
        if not found or self._desk.result is not None:
            return
        last = book.find(found[-1].name)
        if last.file is not None:
            self._desk.attempt(self._runs.bring, last)

    def note(self, file: str) -> None:
        """Put a result that napari has opened in the middle of a run into the table, and no more."""
        name = Path(file).stem
        if self._display.note_run(name):
            self._runs.book.add(Entry(name, state="opened", file=Path(file)))
            self._desk.said.emit(f"{name} is in the table of runs; Show brings it to the screen later.")

    def leave(self) -> None:
        """Leave the runs to a dock that may come after this one; those going on have ended before."""
        for entry in self._runs.book.entries:
            if entry.name in self._display.runs:
                state = "stopped" if entry.state == "running" else entry.state
                left = Left(entry.name, state, entry.of, entry.note, entry.file, entry.planted)
                self._display.runs[entry.name].settle()
                leave(self._display.runs[entry.name], left)
