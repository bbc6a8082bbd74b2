"""The shape of a scan that its file does not tell: what it would look like in each, the likeliest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from napari_mixedptycho.imaging.frame import Frame
from napari_mixedptycho.imaging.stream import BLOCK
from napari_mixedptycho.io.scan_shape import factor_pairs, flyback, row_pitch

Floats = NDArray[np.float64]
Shape = tuple[int, int]

_BUDGET = 2**28
"""Bytes of patterns that are read, at most (but for 64 patterns)."""
_EDGE = 64
"""Detector rows that are read of each pattern, about: more say nothing new."""
_FEWEST = 64
_FIRST = 32
"""Patterns on which the bright-field disk is looked for."""
_SHORTEST = 8
"""Scan points of a row, at least, that is proposed although it leaves an incomplete one."""
_PROPOSALS = 6
_CLEAR, _BETTER, _AS_GOOD = 0.3, 0.1, 0.95
"""Similarity of rows that cannot be chance; by how much an incomplete scan must be more alike; part of it
that is as good."""


@dataclass(frozen=True)
class ScanGuess:
    """A proposal.

    Attributes
    ----------
    shape
        Rows and columns, without fly-back.
    similarity
        Correlation of neighbouring rows, about 0 for a wrong length; 0 also where too few were read.
    image
        (y, x): a virtual image of the rows that were read, in this shape.
    """

    shape: Shape
    similarity: float
    image: Floats


@dataclass(frozen=True)
class Traces:
    """What the first patterns of a stack look like, in the order of their recording.

    Attributes
    ----------
    values
        (signal, pattern): sum over the bright-field disk, sum outside, centre of mass (y, x); slow drift
        taken away, in units of the spread.
    count
        Patterns of the whole stack.
    """

    values: Floats
    count: int

    def similarity(self) -> Floats:
        """Return the correlation of each signal with itself so many patterns later, (signal, lag)."""
        seen = self.values.shape[1]
        spectrum = np.abs(np.fft.rfft(self.values, 2 * seen, axis=1)) ** 2
        found: Floats = np.fft.irfft(spectrum, 2 * seen, axis=1)[:, :seen]
        found /= np.maximum(found[:, :1], 1e-12) * (1 - np.arange(seen) / seen)
        # Of less than two rows nothing can be said.
        found[:, seen // 2 + 1 :] = 0.0
        return found


def traces(stack: Any, told: Callable[[], None] = lambda: None, budget: int = _BUDGET) -> Traces:
    """Look at the first patterns of a stack (pattern, ky, kx), some of their rows, block by block.

    Parameters
    ----------
    stack
        Anything that is sliced like an array.
    told
        Called after each block; may raise to end the work.
    budget
        Bytes that are read, at most, but for 64 patterns.
    """
    count, high, wide = (int(n) for n in stack.shape)
    every = max(1, high // _EDGE)
    size = -(-high // every) * wide
    most = max(_FEWEST, int(budget // (size * np.dtype(stack.dtype).itemsize)))
    seen, step = min(count, most), max(1, BLOCK // (8 * size))
    first = np.asarray(stack[: min(seen, _FIRST)]).astype(np.float64)
    weights = _weights(Frame.found(np.nan_to_num(first).mean(axis=0)))[:, ::every]
    found = np.empty((len(weights), seen))
    for begin in range(0, seen, step):
        part = np.asarray(stack[begin : min(begin + step, seen), ::every]).astype(np.float64)
        found[:, begin : begin + len(part)] = np.tensordot(weights, np.nan_to_num(part), ((1, 2), (1, 2)))
        told()
    bright, dark, y, x = found
    light = np.maximum(bright + dark, 1e-12)
    values = np.stack([bright, dark, y / light, x / light])
    values -= uniform_filter1d(values, 4 * int(np.ceil(np.sqrt(count))) + 1, axis=1)
    spread = values.std(axis=1, keepdims=True)
    return Traces(np.where(spread > 1e-9, values / np.where(spread > 0, spread, 1.0), 0.0), count)


def guesses(seen: Traces, proposed: tuple[Shape, ...] = ()) -> tuple[ScanGuess, ...]:
    """Return shapes that the number of patterns allows, the one whose neighbouring rows are most alike first.

    Parameters
    ----------
    seen
        The patterns.
    proposed
        By the reader of the file; they stay among the proposals, and stay first when rows tell nothing.
    """
    alike = seen.similarity()
    best = alike.max(axis=0)

    def score(shape: Shape) -> float:
        pitch = row_pitch(shape, seen.count)
        return float(best[pitch]) if pitch < len(best) else 0.0

    def rank(shape: Shape) -> tuple[bool, float]:
        return _stands_out(best, shape[1]), score(shape)

    pairs = sorted(factor_pairs(seen.count), key=rank, reverse=True)
    # Every second row is as much alike where fly-back outshines all: the shortest of such rows is meant.
    likely = [p for p in pairs if score(p) > _AS_GOOD * score(pairs[0]) and pairs[0][1] % p[1] == 0]
    meant = min((p for p in likely if _stands_out(best, p[1])), key=lambda p: p[1], default=pairs[0])
    pairs = [meant, *(pair for pair in pairs if pair != meant)]
    shapes = [*_incomplete(best, seen.count, score(pairs[0])), *pairs]
    clear = score(shapes[0]) > _CLEAR
    if clear:
        shapes = [*_without_flyback(seen, shapes[0]), *shapes]
    order = [*shapes[: _PROPOSALS - 2], *proposed, *shapes] if clear else [*proposed, *shapes]
    chosen = list(dict.fromkeys(order))[:_PROPOSALS]
    signal = int(alike[:, min(row_pitch(chosen[0], seen.count), alike.shape[1] - 1)].argmax())
    return tuple(ScanGuess(shape, score(shape), image_of(seen, shape, signal)) for shape in chosen)


def image_of(seen: Traces, shape: Shape, signal: int = 0) -> Floats:
    """Return one of the signals as an image (y, x) of a shape, as many rows as were read, at least one."""
    pitch, (rows, columns) = row_pitch(shape, seen.count), shape
    trace = seen.values[signal]
    there = min(rows, len(trace) // pitch)
    if there == 0:
        return np.pad(trace, (0, max(0, columns - len(trace))))[None, :columns]
    found: Floats = trace[: there * pitch].reshape(there, pitch)[:, :columns]
    return found


def _weights(frame: Frame) -> Floats:
    """Return what is summed (signal, ky, kx): disk, rest, and the light times its place."""
    y, x = np.indices(frame.shape, dtype=np.float64)
    disk = frame.ring(0, frame.radius).astype(np.float64)
    return np.stack([disk, 1 - disk, y - frame.center[0], x - frame.center[1]])


def _stands_out(best: Floats, columns: int) -> bool:
    """Tell whether rows of just this length are alike: within a row, the nearer the more."""
    if columns < 3 or columns + 1 >= len(best):
        return False
    return bool(best[columns] >= max(best[columns - 1], best[columns + 1]))


def _incomplete(best: Floats, count: int, rival: float) -> list[Shape]:
    """Return the shape of a scan that was stopped in a row, when its rows are clearly more alike."""
    last = min(len(best), count // 2 + 1)
    if last <= _SHORTEST:
        return []
    columns = _SHORTEST + int(best[_SHORTEST:last].argmax())
    if best[columns] < max(_CLEAR, rival + _BETTER) or count % columns == 0:
        return []
    return [(count // columns, columns)]


def _without_flyback(seen: Traces, shape: Shape) -> list[Shape]:
    """Return the shape without columns at its end that stand out, if there are any."""
    rows, columns = shape
    odd = flyback(seen.values[0], columns) or flyback(seen.values[1], columns)
    return [(rows, columns - odd)] if odd and rows * columns == seen.count else []
