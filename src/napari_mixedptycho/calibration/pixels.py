"""Detector pixels that are not to be believed: hot ones, and dead ones inside the light."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt, rank_filter
from scipy.sparse import csr_array

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


def bad_pixels(seen: Moments, measured: NDArray[np.bool_] | None = None) -> BadPixels:
    """Find pixels that no optics explains: a point of light or dark between smooth neighbours.

    A pixel is compared with the second of its eight neighbours, so that two bad ones may touch.

    Parameters
    ----------
    seen
        What the patterns told.
    measured
        Pixels (ky, kx) that are looked at; None: all. The others are taken as the mean of their neighbours.
    """
    mean, error = seen.mean, seen.error
    if measured is not None:
        mend = Mending(~measured)
        mean, error = mend(mean), np.sqrt(mend(error**2))
    bright = rank_filter(mean, -2, footprint=_NEIGHBOURS, mode="reflect")
    dark = rank_filter(mean, 1, footprint=_NEIGHBOURS, mode="reflect")
    near = rank_filter(error, -2, footprint=_NEIGHBOURS, mode="reflect")
    # A hot pixel flickers by itself; what chance allows is told by its neighbours.
    hot = mean > _BRIGHTER * bright + _SIGMAS * np.maximum(near, seen.quantum / seen.totals.size)
    dead = (mean < _DARKER * dark) & (mean < dark - _SIGMAS * near)
    return BadPixels(hot, dead) if measured is None else BadPixels(hot & measured, dead & measured)


class Mending:
    """Gives bad pixels (ky, kx) the mean of the good ones that are nearest, in any number of images."""

    def __init__(self, bad: NDArray[np.bool_]) -> None:
        self._bad = np.flatnonzero(bad)
        # How many rows or columns away the nearest good pixel lies.
        reach = distance_transform_cdt(bad, "chessboard") if not bad.all() else np.zeros(bad.shape, int)
        number = np.arange(bad.size).reshape(bad.shape)
        places, sources, weights = [], [], []
        for place, (y, x) in enumerate(np.argwhere(bad)):
            far = int(reach[y, x])
            near = (slice(max(0, y - far), y + far + 1), slice(max(0, x - far), x + far + 1))
            good = number[near][~bad[near]]
            places.append(np.full(len(good), place))
            sources.append(good)
            weights.append(np.full(len(good), 1 / max(len(good), 1)))
        found, columns = np.unique(np.concatenate([*sources, []]).astype(np.int64), return_inverse=True)
        self._good = found
        rows, values = np.concatenate([*places, []]).astype(np.int64), np.concatenate([*weights, []])
        self._mean = csr_array((values, (columns, rows)), shape=(len(found), len(self._bad)))

    def __call__(self, images: NDArray[Any]) -> Floats:
        """Return images (…, ky, kx) in which the bad pixels are mended."""
        flat = images.reshape(-1, images.shape[-2] * images.shape[-1]).astype(np.float64)
        if len(self._good):
            flat[:, self._bad] = flat[:, self._good] @ self._mean
        found: Floats = flat.reshape(images.shape)
        return found
