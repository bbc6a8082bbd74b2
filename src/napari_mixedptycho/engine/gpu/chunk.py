"""What a kernel must know of its chunk, in Python and as the bytes that it is given."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

THREADS = 256
"""Threads of a block: as in the source."""
STORED = ("u1", "u2", "u4", "f2", "f4")
"""Patterns that the kernels read as they are stored, by the number the source gives them."""
LOSSES = ("intensity", "amplitude", "poisson")
"""Losses that they know, likewise; the others are evaluated between two kernels."""


@dataclass(frozen=True)
class Chunk:
    """Sizes, switches and factors of one launch, in the order of the source.

    Attributes
    ----------
    positions, states, modes, slices
        How many.
    size, detector
        Edge of a window and of the computed far field, and of a pattern, px.
    height, width
        Of the object, px.
    top, left, rows, columns
        The part of it whose gradient is summed, px.
    slice
        The slice to pass.
    adjoint
        1: with the conjugate of the propagator.
    tilted
        1: each position has a ramp to its propagator.
    stored, loss
        Numbers within `STORED` and `LOSSES`.
    object_wanted, waves_wanted
        1: this gradient is wanted.
    factor
        What makes up for transforms that are not scaled, or 1.
    electrons
        Per stored unit.
    background
        Added to the prediction of each pixel, as a part of the electrons in a pattern.
    fixed
        Units per 1 of the sums in fixed point, a power of two; 0: sums are floating.
    """

    positions: int
    states: int
    modes: int
    slices: int
    size: int
    detector: int
    height: int
    width: int
    top: int = 0
    left: int = 0
    rows: int = 0
    columns: int = 0
    slice: int = 0
    adjoint: int = 0
    tilted: int = 0
    stored: int = 0
    loss: int = 0
    object_wanted: int = 1
    waves_wanted: int = 1
    factor: float = 1.0
    electrons: float = 1.0
    background: float = 0.0
    fixed: float = 0.0

    @property
    def blocks(self) -> int:
        """Blocks of threads for one image."""
        return -(-(self.size**2) // THREADS)

    @cached_property
    def packed(self) -> NDArray[Any]:
        """Return the struct of the source: an array of one entry, which CuPy passes by value."""
        return np.array([astuple(self)], dtype=_LAYOUT)


_LAYOUT = np.dtype([(entry.name, "i4" if entry.type == "int" else "f4") for entry in fields(Chunk)])
