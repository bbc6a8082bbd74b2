"""How much memory a reconstruction will take, told before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from napari_mixedptycho._array import select
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.solvers import LBFGS
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.geometry import Geometry, padded_size
from napari_mixedptycho.preprocess import arranged, crop_detector, dtype_after, reaches_edge, shape_after
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.stored import Stored
from napari_mixedptycho.workload import (
    BLOCK,
    LANES,
    WAVES,
    data_limit,
    left_in_file,
    pattern_bytes,
    patterns_per_chunk,
    thread_count,
)

_LOOK = 8
"""Rows and columns of the scan that are read to see how far the patterns reach."""
_VECTORS = 12
"""Vectors of unknowns alive in a line search: estimate, gradient, direction, trial with its gradient, step,
change, and the same of the result yielded before, which its reader still holds: on a GPU its estimate too,
as long as nobody has looked at it."""
_REMEMBERED = {"adam": 4, "conjugate_gradient": 4, "momentum": 2, "lsqml": 2}
"""Vectors that solvers remember: two means, the last step and change, a velocity; now and in that result."""
_PULLBACK = 44
"""Bytes per pixel of the states in an evaluation: transmission (the last one's too), its gradient, what the
lanes join, and three real temporaries."""
_FIELDS = 36
"""Bytes more per pixel and state where states are displaced: five factors of Taylor's series and their
pullback."""
_WHOLE_SCAN = {
    "scan_region": None,
    "scan_every": 1,
    "skip_rows": None,
    "skip_columns": None,
    "dark_region": None,
    "bad_pixels": "keep",
}
"""Preprocessing of a few patterns without their places."""
_KEPT = 1.15
"""What the C library takes ÷ what is asked for: it keeps freed memory, in pieces that do not always fit."""


@dataclass(frozen=True)
class Memory:
    """Bytes that a run takes beyond the program itself, at its peak.

    Attributes
    ----------
    data
        Patterns, and the copy that the engine reads.
    solver
        The object, and what the solver remembers.
    gradient
        An evaluation: the transmission, its gradient and what the lanes collect.
    waves
        Of the patterns in work at the same time.
    shape
        Object (y, x), px.
    """

    data: int
    solver: int
    gradient: int
    waves: int
    shape: tuple[int, int]

    @property
    def total(self) -> int:
        """All together, with what the C library keeps."""
        return round(_KEPT * (self.data + self.solver + self.gradient + self.waves))


def estimate_memory(recipe: Recipe, dataset: Dataset) -> Memory:
    """Estimate the memory of a run, on the host and the GPU together; reads at most a few patterns.

    Parameters
    ----------
    recipe
        What to do.
    dataset
        The data, as opened: neither cropped nor read.

    Raises
    ------
    InputError
        When a GPU is asked for and there is none.
    """
    xp = select(recipe.run.device)
    found = grids(recipe, dataset)
    stages = [_stage(recipe, stage, found[stage.detector].shape) for stage in recipe.stages]
    solver, gradient = max(stages, key=sum)
    geometry = max(found.values(), key=lambda grid: grid.size)
    return Memory(
        data=_data(recipe, dataset),
        solver=solver,
        gradient=gradient,
        waves=_waves(recipe, geometry.size, xp),
        shape=geometry.shape,
    )


def grids(recipe: Recipe, dataset: Dataset) -> dict[float | None, Geometry]:
    """Return the grid that each part of the detector in use asks for; reads at most a few patterns."""
    region = as_used(recipe, dataset)
    return {stage.detector: _grid(recipe, dataset, region, stage.detector) for stage in recipe.stages}


def _data(recipe: Recipe, dataset: Dataset) -> int:
    """Return the bytes of the patterns, and of the part of them that a stage cuts out."""
    part = max((stage.detector or 0.0) % 1.0 for stage in recipe.stages)
    if isinstance(left_in_file(recipe, dataset).patterns, Stored):
        return int(min(data_limit(recipe.run, np) or 0, BLOCK * 3 * thread_count(recipe.run)))
    return int(2 * pattern_bytes(recipe, dataset) * (1 + part**2))


def _waves(recipe: Recipe, size: int, xp: ModuleType) -> int:
    """Return the bytes of the waves of patterns in work at the same time, on windows of `size` px."""
    model = recipe.model
    threads = min(thread_count(recipe.run), LANES) if xp is np else 1
    wave = model.states * model.probe_modes * size**2 * 8
    return threads * patterns_per_chunk(recipe, size, xp) * wave * (model.slices + WAVES)


def as_used(recipe: Recipe, dataset: Dataset) -> Dataset:
    """Return the data set as it will be used, its patterns replaced by a stand-in of the same shape."""
    data, patterns = recipe.data, dataset.patterns
    shape, kind = shape_after(data, patterns.shape), dtype_after(data, np.dtype(patterns.dtype))
    return dataset.replace(
        patterns=np.broadcast_to(np.zeros((), kind), shape),
        mask=None,
        skipped=None,
        scan_step=dataset.scan_step * data.scan_every,
        detector_sampling=dataset.detector_sampling * data.detector_bin,
    )


def _grid(recipe: Recipe, dataset: Dataset, region: Dataset, part: float | None) -> Geometry:
    """Return the grid for a central part of the detector; reads a few patterns where padding is automatic."""
    factor = recipe.model.padding
    if factor is None:
        steps = [-(-length // _LOOK) for length in dataset.scan_shape]
        some = dataset.replace(patterns=np.asarray(dataset.patterns[:: steps[0], :: steps[1]]), skipped=None)
        some = arranged(some, recipe.data.model_copy(update=_WHOLE_SCAN))
        factor = 1.5 if reaches_edge(crop_detector(some, part) if part else some) else 1.0
    cropped = crop_detector(region, part) if part else region
    return Geometry.of(cropped, padded_size(cropped, factor), 1.0)


def _stage(recipe: Recipe, stage: Stage, shape: tuple[int, int]) -> tuple[int, int]:
    """Return the bytes of solver and gradient in a stage."""
    states, slices = recipe.states_of(stage), recipe.model.slices
    planes, area = states * slices, int(np.prod(shape))
    # Displaced copies: one object, and two components of a field for each state.
    unknowns, extra = (slices + 2 * states, _FIELDS * states) if stage.displaces else (planes, 0)
    pixel = 8 if recipe.model.object_type == "complex" else 4
    vectors = _VECTORS + _remembered(stage)
    # The prior's spectrum and its transform are one slice each: nothing beside these.
    return vectors * unknowns * area * pixel, (planes * _PULLBACK + extra) * area


def _remembered(stage: Stage) -> int:
    """Return how many vectors of unknowns the solver remembers, those of the result before included."""
    if isinstance(stage.solver, LBFGS):
        return 2 * min(stage.solver.memory, stage.iterations)
    return _REMEMBERED.get(stage.solver.kind, 0)
