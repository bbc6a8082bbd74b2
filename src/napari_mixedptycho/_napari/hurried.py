"""Patterns that are read only until the window would seem frozen; no Qt here."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

PATIENCE = 0.15
"""Seconds that the window waits for a first look."""
_QUICK = 0.05
"""Seconds that all patterns asked for may take, to be read together: what is begun cannot be left."""


class Hurried:
    """The patterns of a scan (scan_y, scan_x, ky, kx); those that came too late are empty.

    Of large packed chunks a single pattern can take as long as a hundred, and no reader can be interrupted.

    Attributes
    ----------
    late
        Whether some patterns were not read.
    """

    def __init__(self, patterns: Any) -> None:
        self.shape, self.dtype = tuple(patterns.shape), np.dtype(patterns.dtype)
        self._patterns, self._end = patterns, time.monotonic() + PATIENCE
        self.late = False

    def __getitem__(self, where: tuple[int, slice]) -> NDArray[Any]:
        """Read points of a row (point, ky, kx), or some of them."""
        row, columns = where
        points = range(self.shape[1])[columns]
        found = np.zeros((len(points), *self.shape[2:]), self.dtype)
        for place, column in enumerate(points):
            begun = time.monotonic()
            if begun > self._end:
                self.late = True
                break
            found[place] = self._patterns[row, column]
            if (time.monotonic() - begun) * len(points) < _QUICK:
                return np.asarray(self._patterns[row, columns])
        return found
