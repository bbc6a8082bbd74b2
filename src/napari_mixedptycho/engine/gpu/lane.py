"""One lane of positions as a sequence of kernels: the same numbers as `View` gives, in fewer passes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.gpu.chunk import LOSSES, STORED, Chunk
from napari_mixedptycho.engine.gpu.comparison import Comparison, Stored
from napari_mixedptycho.engine.gpu.device import Device
from napari_mixedptycho.engine.gpu.fixed_point import FixedPoint
from napari_mixedptycho.engine.gpu.waves import Buffers, Waves, images
from napari_mixedptycho.engine.problem import Indices, chunks

if TYPE_CHECKING:
    from napari_mixedptycho.engine.view import Share, View


class Lane:
    """The buffers of one lane on a device, and its way to the detector and back.

    Parameters
    ----------
    view
        The estimate.
    share
        What the lane adds to; empty.
    device
        Where the kernels run.
    patterns
        Per chunk, at most.

    Raises
    ------
    MemoryError
        When the buffers of a chunk do not fit; nothing has been computed then.
    """

    def __init__(self, view: View, share: Share, device: Device, patterns: int) -> None:
        xp = namespace(view.transmission)
        self.view, self.share, self.device, self.xp = view, share, device, xp
        self.parts = chunks(np.arange(len(share.indices)), patterns)
        corners = view.corners[share.indices]
        self.corners = xp.asarray(corners.astype(np.int32))
        self.rows = xp.asarray(share.indices.astype(np.int32))
        self.object = xp.ascontiguousarray(view.transmission)
        self.spectrum, self.ramps = xp.ascontiguousarray(view.spectrum), xp.ascontiguousarray(view.ramps)
        self.fixed = FixedPoint.of(view, corners) if view.problem.deterministic else None
        self.plain = self._plain()
        self.propagator, self.tilts = self._flight()
        self.comparison = Comparison(view, share, device, self.plain, self.rows)
        self.buffers = Buffers(xp, self.plain, len(self.parts[0]))
        for count in {len(part) for part in self.parts}:
            waves = self._waves(count)
            device.prepare(images(waves.incident))
            device.prepare(images(waves.far))
        self._clear()

    def _plain(self) -> Chunk:
        """Return what all kernels of the lane are told."""
        view, problem = self.view, self.view.problem
        states, slices, height, width = view.transmission.shape
        rows, columns = self.share.window
        loss, stored = getattr(view.loss, "kind", ""), problem.measured.dtype.str[1:]
        lit = max(float(problem.weight.sum()), 1.0)
        return Chunk(
            *(0, states, len(view.spectrum), slices, problem.size, problem.detector.size, height, width),
            *(int(rows.start), int(columns.start)),
            *(int(rows.stop - rows.start), int(columns.stop - columns.start)),
            tilted=int(view.flight.tilt is not None and len(view.flight.tilt) > 1),
            stored=STORED.index(stored) if stored in STORED else 0,
            loss=LOSSES.index(loss) if loss in LOSSES else 0,
            object_wanted=int(view.object_wanted),
            waves_wanted=int(bool(view.refined)),
            factor=1 / problem.size**2,
            electrons=problem.scale,
            background=getattr(view.loss, "background", 0.0) / lit,
        )

    def _flight(self) -> tuple[Array, Array]:
        """Return the propagator (ky, kx), and for each position its ramps (position, 2, k) where tilted."""
        flight = self.view.flight
        if not self.plain.tilted:
            flat = flight.propagator(self.share.indices[:1]).reshape(flight.fixed.shape)
            return self.xp.ascontiguousarray(flat), self.ramps
        assert flight.tilt is not None
        phases = 2j * np.pi * flight.spacing * flight.tilt[..., None] * flight.k
        return self.xp.ascontiguousarray(flight.fixed), self.xp.asarray(np.exp(phases).astype("c8"))

    def _waves(self, count: int) -> Waves:
        """Return the waves of a chunk of so many positions."""
        units = self.fixed.units if self.fixed is not None else 0.0
        return self.buffers.of(replace(self.plain, positions=count, fixed=units))

    def _clear(self) -> None:
        """Begin all sums."""
        xp, view, share = self.xp, self.view, self.share
        share.value = 0.0
        share.each.clear()
        share.sums.clear()
        share.object[...] = 0
        self.total = share.object if self.fixed is None else xp.zeros((*share.object.shape, 2), "i8")
        self.beam = xp.zeros_like(self.spectrum) if view.beam_wanted else None
        shape = (len(share.indices), self.plain.blocks, 2)
        self.shifts = xp.zeros(shape, "f4") if view.places_wanted else None

    def run(self) -> None:
        """Evaluate all positions and hand over to the share."""
        self._all()
        while self.fixed is not None and not self.fixed.holds(longest := self.comparison.longest()):
            self.fixed = self.fixed.coarser(longest)
            self._clear()
            self._all()
        self._finish()

    def _all(self) -> None:
        with closing(self.comparison.stored(self.parts)) as stored:
            for rows, patterns in zip(self.parts, stored, strict=True):
                self._chunk(rows, patterns)

    def _finish(self) -> None:
        share = self.share
        share.value = self.comparison.value()
        if self.fixed is not None and self.view.object_wanted:
            share.object[...] = self.fixed.floating(self.total)
        if self.beam is not None:
            share.add("beam", self.beam)
        if self.shifts is not None:
            share.put("places", np.arange(len(share.indices)), asnumpy(self.shifts.sum(axis=1, dtype="f8")))

    def _chunk(self, rows: Indices, patterns: Stored) -> None:
        waves, here = self._waves(len(rows)), slice(int(rows[0]), int(rows[-1]) + 1)
        self._to_detector(waves, here)
        self.comparison.compare(waves, rows, patterns)
        if not self.view.refined:
            return
        if self.fixed is not None and not self.fixed.units:
            self.fixed = self.fixed.chosen(self.comparison.longest())
            waves = self._waves(len(rows))
        self._to_first_slice(waves, rows, here)
        if self.beam is not None:
            self._to_beam(waves, here)

    def _run(self, name: str, count: int, *arguments: Array | Chunk) -> None:
        self.device.launch(name, (self.plain.blocks, count), *arguments)

    def _to_detector(self, waves: Waves, here: slice) -> None:
        """Shift the beam, and send it through all slices; leaves the far field, not scaled."""
        corners, rows, first = self.corners[here], self.rows[here], waves.chunks[0]
        self._run("shift", waves.positions, self.spectrum, self.ramps, rows, waves.incident, first)
        self.device.transform(images(waves.incident), inverse=True)
        self._run("enter", waves.stack, waves.incident, self.object, corners, waves.after[0], first)
        for flying, leaving, chunk in zip(waves.after, waves.after[1:], waves.chunks[1:], strict=False):
            self.device.transform(images(flying))
            self._run("propagate", waves.stack, flying, self.propagator, self.tilts, rows, first)
            self.device.transform(images(flying), inverse=True)
            self._run("transmit", waves.stack, flying, self.object, corners, leaving, chunk)
        self.device.transform(images(waves.far))

    def _to_first_slice(self, waves: Waves, rows: Indices, here: slice) -> None:
        """Take the gradient of the far field back to the incident waves."""
        corners, gradient, view = self.corners[here], waves.far, self.view
        flight = (self.propagator, self.tilts, self.rows[here], waves.adjoint)
        slopes = None
        if view.flight_wanted and len(waves.after) > 1:
            slopes = self.xp.zeros((waves.positions, self.plain.size, self.plain.size), "f4")
        self.device.transform(images(gradient), inverse=True)
        for index in range(self.plain.slices - 1, 0, -1):
            wave, chunk = waves.after[index - 1], waves.chunks[index]
            self._run("back", waves.stack, wave, gradient, self.object, corners, self.total, chunk)
            self.device.transform(images(gradient))
            if slopes is not None:
                self.device.transform(images(wave))
                self._run("flight_slope", waves.positions, gradient, wave, slopes, chunk)
            self._run("propagate", waves.stack, gradient, *flight)
            self.device.transform(images(gradient), inverse=True)
        arguments = (waves.incident, gradient, self.object, corners, self.total, waves.chunks[0])
        self._run("exit_back", waves.positions, *arguments)
        if slopes is not None:
            view.collect(self.share, rows, view.flight.pullback(slopes, self.share.indices[rows]))

    def _to_beam(self, waves: Waves, here: slice) -> None:
        """Take the gradient of the incident waves to the beam's spectrum, and to the positions."""
        rows, chunk, gradient = self.rows[here], waves.chunks[0], waves.incident
        self.device.transform(images(gradient))
        if self.shifts is not None:
            arguments = (gradient, self.spectrum, self.ramps, rows, self.shifts[here], chunk)
            self._run("shift_slope", waves.positions, *arguments)
        self._run("unshift", chunk.modes, gradient, self.ramps, rows, self.beam, chunk)
