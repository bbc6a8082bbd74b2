"""Detector pixels that are not to be believed: hot ones, and dead ones inside the light."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import rank_filter

Floats = NDArray[np.float64]
_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
_BRIGHTER, _DARKER, _SIGMAS = 1.5, 0.4, 8.0
"""Times the second brightest (darkest) of eight neighbours, and standard deviations beyond it."""


@dataclass(frozen=True)
class Moments:
    """What one pass over the patterns tells of each pixel.

    Attributes
    ----------
    mean, variance
        (ky, kx) over the scan, stored units.
    totals
        (scan_y, scan_x): sum of each pattern.
    """

    mean: Floats
    variance: Floats
    totals: Floats

    @property
    def error(self) -> Floats:
        """Standard uncertainty (ky, kx) of the mean."""
        return np.sqrt(self.variance / self.totals.size)

    @property
    def quantum(self) -> float:
        """Stored units of one event, about: variance ÷ mean, the median over pixels that are lit."""
        lit = self.mean > 0
        return float(np.median(self.variance[lit] / self.mean[lit])) if lit.any() else 0.0


@dataclass(frozen=True)
class BadPixels:
    """Pixels (ky, kx) that are too bright or too dark beside their neighbours."""

    hot: NDArray[np.bool_]
    dead: NDArray[np.bool_]

    @property
    def bad(self) -> NDArray[np.bool_]:
        """(ky, kx): either."""
        return self.hot | self.dead

    def listed(self) -> list[list[int]]:
        """Return row and column of each hot pixel."""
        return [[int(y), int(x)] for y, x in np.argwhere(self.hot)]


def moments(rows: Iterable[NDArray[Any]]) -> Moments:
    """Look at all patterns once, scan row (scan_x, ky, kx) after scan row."""
    total: Any = 0.0
    square: Any = 0.0
    each = []
    for row in rows:
        values = row.astype(np.float64)
        total = total + values.sum(axis=0)
        square = square + np.einsum("pyx,pyx->yx", values, values)
        each.append(values.sum(axis=(1, 2)))
    totals = np.stack(each)
    mean = total / totals.size
    return Moments(mean, np.maximum(square / totals.size - mean**2, 0), totals)


def bad_pixels(seen: Moments) -> BadPixels:
    """Find pixels that no optics explains: a point of light or dark between smooth neighbours.

    A pixel is compared with the second of its eight neighbours, so that two bad ones may touch.
    """
    mean, error = seen.mean, seen.error
    bright = rank_filter(mean, -2, footprint=_NEIGHBOURS, mode="reflect")
    dark = rank_filter(mean, 1, footprint=_NEIGHBOURS, mode="reflect")
    near = rank_filter(error, -2, footprint=_NEIGHBOURS, mode="reflect")
    # A hot pixel flickers by itself; what chance allows is told by its neighbours.
    hot = mean > _BRIGHTER * bright + _SIGMAS * np.maximum(near, seen.quantum / seen.totals.size)
    dead = (mean < _DARKER * dark) & (mean < dark - _SIGMAS * near)
    return BadPixels(hot, dead)


def mended(images: NDArray[Any], bad: NDArray[np.bool_]) -> Floats:
    """Return images (…, ky, kx) in which bad pixels hold the mean of their good neighbours."""
    found = images.astype(np.float64)
    for y, x in np.argwhere(bad):
        for reach in range(1, max(bad.shape)):
            near = (slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1))
            good = ~bad[near]
            if good.any():
                found[..., y, x] = (found[..., near[0], near[1]] * good).sum(axis=(-2, -1)) / good.sum()
                break
    return found
