"""The engine's problem for a data set: where its patterns lie, and how the work is divided."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array, select, transform
from napari_mixedptycho._device import Upload, chosen, cores, free_memory
from napari_mixedptycho._fourier import fourier
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.comm import ALONE, Comm
from napari_mixedptycho.engine.detector import Detector
from napari_mixedptycho.engine.hold_out import every_kth
from napari_mixedptycho.engine.orders import own_lanes
from napari_mixedptycho.engine.patterns import Held, Indices, Patterns, Read, Streamed
from napari_mixedptycho.engine.problem import Problem, compact_order, divide
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.optics import band_limit, propagator
from napari_mixedptycho.preprocess import bytes_after
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.run_settings import Run
from napari_mixedptycho.stored import Stored

LANES = 16
"""Groups of positions that may run at the same time; fixed, so that their sum is the same on any machine."""
CHUNK_BYTES, CHUNK_BYTES_ON_GPU = 2**20, 2**26
"""Waves of a chunk: about what stays in a core's cache, and enough to keep a GPU busy."""
WAVES = 5
"""Waves beside those kept for each slice: current, far field, gradient, its share, one temporary."""
_PART = 0.5
"""Of the memory that is free, for patterns and for waves each."""
BLOCK = 2**25
"""Bytes that are read at once, at most."""


def left_in_file(recipe: Recipe, dataset: Dataset, comm: Comm = ALONE) -> Dataset:
    """Return the data set, its patterns left in their file when they need more memory than they may.

    They are held twice: as stored, and as the engine reads them.
    """
    patterns = dataset.patterns
    in_memory = isinstance(patterns, np.ndarray) and not isinstance(patterns, np.memmap)
    if in_memory or isinstance(patterns, Stored) or "values" in vars(dataset):
        return dataset
    limit = data_limit(recipe.run, np, comm)
    if limit is None or 2 * pattern_bytes(recipe, dataset) <= limit:
        return dataset
    return dataset.replace(patterns=Stored.of(patterns))


def pattern_bytes(recipe: Recipe, dataset: Dataset) -> int:
    """Return the bytes of the patterns once the recipe's preprocessing is done."""
    return bytes_after(recipe.data, dataset.patterns.shape, np.dtype(dataset.patterns.dtype))


def data_limit(run: Run, xp: ModuleType, comm: Comm = ALONE) -> float | None:
    """Return the bytes that patterns may take, on the host or a GPU; None: not known."""
    if run.data_memory is not None:
        return run.data_memory * 1e9
    free = free_memory(xp)
    return None if free is None else _PART * free / (comm.beside if xp is np else 1)


def patterns_per_chunk(recipe: Recipe, size: int, xp: ModuleType) -> int:
    """Return how many patterns are in work at once per thread, on windows of `size` px."""
    model, run = recipe.model, recipe.run
    if run.patterns_per_chunk is not None:
        return run.patterns_per_chunk
    waves = model.states * model.probe_modes * size**2 * 8
    if xp is np:
        return max(1, round(CHUNK_BYTES / waves))
    room = _PART * (free_memory(xp) or 0) / (model.slices + WAVES)
    return max(1, int(min(CHUNK_BYTES_ON_GPU, room) / waves))


