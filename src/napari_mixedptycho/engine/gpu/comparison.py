"""The far field of a chunk against its patterns: in one kernel, or as `View` does it between two."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.gpu.chunk import LOSSES, STORED, Chunk
from napari_mixedptycho.engine.gpu.device import Device
from napari_mixedptycho.engine.gpu.waves import Waves
from napari_mixedptycho.engine.patterns import in_turn
from napari_mixedptycho.engine.problem import Indices

if TYPE_CHECKING:
    from napari_mixedptycho.engine.view import Share, View

Stored = tuple[Array, Array]
"""Patterns (any, ky, kx) on the device as they are stored, and a chunk's rows (position,) among them."""


class Comparison:
    """Compares the chunks of a lane; keeps the loss and the length of the gradient of each pattern.

    Parameters
    ----------
    view
        The estimate.
    share
        Of the lane.
    device
        Where the kernels run.
    plain
        What all kernels of the lane are told.
    rows
        (position,) int32: the lane's patterns among all.
    """

    def __init__(self, view: View, share: Share, device: Device, plain: Chunk, rows: Array) -> None:
        xp = namespace(view.transmission)
        self.view, self.share, self.device, self.plain, self.xp = view, share, device, plain, xp
        self.rows = rows
        self.weight = xp.ascontiguousarray(view.problem.weight.astype("f4"))
        self.floors = xp.zeros(len(rows), "f4")
        self.partial = xp.zeros((len(rows), plain.blocks, 2), "f4")

    def value(self) -> float:
        """Return the loss of all patterns so far."""
        return float(self.partial[..., 0].sum(dtype="f8"))

    def longest(self) -> float:
        """Return the largest length of a pattern's gradient so far, in units of the unitary far field."""
        return math.sqrt(float(self.partial[..., 1].sum(axis=1, dtype="f8").max()))

    def stored(self, parts: Sequence[Indices]) -> Generator[Stored]:
        """Yield for each part of the lane its patterns."""
        measured, xp = self.view.problem.measured, self.xp
        if isinstance(measured, xp.ndarray) and measured.flags.c_contiguous:
            yield from ((measured, self.rows[rows[0] : rows[-1] + 1]) for rows in parts)
            return
        with closing(in_turn(measured, [self.share.indices[rows] for rows in parts])) as patterns:
            for part in patterns:
                yield xp.ascontiguousarray(xp.asarray(part)), xp.arange(len(part), dtype="i4")

    def compare(self, waves: Waves, rows: Indices, stored: Stored) -> None:
        """Compare the far field of a chunk; if anything is refined it becomes its gradient."""
        if self._known():
            self._in_one_kernel(waves, rows, stored)
        else:
            self._between_kernels(waves, rows, stored)

    def _known(self) -> bool:
        """Whether the kernel knows the loss, the detector and how the patterns are stored."""
        view, estimate = self.view, self.view.camera.estimate
        assert view.loss is not None
        plain = estimate.blur is None and estimate.intensity is None and estimate.background is None
        return plain and view.loss.kind in LOSSES and view.problem.measured.dtype.str[1:] in STORED

    def _in_one_kernel(self, waves: Waves, rows: Indices, stored: Stored) -> None:
        here, chunk, given = slice(rows[0], rows[-1] + 1), waves.chunks[0], (*stored, self.weight)
        floors = self.floors[here]
        if self.plain.background:
            self.device.launch("seen", (1, waves.positions), *given, floors, chunk)
        grid = (self.plain.blocks, waves.positions)
        self.device.launch("compare", grid, waves.far, *given, floors, self.partial[here], chunk)

    def _between_kernels(self, waves: Waves, rows: Indices, stored: Stored) -> None:
        here, chunk, view = slice(rows[0], rows[-1] + 1), waves.chunks[0], self.view
        assert view.loss is not None
        grid = (self.plain.blocks, waves.positions)
        powers = self.xp.empty((len(rows), chunk.size, chunk.size), "f4")
        self.device.launch("power", grid, waves.far, powers, chunk)
        predicted, camera_back = view.camera.see(powers, self.share.indices[rows])
        patterns, numbers = stored
        measured = patterns[numbers].astype("f4") * np.float32(view.problem.scale)
        values, slope = view.loss.terms(predicted, measured, view.problem.weight)
        self.partial[here, 0, 0] = values
        if not view.refined:
            return
        slope, found = camera_back(slope)
        view.collect(self.share, rows, found)
        self.partial[here, 0, 1] = (4 * slope * slope * powers).sum(axis=(1, 2))
        slope = self.xp.ascontiguousarray(slope.astype("f4"))
        self.device.launch("weigh", grid, waves.far, slope, chunk)
