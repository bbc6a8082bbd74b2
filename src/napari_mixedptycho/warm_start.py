"""A run begins from an earlier result: ours or another program's, of another crop, padding, model or grid."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.objects import ObjectType, project
from napari_mixedptycho.engine.objects import states as object_states
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.exchange import read_foreign
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.guess.probe import probe_modes
from napari_mixedptycho.guess.resample import Grid, object_to, phase_of, probe_to, slices_to
from napari_mixedptycho.guess.states import Spread
from napari_mixedptycho.optics import propagator
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import FORMAT, Result

Points = NDArray[np.float64]

_ASTRAY = 1.5
"""Scan steps, rms, by which positions may differ from the nominal ones and still be of the same scan."""


@dataclass(frozen=True)
class Earlier:
    """An earlier result as a place to start from.

    Attributes
    ----------
    name
        The file, for messages.
    estimate
        On the host; every state stored in its own right.
    grid
        Its object pixels, in its own frame (ours: origin = its first scan point).
    spacing
        Å between slices; None: not known.
    energy
        eV; None: not known.
    start
        (y, x) of its first scan point in the whole scan, Å; None: another program's frame.
    data_hash
        Of the patterns it was made from; empty: not known.
    """

    name: str
    estimate: Estimate
    grid: Grid
    spacing: float | None
    energy: float | None
    start: Points | None
    data_hash: str = ""

    @property
    def places(self) -> Points | None:
        """Its positions (position, 2) in its own frame, Å."""
        pixels = self.estimate.positions
        return None if pixels is None else np.asarray(pixels) * self.grid.sampling + self.grid.origin


def read_earlier(path: str | os.PathLike[str]) -> Earlier:
    """Read a result file of this or of another program; the name of the file plays no part.

    Raises
    ------
    InputError
        When the file is missing, damaged, a pickle or of no known program.
    """
    path = Path(path)
    if not _is_ours(path):
        found = read_foreign(path)
        estimate = Estimate(found.object, found.probe, found.positions)
        grid = Grid(found.object.shape[-2:], found.sampling, (0.0, 0.0))
        return Earlier(str(path), estimate, grid, found.slice_spacing, found.energy, None)
    result = Result.load(path)
    place = result.geometry
    estimate = replace(result.estimate, object=object_states(result.estimate), displacement=None)
    grid = Grid(place.shape, place.sampling, place.origin)
    energy, start = result.recipe.microscope.energy, _start(result.recipe)
    return Earlier(str(path), estimate, grid, place.slice_spacing, energy, start, result.data_hash)


def begin(earlier: Earlier, recipe: Recipe, dataset: Dataset, geometry: Geometry) -> Estimate:
    """Return an earlier result on this recipe's grid, with its slices, modes and type of object.

    The number of states stays as it was, and so does the number of electrons where the grid is another one:
    `with_states` and the caller see to these.

    Raises
    ------
    InputError
        When energy or scan are not those of these data.
    """
    if earlier.energy is not None and abs(earlier.energy / dataset.energy - 1) > 1e-2:
        raise InputError(
            f"{earlier.name}: it was made at {earlier.energy / 1e3:.4g} keV; these data are at "
            f"{dataset.energy / 1e3:.4g} keV."
        )
    nominal = geometry.to_angstroms(geometry.positions(dataset))
    offset = _offset(earlier, recipe, dataset, nominal)
    model, old = recipe.model, earlier.grid
    moved = Grid(old.shape, old.sampling, (old.origin[0] + offset[0], old.origin[1] + offset[1]))
    stored = _object(earlier, moved, geometry, model.slices, model.object_type)
    probe = _probe(earlier, dataset, geometry, model.slices)
    spacing, background = earlier.estimate.spacing, earlier.estimate.background
    if spacing is not None and earlier.spacing is not None:
        spacing = spacing * (geometry.slice_spacing / earlier.spacing)
    if background is not None:
        background = _centred(np.asarray(background), dataset.detector_size)
    estimate = replace(
        earlier.estimate,
        spacing=spacing,
        background=background,
        object=stored,
        probe=_with_modes(probe, model.probe_modes, recipe.guess.mode_power),
        positions=geometry.to_pixels(nominal),
    )
    places = earlier.places
    # A scan of ours that began elsewhere has other points, however near they are.
    begun = earlier.start is None or bool(np.abs(offset).max() < dataset.scan_step / 2)
    if places is not None and begun and _follows(places + offset, nominal, dataset.scan_step):
        return replace(estimate, positions=geometry.to_pixels(places + offset))
    alone: dict[str, Any] = {"intensity": None, "descan": None}  # each of its own position
    if estimate.tilt is not None:
        alone["tilt"] = estimate.tilt.mean(axis=0, keepdims=True)
    return replace(estimate, **alone)


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
        "object": object_to(estimate.object, before, after, _usual(estimate.object, None)),
        "probe": probe_to(estimate.probe, old.sampling, new.size, new.sampling),
        "positions": new.to_pixels(old.to_angstroms(estimate.positions)),
    }
    if estimate.background is not None:
        changes["background"] = _centred(estimate.background, detector)
    if estimate.displacement is not None:
        nothing = np.zeros((1, 1, 1, 1), estimate.displacement.dtype)
        fields = object_to(estimate.displacement, before, after, nothing)
        changes["displacement"] = fields * fields.dtype.type(old.sampling / new.sampling)
    return replace(estimate, **changes)


def _centred(background: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a background, zero angle in the corner, cut or continued evenly to another detector."""
    image = np.fft.fftshift(background)
    before, after = size // 2 - len(image) // 2, (size + 1) // 2 - (len(image) + 1) // 2
    image = np.pad(image, (max(before, 0), max(after, 0)), mode="edge")
    start = max(-before, 0)
    cut: NDArray[Any] = np.fft.ifftshift(image[start : start + size, start : start + size])
    return np.ascontiguousarray(cut)


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


