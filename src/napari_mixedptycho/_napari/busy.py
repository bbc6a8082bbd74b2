"""Long work beside the window, shown in napari's activity dock, where it can be cancelled."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

from napari_mixedptycho._napari.activity import Activity
from napari_mixedptycho._napari.background import Background

INTERVAL = 500
"""Milliseconds between looks; what is still there at the second one is long."""


class Busy(QObject):
    """Looks now and then at what goes on in a dock.

    Parameters
    ----------
    owner
        Of the work: no widget, since all that belongs to it is gone through at each look.
    run, stop
        The bar of the run going on, and what ends that run.
    """

    def __init__(self, owner: QObject, run: Activity, stop: Callable[[], object]) -> None:
        super().__init__(owner)
        self._owner, self._run, self._stop = owner, run, stop
        self._seen: set[Background] = set()
        self.shown: dict[Background, Activity] = {}
        self._looking = False
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        """Show what has become long, take away what is over, and leave what was cancelled."""
        # napari's progress bar handles events while it is drawn: this must not begin anew in its middle.
        if self._looking:
            return
        self._looking = True
        try:
            self._look()
        finally:
            self._looking = False

    def shutdown(self) -> None:
        """Take all bars away; may be called again."""
        self._timer.stop()
        for bar in self.shown.values():
            bar.end()
        self.shown.clear()

    def _look(self) -> None:
        if self._run.cancelled:
            self._stop()
        going = {work for work in self._owner.findChildren(Background) if work.busy and work.shown}
        for work in [work for work, bar in self.shown.items() if work not in going or bar.cancelled]:
            bar = self.shown.pop(work)
            if work in going:
                work.leave()
            bar.end()
        for work in going & self._seen:
            if work.busy and work not in self.shown:
                bar = self.shown[work] = Activity()
                bar.begin(work.shown, 0)
        self._seen = going
