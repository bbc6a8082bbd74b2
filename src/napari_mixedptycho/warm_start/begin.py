"""An earlier result on this recipe's grid, with its slices, modes and type of object."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.objects import ObjectType, project
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.guess.resample import Grid, object_to, phase_of, probe_to, slices_to
from napari_mixedptycho.optics import propagator
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.warm_start.change import centred_background, usual_value, with_modes
from napari_mixedptycho.warm_start.earlier import Earlier, Points, scan_start

_ASTRAY = 1.5
"""Scan steps, rms, by which positions may differ from the nominal ones and still be of the same scan."""


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
    estimate = replace(
        _instrument(earlier, dataset, geometry),
        object=stored,
        probe=with_modes(probe, model.probe_modes, recipe.guess.mode_power),
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


def _instrument(earlier: Earlier, dataset: Dataset, geometry: Geometry) -> Estimate:
    """Return the estimate with what it knows of the instrument, for this detector and these slices."""
    spacing, background = earlier.estimate.spacing, earlier.estimate.background
    if spacing is not None and earlier.spacing is not None:
        spacing = spacing * (geometry.slice_spacing / earlier.spacing)
    if background is not None:
        background = centred_background(np.asarray(background), dataset.detector_size)
    return replace(earlier.estimate, spacing=spacing, background=background)


def _offset(earlier: Earlier, recipe: Recipe, dataset: Dataset, nominal: Points) -> Points:
    """Return what to add to a place of the earlier frame, Å, to have it in this one."""
    start, places = scan_start(recipe.for_dataset(dataset)), earlier.places
    if earlier.start is not None:
        own: Points = earlier.start - start
        return own
    if places is None:  # nothing but the hope that both objects are centred on the scan
        middle = (np.array(earlier.grid.shape) - 1) / 2 * earlier.grid.sampling
        centred: Points = nominal.mean(axis=0) - middle
        return centred
    if len(places) != len(nominal):  # of the whole scan, then, of which these data are a part
        # Of a straight scan the least of all, since a single position may have been moved.
        first = places[0] if dataset.scan_rotation else places.min(axis=0)
        whole: Points = -first - start
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
        stored = object_to(
            stored, old, new, usual_value(stored, None if places is None else np.asarray(places))
        )
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


def _same(old: Grid, new: Grid) -> bool:
    close = np.allclose([old.sampling, *old.origin], [new.sampling, *new.origin], rtol=0, atol=1e-6)
    return old.shape == new.shape and bool(close)
