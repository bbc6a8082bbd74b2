"""Which pixels a stroke, a straight line or a box covers; no Qt here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.bool_]
Place = tuple[float, float]
"""(y, x), px; whole numbers are the middles of pixels."""

BRUSH, LINE, BOX = "brush", "line", "box"
_STRAIGHT = np.tan(np.deg2rad(4.0))
"""Slope below which a line is meant to lie along an axis: rows of a detector die as a whole."""


def covered(shape: tuple[int, int], tool: str, begin: Place, end: Place, width: int) -> Pixels:
    """Return the pixels (ky, kx) under one movement of a tool.

    Parameters
    ----------
    shape
        (ky, kx).
    tool
        `BRUSH`: along the way; `LINE`: the same, laid along an axis when it nearly is; `BOX`: all between.
    begin, end
        Of the movement.
    width
        Of brush or line, px.
    """
    if tool == BOX:
        return _box(shape, begin, end)
    if tool == LINE:
        end = _straightened(begin, end)
    return _stroke(shape, _snapped(begin, width), _snapped(end, width), width / 2)


def _snapped(place: Place, width: int) -> NDArray[np.float64]:
    """Move a place to where a brush covers whole pixels: the middle of one, or the corner of four."""
    found = np.array(place, np.float64)
    return np.round(found) if width % 2 else np.floor(found) + 0.5


def _straightened(begin: Place, end: Place) -> Place:
    dy, dx = end[0] - begin[0], end[1] - begin[1]
    if abs(dy) <= _STRAIGHT * abs(dx):
        return begin[0], end[1]
    if abs(dx) <= _STRAIGHT * abs(dy):
        return end[0], begin[1]
    return end


def _stroke(
    shape: tuple[int, int], begin: NDArray[np.float64], end: NDArray[np.float64], radius: float
) -> Pixels:
    """Return the pixels nearer than `radius` to the way from `begin` to `end`."""
    found = np.zeros(shape, bool)
    low = np.clip(np.floor(np.minimum(begin, end) - radius), 0, shape).astype(int)
    high = np.clip(np.ceil(np.maximum(begin, end) + radius) + 1, 0, shape).astype(int)
    y, x = np.mgrid[low[0] : high[0], low[1] : high[1]].astype(np.float64)
    way = end - begin
    length = max(float(way @ way), 1e-12)
    along = np.clip(((y - begin[0]) * way[0] + (x - begin[1]) * way[1]) / length, 0.0, 1.0)
    distance = np.hypot(y - begin[0] - along * way[0], x - begin[1] - along * way[1])
    found[low[0] : high[0], low[1] : high[1]] = distance < radius
    return found


def _box(shape: tuple[int, int], begin: Place, end: Place) -> Pixels:
    """Return the pixels between two corners, those of the corners too."""
    low, high = np.round(np.minimum(begin, end)), np.round(np.maximum(begin, end))
    first, last = np.clip(low, 0, shape).astype(int), np.clip(high + 1, 0, shape).astype(int)
    found = np.zeros(shape, bool)
    found[first[0] : last[0], first[1] : last[1]] = True
    return found
