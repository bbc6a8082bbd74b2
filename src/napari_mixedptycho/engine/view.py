"""One estimate made ready for evaluation: chunk by chunk through the specimen to the detector, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np

from napari_mixedptycho._array import Array, add_patches, asnumpy, namespace, take_patches
from napari_mixedptycho._device import give_back
from napari_mixedptycho.engine.beam import beam
from napari_mixedptycho.engine.camera import Camera
from napari_mixedptycho.engine.estimate import Estimate, Unknown
from napari_mixedptycho.engine.flight import Flight
from napari_mixedptycho.engine.gpu import fused
from napari_mixedptycho.engine.incidence import Backward as IncidentBackward
from napari_mixedptycho.engine.incidence import incident_waves, shift_ramps, split_positions
from napari_mixedptycho.engine.losses import Loss
from napari_mixedptycho.engine.multislice import Backward as FarBackward
from napari_mixedptycho.engine.multislice import Watch, far_field
from napari_mixedptycho.engine.objects import transmission
from napari_mixedptycho.engine.places import places
from napari_mixedptycho.engine.problem import Indices, Problem, chunks

Area = tuple[slice, slice]
Window = tuple[Area, Array]
"""Where a part of the gradient of the object lies, and that part (state, slice, y, x)."""
_BESIDE = {"beam", "background"}
"""Sums that lie beside the object; those of small unknowns lie on the host."""


@dataclass
class Share:
    """What one lane adds: its loss, and its part of each gradient.

    That of the object is over the window that the lane touches; `each` holds a row for each of its positions,
    `sums` what all of them share.
    """

    indices: Indices
    window: tuple[slice, slice]
    object: Array
    value: float = 0.0
    each: dict[str, Array] = field(default_factory=dict)
    sums: dict[str, Array] = field(default_factory=dict)

    def add(self, name: str, part: Array) -> None:
        """Add to what all positions share."""
        self.sums[name] = self.sums[name] + part if name in self.sums else part

    def put(self, name: str, rows: Indices, part: Array) -> None:
        """Add to the rows of some positions, on the host."""
        if name not in self.each:
            self.each[name] = np.zeros((len(self.indices), *part.shape[1:]))
        self.each[name][rows] += part

    def joined(self, other: Share) -> Share:
        """Return what both add together, where we compute; neither is used any more."""
        xp = namespace(self.object)
        both = [(name, self.sums[name], other.sums[name]) for name in self.sums]
        return Share(
            np.concatenate([self.indices, other.indices]),
            *_overlaid((self.window, self.object), (other.window, other.object)),
            self.value + other.value,
            {name: np.concatenate([rows, other.each[name]]) for name, rows in self.each.items()},
            {name: xp.asarray(one) + xp.asarray(two) for name, one, two in both},
        )

    def on_host(self) -> Share:
        """Return the same in host arrays."""
        sums = {name: asnumpy(part) for name, part in self.sums.items()}
        return replace(self, object=asnumpy(self.object), sums=sums)


@dataclass(frozen=True)
class View:
    """One estimate made ready for evaluation: transmission, beam, windows, flight, detector."""

    problem: Problem
    loss: Loss | None
    refined: frozenset[Unknown]
    transmission: Array
    object_pullback: Callable[[Array], Mapping[str, Array]]
    spectrum: Array
    beam_pullback: Callable[[Array], Mapping[str, Array]]
    places_pullback: Callable[[Array], Mapping[str, Array]]
    corners: Indices
    ramps: Array
    flight: Flight
    camera: Camera
    each: frozenset[str]
    """Small unknowns with a row for each position."""

    @classmethod
    def of(
        cls, problem: Problem, estimate: Estimate, loss: Loss | None, refined: tuple[Unknown, ...]
    ) -> View:
        """Make an estimate ready; `refined` are the unknowns whose gradient will be wanted."""
        wave, object_pullback = transmission(estimate)
        centres, places_pullback = places(estimate)
        corners, shifts = split_positions(centres, problem.size, wave.shape[-2:])
        spectrum, beam_pullback = beam(problem, estimate)
        tilted = estimate.tilt is not None and len(estimate.tilt) > 1
        return cls(
            problem,
            loss,
            frozenset(refined),
            wave,
            object_pullback,
            spectrum,
            beam_pullback,
            places_pullback,
            corners,
            shift_ramps(shifts, problem.size, spectrum),
            Flight.of(problem, estimate),
            Camera.of(problem, estimate),
            frozenset({"intensity", "tilt"} if tilted else {"intensity"}),
        )

    @property
    def object_wanted(self) -> bool:
        """Whether the gradient of the object is wanted."""
        return bool(self.refined & {"object", "displacement", "weights"})

    @property
    def flight_wanted(self) -> bool:
        """Whether that of the flight from slice to slice is."""
        return bool(self.refined & {"tilt", "spacing"})

    @property
    def places_wanted(self) -> bool:
        """Whether those of where the beam goes are."""
        return bool(self.refined & {"positions", "scan"})

    @property
    def beam_wanted(self) -> bool:
        """Whether that of the incident waves is."""
        return self.places_wanted or bool(self.refined & {"probe", "aberrations", "source"})

    def power(self, part: Indices) -> tuple[Array, Array, FarBackward, IncidentBackward]:
        """Send a chunk to the detector: power (position, ky, kx), far field, and the two pullbacks.

        Of the measured pixels, or of the whole computed field where the detector blurs.
        """
        fourier = self.problem.fourier
        incident, incident_back = incident_waves(self.spectrum, self.ramps[part], fourier)
        patches = [
            take_patches(self.transmission[:, index], self.corners[part], self.problem.size)[:, :, None]
            for index in range(self.transmission.shape[1])
        ]
        far, back = far_field(
            incident[:, None],
            patches,
            self.flight.between(part),
            self.camera.ramp(part),
            fourier,
            self.camera.window,
        )
        return _power(far), far, back, incident_back

    def lane(self, indices: Indices) -> Share:
        """Evaluate the positions of one lane: on a GPU with fused kernels where they know how."""
        room = self.problem.room
        while True:
            tried = room.patterns
            try:
                share = self.share(indices)
                if not fused.evaluate(self, share):
                    self.portable(share)
                return share
            except MemoryError:
                if not room.halve(tried):
                    raise
                give_back(self.transmission)

    def share(self, indices: Indices) -> Share:
        """Return an empty share for the positions of one lane."""
        xp = namespace(self.transmission)
        corners = self.corners[indices]
        first, last = corners.min(axis=0), corners.max(axis=0) + self.problem.size
        window = slice(first[0], last[0]), slice(first[1], last[1])
        shape = tuple(last - first) if self.object_wanted else (0, 0)
        empty = xp.zeros((*self.transmission.shape[:2], *shape), self.transmission.dtype)
        return Share(indices, window, empty)

    def portable(self, share: Share) -> None:
        """Evaluate a lane chunk by chunk, on any backend."""
        corners = self.corners[share.indices] - [part.start for part in share.window]
        parts = chunks(np.arange(len(share.indices)), self.problem.room.patterns)
        measured = self.problem.electrons_in_turn([share.indices[rows] for rows in parts])
        with closing(measured):
            for rows, patterns in zip(parts, measured, strict=True):
                self._chunk(share, rows, corners[rows], patterns)
        # Chunk by chunk these are sums of conjugates; see `multislice`.
        xp = namespace(share.object)
        xp.conj(share.object, out=share.object)
        if "beam" in share.sums:
            share.sums["beam"] = xp.conj(share.sums["beam"])

    def _chunk(self, share: Share, rows: Indices, corners: Indices, measured: Array) -> None:
        """Add one chunk to the lane's share."""
        assert self.loss is not None
        part = share.indices[rows]
        power, far, back, incident_back = self.power(part)
        predicted, camera_back = self.camera.see(power, part)
        values, slope = self.loss.terms(predicted, measured, self.problem.weight)
        share.value += float(values.sum())
        if not self.refined:
            return
        slope, found = camera_back(slope)
        self.collect(share, rows, found)
        slope *= 2  # dI = 2 Re(conj(Ψ)·dΨ)
        far = namespace(far).conj(far, out=far)
        far *= slope[:, None, None]
        entrance = back(far, self._watch(share, rows, corners))
        if self.beam_wanted:
            spectrum, shifts = incident_back(entrance, self.places_wanted)
            share.add("beam", spectrum)
            if shifts is not None:
                share.put("places", rows, asnumpy(shifts))

    def _watch(self, share: Share, rows: Indices, corners: Indices) -> Watch:
        """Say what the way back through the specimen shall report."""
        part = share.indices[rows]

        def patch(index: int, gradient: Array) -> None:
            add_patches(share.object[:, index], corners, gradient)

        def flight(slope: Array) -> None:
            self.collect(share, rows, self.flight.pullback(slope, part))

        def descan(overlap: Array) -> None:
            share.put("descan", rows, self.camera.descan_slope(overlap))

        return Watch(
            patch if self.object_wanted else None,
            flight if self.flight_wanted else None,
            descan if "descan" in self.refined else None,
        )

    def collect(self, share: Share, rows: Indices, found: Mapping[str, Array]) -> None:
        """Keep the gradients of those small unknowns that are refined."""
        for name, part in found.items():
            if name in self.refined:
                if name in self.each:
                    share.put(name, rows, part)
                else:
                    share.add(name, part)

    def finish(self, share: Share, factor: float) -> tuple[float, dict[str, Array]]:
        """Finish the gradients of the refined unknowns, from what all lanes add together."""
        found: dict[str, Array] = {}
        xp = namespace(self.transmission)
        if self.object_wanted:
            whole = xp.zeros_like(self.transmission)
            whole[(..., *share.window)] = xp.asarray(share.object)
            whole *= factor
            found |= self.object_pullback(whole)
        for name, part in share.sums.items():
            # What came from other processes is on the host, as are the sums of small unknowns.
            found[name] = (xp.asarray(part) if name in _BESIDE else part) * factor
        for name, rows in share.each.items():
            found[name] = np.zeros((len(self.corners), *rows.shape[1:]))
            found[name][share.indices] = rows * factor
        if "beam" in found:
            found |= self.beam_pullback(found["beam"])
        if "places" in found:
            found |= self.places_pullback(found["places"])
        return float(share.value) * factor, {
            name: part for name, part in found.items() if name in self.refined
        }


def _overlaid(one: Window, two: Window) -> Window:
    """Return the sum of two windows, over the smallest that holds both."""
    (here, first), (there, second) = one, two
    if not first.size:
        return here, first
    xp = namespace(first)
    first, second = xp.asarray(first), xp.asarray(second)
    bounds = [(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(here, there, strict=True)]
    whole = slice(*bounds[0]), slice(*bounds[1])
    if whole != here:
        held = xp.zeros((*first.shape[:2], *(last - first for first, last in bounds)), first.dtype)
        held[(..., *_within(whole, here))] = first
        first = held
    first[(..., *_within(whole, there))] += second
    return whole, first


def _within(whole: Area, part: Area) -> Area:
    y, x = (slice(p.start - w.start, p.stop - w.start) for w, p in zip(whole, part, strict=True))
    return y, x


def _power(far: Array) -> Array:
    """Return Σ |Ψ|² over states and modes: (position, ky, kx)."""
    waves = far.reshape(len(far), -1, *far.shape[-2:])
    power = waves[:, 0].real ** 2
    power += waves[:, 0].imag ** 2
    for index in range(1, waves.shape[1]):
        power += waves[:, index].real ** 2
        power += waves[:, index].imag ** 2
    return power
