"""One estimate made ready for evaluation: chunk by chunk through the specimen to the detector, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from napari_mixedptycho._array import Array, add_patches, asnumpy, namespace, take_patches
from napari_mixedptycho.engine.beam import beam
from napari_mixedptycho.engine.camera import Camera
from napari_mixedptycho.engine.estimate import Estimate, Unknown
from napari_mixedptycho.engine.flight import Flight
from napari_mixedptycho.engine.incidence import Backward as IncidentBackward
from napari_mixedptycho.engine.incidence import incident_waves, shift_ramps, split_positions
from napari_mixedptycho.engine.losses import Loss
from napari_mixedptycho.engine.multislice import Backward as FarBackward
from napari_mixedptycho.engine.multislice import Watch, far_field
from napari_mixedptycho.engine.objects import transmission
from napari_mixedptycho.engine.places import places
from napari_mixedptycho.engine.problem import Indices, Problem, chunks


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


_OF_OBJECT = {"object", "displacement", "weights"}
_OF_FLIGHT = {"tilt", "spacing"}
_OF_INCIDENCE = {"probe", "positions", "scan", "aberrations", "source"}


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

    def power(self, part: Indices) -> tuple[Array, Array, FarBackward, IncidentBackward]:
        """Send a chunk to the detector: power (position, ky, kx), far field, and the two pullbacks."""
        incident, incident_back = incident_waves(self.spectrum, self.ramps[part])
        patches = [
            take_patches(self.transmission[:, index], self.corners[part], self.problem.size)[:, :, None]
            for index in range(self.transmission.shape[1])
        ]
        far, back = far_field(
            incident[:, None], patches, self.flight.propagator(part), self.camera.ramp(part)
        )
        return _power(far), far, back, incident_back

    def lane(self, indices: Indices) -> Share:
        """Evaluate the positions of one lane, chunk by chunk."""
        xp = namespace(self.transmission)
        corners = self.corners[indices]
        first, last = corners.min(axis=0), corners.max(axis=0) + self.problem.size
        window = slice(first[0], last[0]), slice(first[1], last[1])
        shape = tuple(last - first) if self.refined & _OF_OBJECT else (0, 0)
        empty = xp.zeros((*self.transmission.shape[:2], *shape), self.transmission.dtype)
        share = Share(indices, window, empty)
        for rows in chunks(np.arange(len(indices)), self.problem.chunk):
            self._chunk(share, rows, corners[rows] - first)
        return share

    def _chunk(self, share: Share, rows: Indices, corners: Indices) -> None:
        """Add one chunk to the lane's share."""
        assert self.loss is not None
        part = share.indices[rows]
        power, far, back, incident_back = self.power(part)
        predicted, camera_back = self.camera.see(power, part)
        values, slope = self.loss.terms(predicted, self.problem.electrons(part), self.problem.weight)
        share.value += float(values.sum())
        if not self.refined:
            return
        slope, found = camera_back(slope)
        self._collect(share, rows, found)
        slope *= 2  # dI = 2 Re(conj(Ψ)·dΨ)
        far *= slope[:, None, None]
        entrance = back(far, self._watch(share, rows, corners))
        if self.refined & _OF_INCIDENCE:
            spectrum, shifts = incident_back(entrance, bool(self.refined & {"positions", "scan"}))
            share.add("beam", spectrum)
            if shifts is not None:
                share.put("places", rows, asnumpy(shifts))

    def _watch(self, share: Share, rows: Indices, corners: Indices) -> Watch:
        """Say what the way back through the specimen shall report."""
        part = share.indices[rows]

        def patch(index: int, gradient: Array) -> None:
            add_patches(share.object[:, index], corners, gradient)

        def flight(slope: Array) -> None:
            self._collect(share, rows, self.flight.pullback(slope, part))

        def descan(overlap: Array) -> None:
            share.put("descan", rows, self.camera.descan_slope(overlap))

        return Watch(
            patch if self.refined & _OF_OBJECT else None,
            flight if self.refined & _OF_FLIGHT else None,
            descan if "descan" in self.refined else None,
        )

    def _collect(self, share: Share, rows: Indices, found: Mapping[str, Array]) -> None:
        """Keep the gradients of those small unknowns that are refined."""
        for name, part in found.items():
            if name in self.refined:
                if name in self.each:
                    share.put(name, rows, part)
                else:
                    share.add(name, part)

    def sum(self, shares: list[Share], factor: float) -> tuple[float, dict[str, Array]]:
        """Add the lanes in order and finish the gradients of the refined unknowns."""
        found: dict[str, Array] = {}
        if self.refined & _OF_OBJECT:
            whole = namespace(self.transmission).zeros_like(self.transmission)
            for share in shares:
                whole[(..., *share.window)] += share.object
            whole *= factor
            found |= self.object_pullback(whole)
        for name in shares[0].sums:
            found[name] = sum(share.sums[name] for share in shares[1:]) + shares[0].sums[name]
            found[name] = found[name] * factor
        for name, first in shares[0].each.items():
            found[name] = np.zeros((len(self.corners), *first.shape[1:]))
            for share in shares:
                found[name][share.indices] = share.each[name] * factor
        if "beam" in found:
            found |= self.beam_pullback(found["beam"])
        if "places" in found:
            found |= self.places_pullback(found["places"])
        value = sum(share.value for share in shares) * factor
        return value, {name: part for name, part in found.items() if name in self.refined}


def _power(far: Array) -> Array:
    """Return Σ |Ψ|² over states and modes: (position, ky, kx)."""
    waves = far.reshape(len(far), -1, *far.shape[-2:])
    power = waves[:, 0].real ** 2
    power += waves[:, 0].imag ** 2
    for index in range(1, waves.shape[1]):
        power += waves[:, index].real ** 2
        power += waves[:, index].imag ** 2
    return power
