"""What stands between the brackets of an array that is read lazily."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np


def per_axis(index: Any, ndim: int) -> list[Any]:
    """Return one integer, slice or integer array per axis."""
    entries = list(index) if isinstance(index, tuple) else [index]
    dots = [place for place, entry in enumerate(entries) if entry is Ellipsis]
    if len(dots) > 1 or len(entries) - len(dots) > ndim:
        raise IndexError(f"Too many indices for an array of {ndim} axes.")
    place = dots[0] if dots else len(entries)
    missing = ndim - (len(entries) - len(dots))
    entries[place : place + len(dots)] = [slice(None)] * missing
    return [_entry(entry) for entry in entries]


def _entry(entry: Any) -> Any:
    if isinstance(entry, slice):
        return entry
    if isinstance(entry, list | np.ndarray) and np.ndim(entry) == 1:
        return np.asarray(entry)
    return operator.index(entry)


def forward(entry: Any, length: int) -> tuple[slice, Any]:
    """Return a forward slice that reads what is wanted, and what then makes of it what was asked for."""
    if isinstance(entry, slice):
        wanted = range(length)[entry]
        if wanted.step > 0:
            return slice(wanted.start, max(wanted.start, wanted.stop), wanted.step), slice(None)
        back = wanted[::-1]
        return slice(back.start, max(back.start, back.stop), back.step), slice(None, None, -1)
    if not -length <= entry < length:
        raise IndexError(f"Index {entry} is out of range for an axis of {length}.")
    start = entry % length
    return slice(start, start + 1, 1), 0
