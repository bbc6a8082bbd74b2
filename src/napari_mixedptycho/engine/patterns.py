"""Measured patterns that need not be where they are computed with: kept in part, or read when wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array

Indices = NDArray[np.int64]
Read = Callable[[Indices], NDArray[Any]]
"""From numbers of positions to their patterns (position, ky, kx) on the host, zero angle in the corner."""


class Patterns(Protocol):
    """What `Problem.measured` must be able to do; an array can."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(position, ky, kx)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored."""

    def __len__(self) -> int:
        """Return the number of positions."""

    def __getitem__(self, indices: Indices) -> Array:
        """Return the patterns of these positions (position, ky, kx), beside the object."""


class Transfer(Protocol):
    """Brings host arrays beside the object."""

    def __call__(self, patterns: NDArray[Any]) -> Array:
        """Begin to bring an array over; what uses the result waits for it."""


@dataclass(frozen=True)
class Streamed:
    """Patterns that are read when they are wanted.

    Attributes
    ----------
    read
        Reads some of them; called from several threads.
    shape, dtype
        Of all patterns (position, ky, kx), as stored.
    block
        Patterns that are read at once, at least.
    transfer
        Makes what brings them over, once for every pass of a lane; None: they stay on the host.
    """

    read: Read
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    block: int = 1
    transfer: Callable[[], Transfer] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices: Indices) -> Array:
        """Read the patterns of these positions (position, ky, kx)."""
        patterns = self.read(np.asarray(indices))
        return patterns if self.transfer is None else self.transfer()(patterns)

    def in_turn(self, parts: Sequence[Indices]) -> Generator[Array]:
        """Yield the patterns of each part; while it is in use the next is brought over and one more read."""
        blocks = _blocks(parts, self.block)
        transfer = _stay if self.transfer is None else self.transfer()
        with ThreadPoolExecutor(1) as reader:
            waiting: deque[Future[NDArray[Any]]] = deque()
            todo = iter(blocks)

            def read_on() -> None:
                block = next(todo, None)
                if block is not None:
                    waiting.append(reader.submit(self.read, np.concatenate(block)))

            read_on()
            read_on()
            ready = transfer(waiting.popleft().result())
            for block in blocks:
                read_on()
                following = transfer(waiting.popleft().result()) if waiting else None
                bounds = np.cumsum([0, *map(len, block)])
                yield from (ready[a:b] for a, b in pairwise(bounds))
                ready = following


@dataclass(frozen=True)
class Held:
    """Patterns of which some are in memory, and the others are read when they are wanted.

    Attributes
    ----------
    rest
        All of them.
    kept
        Those in memory, beside the object.
    place
        (position,): their rows in `kept`; −1: not there.
    """

    rest: Streamed
    kept: Array
    place: Indices

    @classmethod
    def of(cls, rest: Streamed, own: Indices, kept: Array) -> Held:
        """Hold the patterns `kept` of the positions `own`."""
        place = np.full(len(rest), -1)
        place[own] = np.arange(len(own))
        return cls(rest, kept, place)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(position, ky, kx) of all patterns."""
        return self.rest.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored."""
        return self.rest.dtype

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, indices: Indices) -> Array:
        """Return the patterns of these positions, read where one of them is not in memory."""
        rows = self.place[indices]
        return self.rest[indices] if (rows < 0).any() else self.kept[rows]


def in_turn(measured: Array | Patterns, parts: Sequence[Indices]) -> Generator[Array]:
    """Yield the patterns (position, ky, kx) of each part, as they are stored, beside the object."""
    if isinstance(measured, Streamed):
        with closing(measured.in_turn(parts)) as patterns:
            yield from patterns
    else:
        yield from (measured[part] for part in parts)


def _stay(patterns: NDArray[Any]) -> Array:
    return patterns


def _blocks(parts: Sequence[Indices], size: int) -> list[list[Indices]]:
    """Join parts that follow each other to blocks of at least `size` positions."""
    blocks: list[list[Indices]] = [[]]
    for part in parts:
        if sum(map(len, blocks[-1])) >= size:
            blocks.append([])
        blocks[-1].append(part)
    return blocks
