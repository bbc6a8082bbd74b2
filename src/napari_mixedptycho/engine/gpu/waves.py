"""The waves of a chunk, within buffers that all chunks of a lane use one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.gpu.chunk import Chunk


@dataclass(frozen=True)
class Waves:
    """The waves of one chunk, and what its kernels are told.

    Attributes
    ----------
    incident
        (position, mode, y, x): incident waves, at last their gradient.
    after
        For each slice (position, state, mode, y, x): the waves that leave it and, once they have flown on,
        those incident on the next; of the last slice the far field, then the gradient on its way back.
    chunks
        For each slice.
    adjoint
        For the way back from slice to slice.
    """

    incident: Array
    after: tuple[Array, ...]
    chunks: tuple[Chunk, ...]
    adjoint: Chunk

    @property
    def far(self) -> Array:
        """The far field, and then its gradient."""
        return self.after[-1]

    @property
    def positions(self) -> int:
        """Number of positions."""
        return self.adjoint.positions

    @property
    def stack(self) -> int:
        """Number of positions times states."""
        return self.adjoint.positions * self.adjoint.states


def images(waves: Array) -> Array:
    """Return the same waves as (image, y, x)."""
    return waves.reshape(-1, *waves.shape[-2:])


class Buffers:
    """Memory for the waves of a chunk.

    Parameters
    ----------
    xp
        Array module.
    plain
        What all kernels of the lane are told.
    largest
        Positions of a chunk, at most.

    Raises
    ------
    MemoryError
        When they do not fit.
    """

    def __init__(self, xp: ModuleType, plain: Chunk, largest: int) -> None:
        pixels = largest * plain.modes * plain.size**2
        self._incident = xp.empty(pixels, "c8")
        self._after = [xp.empty(pixels * plain.states, "c8") for _ in range(plain.slices)]
        self._made: dict[Chunk, Waves] = {}

    def of(self, chunk: Chunk) -> Waves:
        """Return the waves of a chunk; the launches of all chunks of a size share what they are told."""
        if chunk not in self._made:
            self._made[chunk] = self._make(chunk)
        return self._made[chunk]

    def _make(self, chunk: Chunk) -> Waves:
        one = (chunk.positions, chunk.modes, chunk.size, chunk.size)
        each = (chunk.positions, chunk.states, *one[1:])
        pixels = chunk.positions * chunk.modes * chunk.size**2
        return Waves(
            self._incident[:pixels].reshape(one),
            tuple(buffer[: pixels * chunk.states].reshape(each) for buffer in self._after),
            tuple(replace(chunk, slice=index) for index in range(chunk.slices)),
            replace(chunk, adjoint=1),
        )