def thread_count(run: Run, comm: Comm = ALONE) -> int:
    """Return the lanes that run at the same time on the CPU: not more than there are cores for."""
    return run.threads or min(cores(), max(1, (os.cpu_count() or 1) // comm.beside))


def make_problem(recipe: Recipe, dataset: Dataset, geometry: Geometry, comm: Comm = ALONE) -> Problem:
    """Make the engine's problem for a data set with the recipe's numbers, region and mask.

    Parameters
    ----------
    recipe, dataset, geometry
        What is wanted, of what, on which grid.
    comm
        The ranks that share the work.

    Raises
    ------
    InputError
        When nothing is left to fit, or a GPU is asked for and cannot be used.
    """
    xp = select(recipe.run.device)
    with chosen(xp, recipe.run.device, comm.seat):
        problem = _problem(recipe, dataset, geometry, comm)
        in_file = isinstance(dataset.patterns, Stored)
        return replace(problem, measured=_placed(problem, recipe.run, xp, in_file))


def _problem(recipe: Recipe, dataset: Dataset, geometry: Geometry, comm: Comm) -> Problem:
    """Return the problem, its patterns to be read when they are wanted."""
    xp: ModuleType = select(recipe.run.device)
    model, run = recipe.model, recipe.run
    size, detector = geometry.size, Detector(dataset.detector_size, geometry.size)
    move = propagator(size, geometry.sampling, dataset.energy, geometry.slice_spacing)
    if model.band_limit is not None:
        move = move * band_limit(size, geometry.sampling, model.band_limit)
    mask = np.ones((dataset.detector_size,) * 2, bool) if dataset.mask is None else dataset.mask
    order, skipped = compact_order(geometry.positions(dataset)), _skipped(dataset)
    held_out = np.setdiff1d(_held_out(recipe, dataset), skipped)
    count = int(np.prod(dataset.scan_shape))
    patterns = Streamed(_reader(dataset), (count, *mask.shape), np.dtype(dataset.patterns.dtype))
    return Problem(
        measured=patterns,
        scale=dataset.electrons_per_unit or 1.0,
        counted=dataset.electrons_per_unit is not None,
        sampling=geometry.sampling,
        spacing=geometry.slice_spacing,
        wavelength=dataset.wavelength,
        scan_shape=dataset.scan_shape,
        source_points=model.source_points,
        weight=xp.asarray(np.fft.ifftshift(mask).astype(np.float32)),
        detector=detector,
        propagator=xp.asarray(move.astype(np.complex64)),
        lanes=divide(
            order[~np.isin(order, np.concatenate([held_out, skipped]))], LANES if xp is np else comm.size
        ),
        held_out=held_out,
        skipped=skipped,
        chunk=patterns_per_chunk(recipe, size, xp),
        threads=thread_count(run, comm) if xp is np else 1,
        comm=comm,
        deterministic=run.deterministic,
        fourier=fourier(run.fft, size) if xp is np else transform,
    )


def _reader(dataset: Dataset) -> Read:
    """Return what reads patterns by their positions' numbers, zero angle in the corner."""
    rows, one_at_a_time = dataset.rows, threading.Lock()

    def read(positions: Indices) -> NDArray[Any]:
        if isinstance(rows, Stored):
            with one_at_a_time:  # not every reader of files may be asked twice at once
                stored = rows.at(positions)
        else:
            stored = rows.reshape(-1, *rows.shape[2:])[positions]
        return np.fft.ifftshift(stored, axes=(-2, -1))

    return read


def _placed(problem: Problem, run: Run, xp: ModuleType, in_file: bool) -> Array | Patterns:
    """Return the patterns where they may be: all beside the object, those of this rank, or none."""
    streamed = problem.measured
    assert isinstance(streamed, Streamed)
    each = int(np.prod(streamed.shape[1:])) * streamed.dtype.itemsize
    limit = data_limit(run, xp, problem.comm)
    streamed = replace(streamed, block=max(1, int(BLOCK / each)))
    if limit is None or (not in_file if xp is np else len(streamed) * each <= limit):
        return _filled(streamed, np.arange(len(streamed)), xp)
    if xp is not np:
        streamed = replace(streamed, transfer=lambda: Upload(xp))
    # One block is in use, one on its way, and one is being read.
    streamed = replace(streamed, block=max(1, int(min(limit / (3 * problem.threads), BLOCK) / each)))
    own = np.concatenate([*own_lanes(problem, None), *own_lanes(problem, problem.held_out)])
    if len(own) == len(streamed) or len(own) * each > limit:
        return streamed
    return Held.of(streamed, own, _filled(streamed, own, xp))


def _filled(streamed: Streamed, positions: Indices, xp: ModuleType) -> Array:
    """Return patterns (position, ky, kx) in one array, read block by block."""
    held = xp.empty((len(positions), *streamed.shape[1:]), streamed.dtype)
    for first in range(0, len(positions), streamed.block):
        part = slice(first, first + streamed.block)
        held[part] = xp.asarray(streamed.read(positions[part]))
    return held


def _skipped(dataset: Dataset) -> Indices:
    """Return the positions whose patterns are not to be used."""
    return np.zeros(0, np.int64) if dataset.skipped is None else np.flatnonzero(dataset.skipped)


def _held_out(recipe: Recipe, dataset: Dataset) -> Indices:
    """Return the positions whose patterns are left out of the loss."""
    if recipe.data.hold_out is None:
        return np.zeros(0, np.int64)
    chosen, count = every_kth(dataset.scan_shape, recipe.data.hold_out), int(np.prod(dataset.scan_shape))
    if len(chosen) == count:
        raise InputError(
            f"{dataset.name}: data.hold_out is {recipe.data.hold_out} and leaves none of {count} patterns to "
            "fit; leave it out."
        )
    return chosen
