"""From scan point to scan point of a result, by the arrow keys on the chart of its patterns."""

from __future__ import annotations

from qtpy.QtCore import QObject

from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.imaging import Imaging
from napari_mixedptycho._napari.work.watching import Watching


class Pointing(QObject):
    """Moves the cross within what was reconstructed, and has its patterns compared."""

    def __init__(self, desk: Desk, steps: Steps, imaging: Imaging, watching: Watching) -> None:
        super().__init__(desk)
        self._desk, self._imaging, self._watching = desk, imaging, watching
        steps.run.watch.patterns.stepped.connect(self.step)

    def step(self, rows: int, columns: int) -> None:
        """Go to another scan point of the result; the first time to the one in the middle."""
        result, scan = self._desk.result, self._imaging.scan
        if result is None or scan is None:
            self._desk.said.emit("There is no scan of this result to go through: open its data in step 1.")
            return
        data = result.recipe.data
        top, bottom, left, right = data.scan_region or (0, scan.shape[0], 0, scan.shape[1])
        row, column = (
            _along(now, step * data.scan_every, range(first, end, data.scan_every))
            for now, step, first, end in zip(
                self._imaging.point or (None, None),
                (rows, columns),
                (top, left),
                (bottom, right),
                strict=True,
            )
        )
        self._imaging.go_to((row, column))
        position = self._imaging.position
        if position is not None:
            self._watching.show_point(position)


def _along(now: int | None, step: int, there: range) -> int:
    """Return the scan point, of those that are there, to which a step leads along one axis."""
    if now is None:
        return there[len(there) // 2]
    return min(there, key=lambda point: abs(point - (now + step)))
