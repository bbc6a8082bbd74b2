"""Patterns that are changed when they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.stored import Stored, held, rows_at_once

Images = NDArray[Any]
BLOCK = 2**26
"""Bytes of patterns that are changed at a time, about."""


@dataclass(frozen=True)
class Changed:
    """Patterns of another array, changed when they are read.

    Attributes
    ----------
    source
        (scan_y, scan_x, ky, kx), sliced as an array.
    change
        From images (…, ky, kx) to images of `edge` × `edge` px and `dtype`.
    """

    source: Any
    change: Callable[[Images], Images]
    edge: int
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(scan_y, scan_x, ky, kx)."""
        rows, columns = self.source.shape[:2]
        return int(rows), int(columns), self.edge, self.edge

    def __getitem__(self, where: tuple[Any, ...]) -> Images:
        """Read scan points, change their patterns, and cut these."""
        *points, ky, kx = where
        stored = np.asarray(self.source[(*points, slice(None), slice(None))])
        return self.change(stored)[..., ky, kx]


@dataclass(frozen=True)
class Thinned:
    """Every n-th scan point of another array."""

    source: Any
    every: int

    @property
    def shape(self) -> tuple[int, ...]:
        """(scan_y, scan_x, ky, kx)."""
        rows, columns, *pattern = self.source.shape
        return (-(-rows // self.every), -(-columns // self.every), *pattern)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored."""
        stored: np.dtype[Any] = np.dtype(self.source.dtype)
        return stored

    def __getitem__(self, where: tuple[Any, ...]) -> Images:
        """Read scan points."""
        points = [self._there(entry, length) for entry, length in zip(where[:2], self.shape[:2], strict=True)]
        return np.asarray(self.source[(*points, *where[2:])])

    def _there(self, entry: Any, length: int) -> Any:
        if not isinstance(entry, slice):
            return int(entry) * self.every
        wanted = range(length)[entry]
        last = wanted[-1] * self.every + 1 if len(wanted) else 0
        return slice(wanted.start * self.every, last, wanted.step * self.every)


def changed(dataset: Dataset, change: Callable[[Images], Images], edge: int, dtype: np.dtype[Any]) -> Any:
    """Return the patterns of a data set, changed: at once in memory, else when they are read."""
    patterns = dataset.patterns
    lazily = Changed(patterns, change, edge, dtype)
    return Stored.of(lazily) if isinstance(patterns, Stored) else in_memory(lazily)


def in_memory(patterns: Any) -> Images:
    """Read patterns (scan_y, scan_x, ky, kx), some rows at a time, into one array."""
    rows, columns, *pattern = (int(n) for n in patterns.shape)
    found = np.empty((rows, columns, *pattern), patterns.dtype)
    step = rows_at_once(patterns, max(1, BLOCK // held(patterns)))
    for first in range(0, rows, step):
        part = slice(first, min(first + step, rows))
        found[part] = patterns[part, slice(0, columns), slice(None), slice(None)]
    return found
