"""Arrow keys: what they mean in an image, and which of several places lies that way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt

Way = tuple[int, int]
"""Rows and columns to go."""

_WAYS: dict[int, Way] = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


def way_of(event: Any) -> Way | None:
    """Return which way an arrow key goes; None: the event is of another key, or of none."""
    return None if event is None else _WAYS.get(event.key())


def goes(event: Any, stepped: Any) -> bool:
    """Tell which way an arrow key goes (rows, columns) by a signal; returns whether it was one."""
    way = way_of(event)
    if way is not None:
        stepped.emit(*way)
    return way is not None


def has_shift(event: Any) -> bool:
    """Tell whether Shift is held."""
    return bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)


def next_place(places: NDArray[np.float64], chosen: int, way: Way) -> int:
    """Return the nearest of the places (N, 2) that lie that way from the chosen one, else that itself.

    That way means within 45° of it, so that the four arrows together leave no direction out.
    """
    away = places - places[chosen]
    along, across = away @ np.array(way, float), away @ np.array(way[::-1], float)
    there = np.flatnonzero((along > 0) & (np.abs(across) <= along))
    return int(there[np.hypot(*away[there].T).argmin()]) if there.size else chosen
