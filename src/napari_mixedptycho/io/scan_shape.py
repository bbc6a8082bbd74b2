"""The shape of a scan that its file does not state: what fits, and what the patterns themselves tell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.lazy import Flattened, Folded, native
from napari_mixedptycho.words import counted

_FRAMES = 1100
"""Patterns that are looked at to find the length of a row: two rows of 512, and fly-back."""
_BYTES, _ROW_BYTES = 2**29, 2**25
"""Most that a format which reads whole patterns has to read; most that is held."""
_PROPOSALS = 5
_AS_GOOD = 0.95
"""Part of the best correlation that is as good as the best."""


def folded(
    stack: Any, shape: tuple[int, int], name: str, *, flyback: bool = True
) -> tuple[Any, tuple[str, ...]]:
    """Return a stack (pattern, ky, kx) as a scan, and what was left out.

    Parameters
    ----------
    stack
        The patterns, in the order of their recording.
    shape
        Rows and columns to keep.
    name
        What the file is called in an error.
    flyback
        Rows may be longer than the columns to keep; else what is left over stands at the end.

    Raises
    ------
    InputError
        When the number of patterns fits neither these rows and columns nor rows with fly-back columns.
    """
    (rows, columns), count = shape, int(stack.shape[0])
    if rows < 1 or columns < 1:
        raise InputError(f"{name}: data.scan_shape is {shape}; rows and columns must be at least 1.")
    pitch = row_pitch(shape, count) if flyback else columns
    left = count - rows * pitch
    if left < 0 or (flyback and left >= columns):
        likely = ", ".join(f"[{y}, {x}]" for y, x in factor_pairs(count)[:_PROPOSALS])
        raise InputError(
            f"{name}: data.scan_shape {list(shape)} needs {rows * columns} patterns and the file holds "
            f"{count}; shapes that fit: {likely}."
        )
    notes = []
    if pitch > columns:
        notes.append(
            f"Left out as fly-back: the last {counted(pitch - columns, 'pattern')} of each row of {pitch}."
        )
    if left:
        notes.append(f"Left out, since they make no whole row: the last {left} of {count} patterns.")
    if isinstance(stack, np.ndarray):
        kept = stack[: rows * pitch].reshape(rows, pitch, *stack.shape[1:])[:, :columns]
        return native(kept), tuple(notes)
    return Folded(stack, shape, pitch), tuple(notes)


def row_pitch(shape: tuple[int, int], count: int) -> int:
    """Return the patterns from one row to the next: more than the columns where fly-back is left out.

    Parameters
    ----------
    shape
        Rows and columns that are kept, at least 1 each.
    count
        Patterns that were recorded.
    """
    rows, columns = shape
    return count // rows if rows * columns < count and count % rows == 0 else columns


def factor_pairs(count: int) -> list[tuple[int, int]]:
    """Return all (rows, columns) of at least 2 whose product is the count, the most nearly square first.

    A square with one or two more columns, as a fly-back leaves it, comes before the square's neighbours.
    """
    if count < 1:
        return []
    small = np.arange(1, int(count**0.5) + 1)
    small = small[count % small == 0]
    pairs = {(int(a), count // int(a)) for a in small} | {(count // int(a), int(a)) for a in small}
    good = [pair for pair in pairs if min(pair) > 1]
    return sorted(good, key=lambda pair: (max(pair) / min(pair), pair[0] > pair[1])) or [(1, count)]


def proposals(stack: Any) -> tuple[tuple[tuple[int, int], ...], tuple[str, ...]]:
    """Return likely shapes of a scan, the likeliest first, and what speaks for it.

    Neighbours across a row look alike: of the row lengths that fit, the one at which the brightness of the
    patterns best repeats itself comes first. A column of its rows that stands out is told as fly-back.

    Parameters
    ----------
    stack
        (pattern, ky, kx); some rows of at most 1100 patterns are looked at.
    """
    pairs = factor_pairs(int(stack.shape[0]))
    trace = brightness(stack, _FRAMES)
    scores = {pair: _repeats(trace, pair[1]) for pair in pairs}
    best = max(pairs, key=lambda pair: scores[pair])
    # Fly-back repeats itself after two rows as well as after one: the shortest such length is a row.
    alike = [p for p in pairs if scores[p] > _AS_GOOD * scores[best] and best[1] % p[1] == 0]
    best = min(alike, key=lambda pair: pair[1], default=best)
    notes: tuple[str, ...] = ()
    if scores[best] > 0.5 and scores[best] > 1.2 * np.median(list(scores.values())):
        pairs = [best, *(pair for pair in pairs if pair != best)]
        notes = (f"The brightness of the patterns repeats itself every {best[1]}.",)
        columns = flyback(trace, best[1])
        if columns:
            kept = (best[0], best[1] - columns)
            pairs = [kept, *pairs]
            notes += (f"Looks like fly-back: the last {columns} of {best[1]} columns.",)
    return tuple(pairs[:_PROPOSALS]), notes


def flyback_columns(patterns: Any) -> int:
    """Return how many columns at the end of a scan (scan_y, scan_x, ky, kx) look like fly-back: 0 to 3."""
    columns = int(patterns.shape[1])
    rows = min(int(patterns.shape[0]), max(3, _FRAMES // columns))
    flat = Flattened(patterns)
    return flyback(brightness(flat, rows * columns), columns) if columns <= _FRAMES else 0


def brightness(stack: Any, most: int) -> NDArray[np.float64]:
    """Return the sum of some rows of the first patterns, with its median and spread taken out."""
    pattern = int(np.prod(stack.shape[1:], dtype=object)) * np.dtype(stack.dtype).itemsize
    count = min(most, int(stack.shape[0]), max(64, _BYTES // pattern))
    step = max(4, -(-count * pattern // _ROW_BYTES))
    trace: NDArray[np.float64] = np.asarray(stack[:count, ::step]).sum(axis=(1, 2), dtype=np.float64)
    trace = np.nan_to_num(trace, posinf=0.0, neginf=0.0)
    trace -= np.median(trace)
    spread = float(np.std(trace))
    return trace / spread if spread > 0 else trace


def flyback(trace: NDArray[np.float64], columns: int) -> int:
    """Return how many columns at the end of each row stand out from the rest: 0 to 3.

    Parameters
    ----------
    trace
        Brightness of the patterns of some rows.
    columns
        Length of a row, fly-back included.
    """
    rows = len(trace) // columns
    if rows < 3 or columns < 8:
        return 0
    image = trace[: rows * columns].reshape(rows, columns)
    mean, spread = image.mean(axis=0), image.std(axis=0) / np.sqrt(rows)
    middle = mean[: columns - 3]
    scale = 6 * max(float(np.std(middle)), float(np.median(spread)), 1e-9)
    odd = np.abs(mean - np.median(middle)) > scale
    return next((count for count in (3, 2, 1) if odd[-count:].all()), 0)


def _repeats(trace: NDArray[np.float64], columns: int) -> float:
    """Return the correlation of the brightness with itself one row later; 0 when two rows were not seen."""
    if columns < 4 or len(trace) < 2 * columns:
        return 0.0
    first, second = trace[:-columns], trace[columns:]
    norm = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / norm if norm > 0 else 0.0
