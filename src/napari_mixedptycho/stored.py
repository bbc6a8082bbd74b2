"""Patterns that stay where they are stored, and what one pass over patterns tells."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Stored:
    """Patterns of a file that are read when they are wanted: a part of the scan and of the detector.

    Attributes
    ----------
    source
        (scan_y, scan_x, ky, kx): an HDF5 dataset, a memory map, or an array.
    region
        First scan row, row after the last, first column, column after the last.
    window
        First detector row and column, and those after the last.
    mask
        (ky, kx) bool of that window: what is False reads as zero; None: nothing does.
    """

    source: Any
    region: tuple[int, int, int, int]
    window: tuple[int, int]
    mask: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, source: Any) -> Stored:
        """Leave all patterns where they are."""
        rows, columns, *_, edge = source.shape
        return cls(source, (0, int(rows), 0, int(columns)), (0, int(edge)))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(scan_y, scan_x, ky, kx)."""
        top, bottom, left, right = self.region
        edge = self.window[1] - self.window[0]
        return bottom - top, right - left, edge, edge

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored."""
        stored: np.dtype[Any] = np.dtype(self.source.dtype)
        return stored

    @property
    def nbytes(self) -> int:
        """Bytes of all patterns."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def cut(self, top: int, bottom: int, left: int, right: int) -> Stored:
        """Return a part of the scan."""
        y, _, x, _ = self.region
        return replace(self, region=(y + top, y + bottom, x + left, x + right))

    def crop(self, first: int, last: int) -> Stored:
        """Return a part of the detector: rows and columns from `first` to before `last`."""
        start = self.window[0]
        mask = None if self.mask is None else self.mask[first:last, first:last]
        return replace(self, window=(start + first, start + last), mask=mask)

    def masked(self, mask: NDArray[np.bool_] | None) -> Stored:
        """Return the same, zero where `mask` is False."""
        return replace(self, mask=mask)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, where: Any) -> NDArray[Any]:
        """Read a part of the scan, by numbers, forward slices and `...`; one number: a scan row."""
        entries: tuple[Any, ...] = where if isinstance(where, tuple) else (where,)
        if Ellipsis in entries:
            place = entries.index(Ellipsis)
            all_of = (slice(None),) * (5 - len(entries))
            entries = entries[:place] + all_of + entries[place + 1 :]
        row, column, *pixels = entries + (slice(None),) * (4 - len(entries))
        top, _, left, _ = self.region
        scan = (_within(row, self.shape[0], top), _within(column, self.shape[1], left))
        inside = slice(*self.window)
        values = np.asarray(self.source[(*scan, inside, inside)])
        values = values if self.mask is None else np.where(self.mask, values, values.dtype.type(0))
        found: NDArray[Any] = values[(..., *pixels)]
        return found

    def at(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """Read the patterns (position, ky, kx) of these numbers, counted row by row.

        Neighbours along a row are read in one go.
        """
        edge, columns = self.shape[-1], self.shape[1]
        patterns = np.empty((len(positions), edge, edge), self.dtype)
        breaks = np.flatnonzero((np.diff(positions) != 1) | (positions[1:] % columns == 0)) + 1
        bounds = [0, *breaks.tolist(), len(positions)]
        for first, last in pairwise(bounds):
            if last > first:
                row, column = divmod(int(positions[first]), columns)
                patterns[first:last] = self._run(row, column, column + last - first)
        return patterns

    def _run(self, row: int, first: int, last: int) -> NDArray[Any]:
        top, _, left, _ = self.region
        inside = slice(*self.window)
        values = np.asarray(self.source[top + row, left + first : left + last, inside, inside])
        return values if self.mask is None else np.where(self.mask, values, values.dtype.type(0))


def _within(entry: Any, length: int, start: int) -> Any:
    """Return a number or a forward slice of a part of an axis as one of the whole axis."""
    wanted = range(length)[entry if isinstance(entry, slice) else int(entry)]
    if isinstance(wanted, range):
        return slice(start + wanted.start, start + wanted.stop, wanted.step)
    return start + wanted


def held(patterns: Any) -> int:
    """Return the bytes of one pattern while it is read: those of the largest form that it passes through."""
    most = 0
    while hasattr(patterns, "shape"):
        size = max(np.dtype(patterns.dtype).itemsize, 4)
        most = max(most, int(np.prod(patterns.shape[-2:], dtype=object)) * size)
        patterns = getattr(patterns, "source", None)
    return most


def rows_at_once(patterns: Any, most: int) -> int:
    """Return how many scan rows to read at once.

    Where a file keeps several rows together in compressed chunks, whole chunks are read if they take at most
    four times as much, for a chunk that is read in parts is decompressed for each part.

    Parameters
    ----------
    patterns
        (scan_y, scan_x, ky, kx).
    most
        Patterns to hold, about.
    """
    rows, columns = (int(n) for n in patterns.shape[:2])
    down, source = max(1, most // columns), patterns
    while source is not None:
        chunks = getattr(source, "chunks", None)
        if chunks is not None and len(chunks) == 4 and chunks[0] * columns <= 4 * most:
            down = max(int(chunks[0]), down // int(chunks[0]) * int(chunks[0]))
        source = getattr(source, "source", None)
    return min(down, rows)


@dataclass(frozen=True)
class Survey:
    """What one pass over all patterns tells.

    Attributes
    ----------
    total
        (ky, kx): sum over the scan.
    lit
        (ky, kx): whether any pattern holds something there.
    each
        (scan_y, scan_x): sum of each pattern; what was not looked at shows the median of the others.
    lowest, highest
        Values.
    filled
        Values that are not zero.
    count
        Patterns that were looked at.
    """

    total: NDArray[np.float64]
    lit: NDArray[np.bool_]
    each: NDArray[np.float64]
    lowest: float
    highest: float
    filled: int
    count: int

    @property
    def mean(self) -> NDArray[np.float64]:
        """(ky, kx): mean over the scan."""
        return self.total / self.count


def survey(rows: Iterable[NDArray[Any]], skipped: NDArray[np.bool_] | None = None) -> Survey:
    """Look at all patterns once.

    Parameters
    ----------
    rows
        Scan row after scan row, each (scan_x, ky, kx).
    skipped
        (scan_y, scan_x) bool, True where a pattern is not to be looked at; None: all are.
    """
    if skipped is None:
        looks = [_look(row) for row in rows]
    else:
        looks = [_look_at(row, ~skip) for row, skip in zip(rows, skipped, strict=True)]
    totals, lits, each, lowest, highest, filled = zip(*looks, strict=True)
    sums = np.stack(each)
    count = sums.size
    if skipped is not None:
        count -= int(skipped.sum())
        sums[skipped] = np.median(sums[~skipped])
    return Survey(
        np.sum(totals, axis=0),
        np.any(lits, axis=0),
        sums,
        float(min(lowest)),
        float(max(highest)),
        sum(filled),
        count,
    )


def _look_at(row: NDArray[Any], used: NDArray[np.bool_]) -> tuple[Any, ...]:
    """Look at some patterns of a row."""
    each = np.zeros(len(row))
    if not used.any():
        nothing = np.zeros(row.shape[1:])
        return nothing, nothing > 0, each, np.inf, -np.inf, 0
    total, lit, each[used], *rest = _look(row[used])
    return total, lit, each, *rest


def _look(row: NDArray[Any]) -> tuple[Any, ...]:
    lit = row != 0
    return (
        row.sum(axis=0, dtype=np.float64),
        lit.any(axis=0),
        row.sum(axis=(1, 2), dtype=np.float64),
        row.min(),
        row.max(),
        int(np.count_nonzero(lit)),
    )


def digest(rows: Iterable[NDArray[Any]]) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the patterns, row after row."""
    found = hashlib.sha256()
    for row in rows:
        found.update(np.ascontiguousarray(row).data)
    return found.hexdigest()[:16]