def _is_ours(path: Path) -> bool:
    if not path.is_file() or not h5py.is_hdf5(path):
        return False
    with h5py.File(path, "r") as file:
        return bool(file.attrs.get("format") == FORMAT)


def _start(recipe: Recipe) -> Points:
    """Return the first scan point of a recipe's region in the whole scan (y, x), Å."""
    top, _, left, _ = recipe.data.scan_region or (0, 0, 0, 0)
    start: Points = np.array([top, left]) * (recipe.microscope.scan_step or 0.0)
    return start


def _offset(earlier: Earlier, recipe: Recipe, dataset: Dataset, nominal: Points) -> Points:
    """Return what to add to a place of the earlier frame, Å, to have it in this one."""
    start, places = _start(recipe.for_dataset(dataset)), earlier.places
    if earlier.start is not None:
        own: Points = earlier.start - start
        return own
    if places is None:  # nothing but the hope that both objects are centred on the scan
        middle = (np.array(earlier.grid.shape) - 1) / 2 * earlier.grid.sampling
        centred: Points = nominal.mean(axis=0) - middle
        return centred
    if len(places) != len(nominal):  # of the whole scan, then, of which these data are a part
        whole: Points = -places.min(axis=0) - start
        return whole
    offset: Points = (nominal - places).mean(axis=0)
    if not _follows(places + offset, nominal, dataset.scan_step):
        raise InputError(
            f"{earlier.name}: its positions do not follow this scan; transpose or rotate the data as they "
            "were there, or check microscope.scan_step."
        )
    return offset


def _follows(places: Points, nominal: Points, step: float) -> bool:
    """Tell whether places are those of a scan, but for drift and distortion."""
    if len(places) != len(nominal):
        return False
    return float(np.sqrt(((places - nominal) ** 2).sum(axis=1).mean())) <= _ASTRAY * step


def _object(earlier: Earlier, old: Grid, geometry: Geometry, slices: int, kind: ObjectType) -> NDArray[Any]:
    """Return every state on the new grid, with the new slices, of the type asked for."""
    stored = np.asarray(earlier.estimate.object)
    if stored.dtype.kind == "c" and kind != "complex":
        stored = phase_of(stored)
    stored = slices_to(stored, slices)
    new = Grid(geometry.shape, geometry.sampling, geometry.origin)
    if not _same(old, new):
        places = earlier.estimate.positions
        stored = object_to(stored, old, new, _usual(stored, None if places is None else np.asarray(places)))
    if kind == "complex":
        return stored if stored.dtype.kind == "c" else np.exp(1j * stored).astype(np.complex64)
    if kind == "potential" and stored.min() < 0:
        # A phase is free in its constant part; a potential is 0 in vacuum.
        stored = stored - np.percentile(stored, 1, axis=(0, 2, 3), keepdims=True).astype(stored.dtype)
    allowed: NDArray[Any] = project(stored, kind)
    return allowed


def _probe(earlier: Earlier, dataset: Dataset, geometry: Geometry, slices: int) -> NDArray[np.complex64]:
    """Return the probe in the new window, at the depth where the new slices want it.

    The first slice stands for matter down to its own thickness. With thinner slices it lies nearer to the
    middle of that matter, so the probe is moved by what the middle of the slices moves.
    """
    probe: NDArray[np.complex64] = np.asarray(earlier.estimate.probe)
    size, sampling = geometry.size, geometry.sampling
    if (probe.shape[-1], earlier.grid.sampling) != (size, sampling):
        probe = probe_to(probe, earlier.grid.sampling, size, sampling)
    before = (earlier.estimate.slices - 1) * (earlier.spacing or 0.0) / 2
    distance = before - (slices - 1) * geometry.slice_spacing / 2
    if earlier.estimate.slices == slices or (earlier.estimate.slices > 1 and earlier.spacing is None):
        return probe
    move = propagator(size, sampling, dataset.energy, distance)
    spectra = np.fft.fft2(np.fft.ifftshift(probe, axes=(-2, -1))) * move
    moved: NDArray[np.complex64] = np.fft.fftshift(np.fft.ifft2(spectra), axes=(-2, -1)).astype(probe.dtype)
    return moved


def _with_modes(probe: NDArray[np.complex64], modes: int, share: float) -> NDArray[np.complex64]:
    """Return the first modes, or all of them with companions of the first; the power stays as it was."""
    joined = probe[:modes]
    if len(probe) < modes:
        companions = probe_modes(probe[0], modes, share)[len(probe) :] * np.linalg.norm(probe[0])
        joined = np.concatenate([probe, companions])
    if len(probe) == modes:
        return probe
    waves: NDArray[np.complex64] = joined * (np.linalg.norm(probe) / np.linalg.norm(joined))
    return waves.astype(probe.dtype)


def _usual(stored: NDArray[Any], positions: Points | None) -> NDArray[Any]:
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


def _same(old: Grid, new: Grid) -> bool:
    close = np.allclose([old.sampling, *old.origin], [new.sampling, *new.origin], rtol=0, atol=1e-6)
    return old.shape == new.shape and bool(close)
