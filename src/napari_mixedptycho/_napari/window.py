"""Closing and dropping: what the dock must notice of the window around it."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication, QMessageBox, QWidget

from napari_mixedptycho._napari.reader import suffixes


class Guard(QObject):
    """Ends the dock's work when its window closes, asking first when a person closes it in mid-run.

    Parameters
    ----------
    dock
        The dock.
    running
        Tells whether a run is going on.
    shutdown
        Ends it and waits.
    opened
        Called with the path of a file dropped on the dock.
    """

    def __init__(
        self,
        dock: QWidget,
        running: Callable[[], bool],
        shutdown: Callable[[], None],
        opened: Callable[[str], None],
    ) -> None:
        super().__init__(dock)
        self._dock, self._running, self._shutdown, self._opened = dock, running, shutdown, opened
        self._window: QWidget | None = None
        dock.setAcceptDrops(True)
        dock.installEventFilter(self)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(shutdown)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """See what happens to the dock and to its window."""
        if event is None:
            return False
        if watched is self._dock:
            return self._on_dock(event)
        if watched is self._window and event.type() == QEvent.Type.Close:
            if self._running() and event.spontaneous() and not self._agreed():
                event.ignore()
                return True
            self._shutdown()
            self._listen(None)
        return False

    def _on_dock(self, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.ParentChange:
            if self._dock.parent() is None:
                self._shutdown()
                self._listen(None)
            else:
                self.watch()
        elif kind == QEvent.Type.Show:
            self.watch()
        elif kind == QEvent.Type.DragEnter and _files(event):
            event.acceptProposedAction()  # type: ignore[attr-defined]
            return True
        elif kind == QEvent.Type.Drop and (files := _files(event)):
            event.acceptProposedAction()  # type: ignore[attr-defined]
            self._opened(files[0])
            return True
        return False

    def watch(self) -> None:
        """Listen to the main window that the dock is in now, also when it floats in one of its own."""
        main = self._dock.window()
        above = main.parentWidget() if main is not None else None
        if above is not None:
            main = above.window()
        if main is not self._dock:
            self._listen(main)

    def _listen(self, window: QWidget | None) -> None:
        if window is not self._window:
            if self._window is not None:
                self._window.removeEventFilter(self)
            self._window = window
            if window is not None:
                window.installEventFilter(self)

    def _agreed(self) -> bool:
        question = (
            "A reconstruction is going on. Stop it and close? What it has found so far is kept: "
            "the menu ⋯ of the dock opens it again, under Unsaved results."
        )
        buttons = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self._dock, "Close", question, buttons.Close | buttons.Cancel, buttons.Cancel
        )
        return bool(answer == buttons.Close)


def _files(event: QEvent) -> list[str]:
    """Return the local files of a drag that may be opened."""
    data = event.mimeData()  # type: ignore[attr-defined]
    files = [url.toLocalFile() for url in data.urls()] if data is not None else []
    return [file for file in files if file.lower().endswith(suffixes())]
