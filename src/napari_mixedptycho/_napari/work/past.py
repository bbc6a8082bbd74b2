"""Taking back what has replaced or removed settings: nothing typed is lost by one click."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.desk import Desk

_MOST = 50
"""Steps that are remembered."""


class Past(QObject):
    """Remembers how settings stood before something replaced them, and how to bring back what was removed.

    Parameters
    ----------
    desk
        Tells what is about to be replaced, and what was removed.
    steps
        The forms.
    reopen
        Called with a file when settings of another scan come back.

    Signals
    -------
    changed
        There is something else to be taken back, or nothing any more.
    """

    changed = Signal()

    def __init__(self, desk: Desk, steps: Steps, reopen: Callable[[str], Any]) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._reopen = desk, steps, reopen
        # What is told beforehand has happened once the events in work are done.
        self._after = QTimer(self)
        self._after.setSingleShot(True)
        self._after.timeout.connect(self.changed)
        self._entries: list[tuple[str, dict[int, Any] | None, Callable[[], object]]] = []
        desk.replacing.connect(self._replaced)
        desk.removed.connect(self._removed)
        footer = steps.footer
        footer.undo_button.clicked.connect(self.undo)
        self.changed.connect(lambda: footer.offer_undo(self.latest))

    @property
    def latest(self) -> str:
        """What `undo` would take back, in words; nothing where there is nothing."""
        now = self._steps.kept()
        # What came back by other means, or was the same all along, is no step.
        while self._entries and self._entries[-1][1] == now:
            self._entries.pop()
        return self._entries[-1][0] if self._entries else ""

    def undo(self) -> None:
        """Take back the last step; without one, say so."""
        what = self.latest
        if not what:
            self._desk.said.emit("There is nothing to be taken back.")
            return
        _, _, back = self._entries.pop()
        self._desk.attempt(back)
        self._desk.said.emit(f"Taken back: {what}")
        self.changed.emit()

    def _replaced(self, what: str) -> None:
        kept = self._steps.kept()
        if not self._entries or self._entries[-1][1] != kept:
            self._add(what, kept, partial(self._put_back, kept))
        self._after.start(0)

    def _removed(self, what: str, back: Callable[[], object]) -> None:
        self._add(what, None, back)
        self.changed.emit()

    def _add(self, what: str, kept: dict[int, Any] | None, back: Callable[[], object]) -> None:
        self._entries.append((what, kept, back))
        del self._entries[:-_MOST]

    def _put_back(self, kept: dict[int, Any]) -> None:
        before = self._steps.data.form.value().file
        self._steps.put_back(kept)
        if (file := self._steps.data.form.value().file) != before:
            self._reopen(file)
