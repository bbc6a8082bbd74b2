"""Arrays that stay on disk: sliced like NumPy's, they read what is asked for and no more."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.io.indices import forward, per_axis

Slices = tuple[slice, ...]
"""One slice per axis, start and stop inside the array, step at least 1."""


class Lazy(ABC):
    """Something with a shape and a dtype whose parts are read when they are asked for.

    Integers, slices (also backwards), ``...`` and, along one axis, a list of integers are understood. What
    comes back is an array in memory, in the machine's own byte order.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape = tuple(int(length) for length in shape)
        self.dtype = np.dtype(dtype).newbyteorder("=")

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        count: int = math.prod(self.shape)
        return count

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * int(self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        entries = per_axis(index, self.ndim)
        listed = [axis for axis, entry in enumerate(entries) if isinstance(entry, np.ndarray)]
        if len(listed) > 1:
            raise IndexError("Only one axis may be indexed with a list.")
        if listed:
            return self._at_list(entries, listed[0])
        slices, after = zip(
            *(forward(entry, n) for entry, n in zip(entries, self.shape, strict=True)), strict=True
        )
        values = np.asarray(self._guarded(slices))
        part: NDArray[Any] = values.astype(self.dtype, copy=False)[after]
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        values = self[...]
        return values if dtype is None else values.astype(dtype, copy=False)

    def _at_list(self, entries: list[Any], axis: int) -> NDArray[Any]:
        wanted = entries[axis]
        wanted = np.flatnonzero(wanted) if wanted.dtype == bool else wanted
        # Integers before the list drop their axes.
        place = axis - sum(isinstance(entry, int) for entry in entries[:axis])
        parts = [self[(*entries[:axis], int(one), *entries[axis + 1 :])] for one in wanted]
        if parts:
            return np.stack(parts, axis=place)
        return self[(*entries[:axis], slice(0, 0), *entries[axis + 1 :])]

    def _guarded(self, slices: Slices) -> Any:
        """Read a part; whatever a decoder makes of damaged bytes comes out as an OSError."""
        try:
            return self._read(slices)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # foreign bytes make any decoder fail in any way
            raise OSError(f"the patterns cannot be decoded ({type(error).__name__}: {error})") from error

    @abstractmethod
    def _read(self, slices: Slices) -> Any:
        """Read a part; every axis is kept."""


class Native(Lazy):
    """Another array as it is, but in the machine's own byte order."""

    def __init__(self, source: Any) -> None:
        super().__init__(source.shape, source.dtype)
        self.source = source

    def _read(self, slices: Slices) -> Any:
        return self.source[slices]


class Reordered(Lazy):
    """Another array with its axes in another order: axis i is the source's axis ``order[i]``."""

    def __init__(self, source: Any, order: Sequence[int]) -> None:
        super().__init__(tuple(source.shape[axis] for axis in order), source.dtype)
        self.source, self.order = source, tuple(order)

    def _read(self, slices: Slices) -> Any:
        inner = [slice(None)] * len(self.order)
        for entry, axis in zip(slices, self.order, strict=True):
            inner[axis] = entry
        return np.asarray(self.source[tuple(inner)]).transpose(self.order)


class Joined(Lazy):
    """Stacks one after the other along the first axis."""

    def __init__(self, parts: Sequence[Any]) -> None:
        frames = sum(part.shape[0] for part in parts)
        super().__init__((frames, *parts[0].shape[1:]), parts[0].dtype)
        self.parts = tuple(parts)

    def _read(self, slices: Slices) -> Any:
        start, stop, step = slices[0].start, slices[0].stop, slices[0].step
        lengths = [len(range(n)[entry]) for n, entry in zip(self.shape, slices, strict=True)]
        pieces, first = [np.empty((0, *lengths[1:]), self.dtype)], 0
        for part in self.parts:
            last = first + part.shape[0]
            # The first wanted one that is not before this part.
            begin = start + max(0, -(-(first - start) // step)) * step
            end = min(last, stop)
            if begin < end:
                pieces.append(np.asarray(part[(slice(begin - first, end - first, step), *slices[1:])]))
            first = last
        return np.concatenate(pieces)


class Folded(Lazy):
    """A stack of patterns (pattern, ky, kx) as a scan (scan_y, scan_x, ky, kx).

    Parameters
    ----------
    source
        The stack.
    shape
        Rows and columns to keep.
    pitch
        Patterns from the start of one row to the start of the next: columns, and those of the fly-back.
    """

    def __init__(self, source: Any, shape: tuple[int, int], pitch: int) -> None:
        super().__init__((*shape, *source.shape[1:]), source.dtype)
        self.source, self.pitch = source, pitch

    def _read(self, slices: Slices) -> Any:
        rows, columns = (range(n)[entry] for n, entry in zip(self.shape, slices[:2], strict=False))
        pixels = slices[2:]
        whole = len(columns) == self.pitch and columns.step == 1 and rows.step == 1
        if whole and len(rows):
            first = rows.start * self.pitch
            block = np.asarray(self.source[(slice(first, first + len(rows) * self.pitch), *pixels)])
            return block.reshape(len(rows), len(columns), *block.shape[1:])
        lengths = [len(range(n)[entry]) for n, entry in zip(self.shape, slices, strict=True)]
        values = np.empty(lengths, self.dtype)
        for place, row in enumerate(rows):
            first = row * self.pitch
            inside = slice(first + columns.start, first + columns.stop, columns.step)
            values[place] = self.source[(inside, *pixels)]
        return values


class Squeezed(Lazy):
    """Another array without some of its axes, which have length one."""

    def __init__(self, source: Any, dropped: Sequence[int]) -> None:
        kept = [axis for axis in range(len(source.shape)) if axis not in dropped]
        super().__init__(tuple(source.shape[axis] for axis in kept), source.dtype)
        self.source, self.kept = source, kept

    def _read(self, slices: Slices) -> Any:
        inner: list[Any] = [0] * len(self.source.shape)
        for entry, axis in zip(slices, self.kept, strict=True):
            inner[axis] = entry
        return self.source[tuple(inner)]


class Window(Lazy):
    """The central part (ky, kx) of the patterns (…, ky, kx) of another array, zero angle at ``n // 2``."""

    def __init__(self, source: Any, shape: tuple[int, int]) -> None:
        super().__init__((*source.shape[:-2], *shape), source.dtype)
        self.source, self.start = source, middle(source.shape[-2:], shape)

    def _read(self, slices: Slices) -> Any:
        pixels = (
            slice(s.start + first, s.stop + first, s.step)
            for s, first in zip(slices[-2:], self.start, strict=True)
        )
        return self.source[(*slices[:-2], *pixels)]


class Padded(Lazy):
    """Patterns (…, ky, kx) of another array in the middle of larger ones, zero outside."""

    def __init__(self, source: Any, shape: tuple[int, int]) -> None:
        super().__init__((*source.shape[:-2], *shape), source.dtype)
        self.source, self.start = source, middle(shape, source.shape[-2:])

    def _read(self, slices: Slices) -> Any:
        read = np.asarray(self.source[slices[:-2]])
        values = np.zeros((*read.shape[:-2], *self.shape[-2:]), self.dtype)
        high, wide = self.source.shape[-2:]
        top, left = self.start
        values[..., top : top + high, left : left + wide] = read
        return values[..., slices[-2], slices[-1]]


class Flattened(Lazy):
    """A scan (scan_y, scan_x, ky, kx) as a stack (pattern, ky, kx)."""

    def __init__(self, source: Any) -> None:
        rows, columns, *pattern = source.shape
        super().__init__((rows * columns, *pattern), source.dtype)
        self.source, self.columns = source, columns

    def _read(self, slices: Slices) -> Any:
        wanted, lengths = slices[0], [len(range(n)[s]) for n, s in zip(self.shape, slices, strict=True)]
        pieces = [np.empty((0, *lengths[1:]), self.dtype)]
        position = wanted.start
        while position < wanted.stop:
            row, column = divmod(position, self.columns)
            end = min(self.columns, column + wanted.stop - position)
            inside = slice(column, end, wanted.step)
            pieces.append(np.asarray(self.source[(row, inside, *slices[1:])]))
            position += len(range(column, end, wanted.step)) * wanted.step
        return np.concatenate(pieces)


class Decoded(Lazy):
    """Patterns that must be decoded, each as a whole: `decode` maps (pattern, …) to (pattern, ky, kx)."""

    def __init__(
        self, source: Any, shape: tuple[int, int], dtype: Any, decode: Callable[[Any], NDArray[Any]]
    ) -> None:
        super().__init__((source.shape[0], *shape), dtype)
        self.source, self.decode = source, decode

    def _read(self, slices: Slices) -> Any:
        return self.decode(np.asarray(self.source[slices[0]]))[(slice(None), *slices[1:])]


class Deferred(Lazy):
    """An array that its format can only read whole; it is read when the first part is asked for."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, load: Callable[[], NDArray[Any]]) -> None:
        super().__init__(shape, dtype)
        self._load = load

    @cached_property
    def _values(self) -> NDArray[Any]:
        return self._load()

    def _read(self, slices: Slices) -> Any:
        return self._values[slices]


def middle(shape: tuple[int, ...], part: tuple[int, ...]) -> tuple[int, ...]:
    """Return where a central part of an array starts, so that ``n // 2`` stays what it is."""
    return tuple(n // 2 - m // 2 for n, m in zip(shape, part, strict=True))


def centred(source: Any, shape: tuple[int, int]) -> Any:
    """Return the central part (ky, kx) of patterns, NumPy's own as a view."""
    if tuple(source.shape[-2:]) == shape:
        return source
    if not isinstance(source, np.ndarray):
        return Window(source, shape)
    top, left = middle(source.shape[-2:], shape)
    return source[..., top : top + shape[0], left : left + shape[1]]


def padded(source: Any, shape: tuple[int, int]) -> Any:
    """Return patterns (…, ky, kx) in the middle of larger ones, zero outside; reads nothing."""
    return source if tuple(source.shape[-2:]) == shape else Padded(source, shape)


def in_order(source: Any, order: Sequence[int]) -> Any:
    """Return an array with its axes in another order, NumPy's own as a view."""
    order = tuple(order)
    if order == tuple(range(len(source.shape))):
        return source
    return source.transpose(order) if isinstance(source, np.ndarray) else Reordered(source, order)


def native(source: Any) -> Any:
    """Return an array whose parts come in the machine's own byte order; itself when they already do."""
    return source if np.dtype(source.dtype).isnative else Native(source)
