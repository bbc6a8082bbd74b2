"""Changes of an estimate: another grid over the same scan, another number of states or modes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.guess.probe import probe_modes
from napari_mixedptycho.guess.resample import Grid, object_to, probe_to
from napari_mixedptycho.guess.states import Spread


def carried(estimate: Estimate, old: Geometry, new: Geometry, detector: int) -> Estimate:
    """Return an estimate of the same data on another grid, as the detector in use grows.

    Parameters
    ----------
    estimate
        On the host.
    old, new
        Grids over the same scan and slices.
    detector
        Edge of the new measured detector, px.
    """
    if old == new:
        return estimate
    before = Grid(old.shape, old.sampling, old.origin)
    after = Grid(new.shape, new.sampling, new.origin)
    changes: dict[str, Any] = {
        "object": object_to(estimate.object, before, after, usual_value(estimate.object, None)),
        "probe": probe_to(estimate.probe, old.sampling, new.size, new.sampling),
        "positions": new.to_pixels(old.to_angstroms(estimate.positions)),
    }
    if estimate.background is not None:
        changes["background"] = centred_background(estimate.background, detector)
    if estimate.displacement is not None:
        nothing = np.zeros((1, 1, 1, 1), estimate.displacement.dtype)
        fields = object_to(estimate.displacement, before, after, nothing)
        changes["displacement"] = fields * fields.dtype.type(old.sampling / new.sampling)
    return replace(estimate, **changes)


def with_states(estimate: Estimate, states: int, spread: Spread, geometry: Geometry, seed: int) -> Estimate:
    """Return an estimate with another number of states; equal occupancy rescales the probe.

    Parameters
    ----------
    estimate
        On the host; every state stored in its own right.
    states
        Wanted. One is the mean of all; otherwise the first ones are kept, since a mean of a few would move
        less than each of them. More are made from these by `spread`.
    spread
        How states start that were not there.
    geometry
        Of the object grid.
    seed
        Of the random numbers.
    """
    if states == estimate.states:
        return estimate
    stored = estimate.object
    if states > estimate.states:
        stored = spread.states(stored, states, geometry.sampling, geometry.slice_spacing, seed)
    else:
        stored = stored.mean(axis=0, keepdims=True) if states == 1 else stored[:states]
    # Weights belong to the states that were there.
    return replace(estimate, object=stored, probe=shared_probe(estimate, states), weights=None)


def shared_probe(estimate: Estimate, states: int) -> NDArray[np.complex64]:
    """Return the probe that gives each of `states` states its part of the electrons."""
    probe: NDArray[np.complex64] = estimate.probe * np.float32(np.sqrt(estimate.states / states))
    return probe


def with_modes(probe: NDArray[np.complex64], modes: int, share: float) -> NDArray[np.complex64]:
    """Return the first modes, or all of them with companions of the first; the power stays as it was."""
    joined = probe[:modes]
    if len(probe) < modes:
        companions = probe_modes(probe[0], modes, share)[len(probe) :] * np.linalg.norm(probe[0])
        joined = np.concatenate([probe, companions])
    if len(probe) == modes:
        return probe
    waves: NDArray[np.complex64] = joined * (np.linalg.norm(probe) / np.linalg.norm(joined))
    return waves.astype(probe.dtype)


def centred_background(background: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a background, zero angle in the corner, cut or continued evenly to another detector."""
    image = np.fft.fftshift(background)
    before, after = size // 2 - len(image) // 2, (size + 1) // 2 - (len(image) + 1) // 2
    image = np.pad(image, (max(before, 0), max(after, 0)), mode="edge")
    start = max(-before, 0)
    cut: NDArray[Any] = np.fft.ifftshift(image[start : start + size, start : start + size])
    return np.ascontiguousarray(cut)


def usual_value(stored: NDArray[Any], positions: NDArray[np.float64] | None) -> NDArray[Any]:
    """Return the mean value of each slice (state, slice, 1, 1) over the scanned field."""
    if positions is not None:
        first = np.floor(positions.min(axis=0)).astype(int).clip(0)
        last = np.ceil(positions.max(axis=0)).astype(int) + 1
        part = stored[..., first[0] : last[0], first[1] : last[1]]
        stored = part if part.size else stored
    mean: NDArray[Any] = stored.mean(axis=(-2, -1), keepdims=True)
    if stored.dtype.kind == "c":  # waves of different phase cancel: keep their modulus
        mean = np.exp(1j * np.angle(mean)) * np.abs(stored).mean(axis=(-2, -1), keepdims=True)
    return mean
