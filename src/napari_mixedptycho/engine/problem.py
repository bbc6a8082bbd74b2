"""What must be explained: measured patterns, the optics behind the object, and how to divide the work."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array, Transform, transform
from napari_mixedptycho.engine.comm import ALONE, Comm
from napari_mixedptycho.engine.detector import Detector
from napari_mixedptycho.engine.patterns import Patterns, in_turn
from napari_mixedptycho.engine.room import Room

Indices = NDArray[np.int64]
"""Numbers of positions."""


@dataclass(frozen=True)
class Problem:
    """The facts that stay fixed during a reconstruction.

    Attributes
    ----------
    measured
        (position, ky, kx) patterns in their native dtype, zero angle in the corner: an array, or `Patterns`
        that are read when they are wanted.
    scale
        Stored value × this = electrons (1 for noise-free data).
    weight
        (ky, kx) float32: 1 where a pixel is measured, 0 where it is masked.
    detector
        Measured and padded size.
    propagator
        (y, x) complex: one slice to the next, zero frequency in the corner, band limit included.
    lanes
        Positions of each lane, in compact groups. A lane is summed in order by one thread and the lanes are
        added in order, so that the result is the same at any number of threads, bit for bit. What is held
        out is in none.
    sampling, spacing, wavelength
        Å per object pixel, from slice to slice, and of the electrons.
    scan_shape
        (y, x) points: positions are its rows, one after the other; None: not a grid.
    source_points
        Points that a Gaussian source is sampled at, 4 or 7.
    counted
        Whether `scale` makes electrons of the stored values; else the dose is unknown.
    chunk
        Patterns whose waves are held at once by a thread: memory only, never the result.
    threads
        Lanes that run at the same time (CPU).
    held_out
        Positions whose patterns are left out of the loss.
    skipped
        Positions whose patterns are used for nothing; they are in no lane either.
    comm
        The ranks that share the lanes.
    deterministic
        On a GPU: sums that are the same bit for bit each time.
    fourier
        What transforms waves (portable path).
    """

    measured: Array | Patterns
    scale: float
    weight: Array
    detector: Detector
    propagator: Array
    lanes: tuple[NDArray[np.int64], ...]
    sampling: float = 1.0
    spacing: float = 1.0
    wavelength: float = 0.0
    scan_shape: tuple[int, int] | None = None
    source_points: int = 7
    counted: bool = False
    chunk: int = 1
    threads: int = 1
    held_out: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    skipped: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    comm: Comm = ALONE
    deterministic: bool = False
    fourier: Transform = transform

    @property
    def size(self) -> int:
        """Edge of the probe window and of the padded detector, px."""
        return self.detector.padded

    @property
    def count(self) -> int:
        """Number of patterns."""
        return len(self.measured)

    @cached_property
    def fitted(self) -> Indices:
        """Positions whose patterns count in the loss."""
        return np.setdiff1d(np.arange(self.count), np.concatenate([self.held_out, self.skipped]))

    @cached_property
    def kept(self) -> dict[Hashable, Any]:
        """What `engine.gpu` keeps for the next evaluation: plans of transforms, and what was found right."""
        return {}

    @cached_property
    def room(self) -> Room:
        """How many patterns are in work at once per thread: `chunk`, or fewer since memory ran out."""
        return Room(self.chunk)

    def electrons(self, indices: NDArray[np.int64]) -> Array:
        """Return (position, ky, kx) patterns in electrons, float of the precision of the propagator."""
        return self._electrons(self.measured[indices])

    def electrons_in_turn(self, parts: Sequence[Indices]) -> Generator[Array]:
        """Yield the same for each part; what is not in memory is read ahead."""
        with closing(in_turn(self.measured, parts)) as stored:
            yield from (self._electrons(patterns) for patterns in stored)

    def _electrons(self, stored: Array) -> Array:
        precision = self.propagator.real.dtype
        patterns = stored.astype(precision)
        patterns *= precision.type(self.scale)
        return patterns


def compact_order(positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order positions along square tiles, so that neighbours in the order share most of the object.

    Parameters
    ----------
    positions
        (position, 2), any unit.

    Returns
    -------
    NDArray
        Indices: tile after tile (serpentine), row by row within a tile.
    """
    extent = np.ptp(positions, axis=0)
    tile = max(float(extent.max()) / 4, 1e-9)
    rows, columns = np.floor((positions - positions.min(axis=0)) / tile).astype(np.int64).T
    columns = np.where(rows % 2, -columns, columns)
    return np.lexsort((positions[:, 1], positions[:, 0], columns, rows))


def divide(order: NDArray[np.int64], lanes: int) -> tuple[NDArray[np.int64], ...]:
    """Cut an order of positions into at most `lanes` contiguous groups of nearly equal size."""
    return tuple(part for part in np.array_split(order, lanes) if len(part))


def chunks(indices: NDArray[np.int64], size: int) -> Sequence[NDArray[np.int64]]:
    """Cut the positions of a lane into chunks of nearly equal size, at most `size`."""
    return np.array_split(indices, max(1, -(-len(indices) // size)))
