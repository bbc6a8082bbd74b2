"""Which patterns to leave out of the loss: how well they are predicted tells what the others carry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def every_kth(scan_shape: tuple[int, int], every: int) -> NDArray[np.int64]:
    """Choose every k-th point of a scan, spread evenly over rows and columns.

    Counting along the rows would leave out whole columns of the scan wherever k divides their number, and
    with them a stripe of the object. So each row begins shifted against the one before: the points left out
    form a lattice, of all lattices of that density the one whose points are farthest apart, and each of them
    is surrounded by points that are fitted. The middle of the scan is one of them.

    Parameters
    ----------
    scan_shape
        (y, x) points.
    every
        k, 2 at least.

    Returns
    -------
    NDArray
        Numbers of the points, row after row.
    """
    rows, columns = np.indices(scan_shape) - (np.array(scan_shape) // 2)[:, None, None]
    shift = max(range(every), key=lambda shift: _spacing(shift, every))
    return np.flatnonzero((columns + shift * rows) % every == 0)


def _spacing(shift: int, every: int) -> int:
    """Return the square of the shortest distance in the lattice whose rows are shifted by so much."""
    reach = int((1.2 * every) ** 0.5) + 1
    row = np.arange(reach + 1)
    nearest = (row * shift) % every
    beside = np.minimum(nearest, every - nearest)
    beside[0] = every  # the next point of the same row
    return int((row**2 + beside**2).min())
