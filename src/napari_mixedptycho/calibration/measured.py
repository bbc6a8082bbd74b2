"""A number with its uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Measured:
    """A number and its standard uncertainty (NaN: not known), in the unit that its owner states."""

    value: float
    error: float

    def negated(self) -> Measured:
        """Return the number below zero as far as it was above."""
        return Measured(-self.value, self.error)


def jackknife(
    estimate: Callable[[NDArray[np.bool_]], NDArray[np.float64]], shape: tuple[int, int], parts: int = 4
) -> NDArray[np.float64]:
    """Return the standard uncertainty of an estimate from blocks of the scan left out one at a time.

    Neighbouring scan points see the same atoms, so that single points are not independent; blocks nearly
    are. Künsch, *Ann. Statist.* 17, 1217 (1989).

    Parameters
    ----------
    estimate
        From the points (scan_y, scan_x) that are kept to numbers.
    shape
        Of the scan.
    parts
        Blocks along each axis, at most.
    """
    rows, columns = (np.array_split(np.arange(n), min(parts, n)) for n in shape)
    found = []
    for row in rows:
        for column in columns:
            kept = np.ones(shape, bool)
            kept[np.ix_(row, column)] = False
            if kept.any():
                found.append(estimate(kept))
    if len(found) < 2:
        return np.full_like(estimate(np.ones(shape, bool)), np.nan)
    values = np.stack(found)
    spread = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    error: NDArray[np.float64] = np.sqrt(spread * (len(values) - 1) / len(values))
    return error
