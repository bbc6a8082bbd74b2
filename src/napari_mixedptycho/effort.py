"""How long a reconstruction will take, told before it starts: counted transforms × a measured one.

Each evaluation needs a known number of Fourier transforms (`benchmark.least_transforms`); the rest of it was
measured as a part of them (docs/benchmarks.md, "Speed"). What one transform takes is measured here and now.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from napari_mixedptycho._array import select
from napari_mixedptycho._device import chosen
from napari_mixedptycho._fourier import fourier, seconds
from napari_mixedptycho.benchmark import least_transforms
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.comm import ALONE, Comm
from napari_mixedptycho.engine.hold_out import every_kth
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.large_benchmark import bandwidth
from napari_mixedptycho.memory import grids
from napari_mixedptycho.preprocess import shape_after
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.workload import LANES, thread_count

_EVALUATIONS = {"conjugate_gradient": 2.0}
_SEARCHED = 1.1
"""Evaluations per iteration: two to step with a second slope, else little more than one in the long run."""
_SEARCHED_IN_BATCHES = 2.3
"""A line search on few patterns begins anew with each of them."""
_SEARCHING = {"lbfgs", "gradient_descent", "conjugate_gradient", "lsqml"}
_PER_TRANSFORM, _PER_PATTERN = 1.45, 2.0
"""An evaluation ÷ its transforms, and what a pattern costs beside that, in transforms; CPU."""
_TOGETHER = 0.9
"""Speed with n threads ÷ n times that of one."""
_FIRST_SLICE, _EACH_SLICE, _EACH_PATTERN = 96, 200, 116
"""Bytes per pixel of a wave that the fused kernels move, and of a position alone: `engine.gpu.traffic`."""
_COPIED = 2**26


@dataclass(frozen=True)
class StageEffort:
    """What one stage takes.

    Attributes
    ----------
    name
        Of the stage.
    evaluations
        Of all patterns, with their gradient, over all its iterations.
    transforms
        Fourier transforms of a window in all of them.
    seconds
        Wall time, estimated.
    """

    name: str
    evaluations: float
    transforms: float
    seconds: float


@dataclass(frozen=True)
class Effort:
    """What a run takes, stage by stage."""

    stages: tuple[StageEffort, ...]

    @property
    def seconds(self) -> float:
        """Wall time of all stages, estimated: right within a factor of about 1.5 on a machine at rest."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def transforms(self) -> float:
        """Fourier transforms of all stages."""
        return sum(stage.transforms for stage in self.stages)


def estimate_effort(recipe: Recipe, dataset: Dataset, comm: Comm = ALONE) -> Effort:
    """Estimate the time of a run; measures one transform of each size for some milliseconds.

    On a GPU the time is that of the bytes that the fused kernels must move at the speed of a copy: a lower
    bound that no device has been compared with yet.

    Parameters
    ----------
    recipe
        What to do.
    dataset
        The data, as opened: neither cropped nor read, but for a few patterns.
    comm
        The ranks that share the work.

    Raises
    ------
    InputError
        When a GPU or FFTW is asked for and there is none.
    """
    xp = select(recipe.run.device)
    sizes = {part: grid.size for part, grid in grids(recipe, dataset).items()}
    pace = {size: _pace(recipe, size, xp, comm) for size in set(sizes.values())}
    patterns = _patterns(recipe, dataset)
    stages = [_stage(recipe, stage, patterns, sizes[stage.detector], xp) for stage in recipe.stages]
    return Effort(
        tuple(
            StageEffort(stage.name, evaluations, transforms, work * pace[sizes[stage.detector]])
            for stage, (evaluations, transforms, work) in zip(recipe.stages, stages, strict=True)
        )
    )


def _stage(
    recipe: Recipe, stage: Stage, patterns: int, size: int, xp: ModuleType
) -> tuple[float, float, float]:
    """Return evaluations, transforms, and the work in units of `_pace`: transforms, or bytes on a GPU."""
    model = recipe.model
    beams = model.probe_modes * (model.source_points if model.source_size else 1)
    states, slices = recipe.states_of(stage), model.slices
    evaluations = _evaluations(stage, patterns)
    each = least_transforms(states, slices, beams)
    transforms = evaluations * patterns * each
    if xp is np:
        return evaluations, transforms, evaluations * patterns * (_PER_TRANSFORM * each + _PER_PATTERN)
    bytes_of_pixel = states * (_FIRST_SLICE + _EACH_SLICE * (slices - 1)) + _EACH_PATTERN
    return evaluations, transforms, evaluations * patterns * beams * bytes_of_pixel * size**2


def _evaluations(stage: Stage, patterns: int) -> float:
    """Return the evaluations of all patterns, with their gradient, in a stage."""
    kind = stage.solver.kind
    batches = stage.patterns_per_update is not None and stage.patterns_per_update < patterns
    if kind not in _SEARCHING:
        return float(stage.iterations)
    each = _SEARCHED_IN_BATCHES if batches else _EVALUATIONS.get(kind, _SEARCHED)
    return 1 + stage.iterations * each


def _pace(recipe: Recipe, size: int, xp: ModuleType, comm: Comm) -> float:
    """Return the wall time of a unit of work: of a transform with all threads, or of a byte."""
    if xp is not np:
        with chosen(xp, recipe.run.device):
            return 1 / bandwidth(xp, _COPIED) / comm.size
    threads = min(thread_count(recipe.run, comm), LANES)
    faster = 1 if threads == 1 else _TOGETHER * threads
    return seconds(fourier(recipe.run.fft, size), size) / faster / min(comm.size, LANES)


def _patterns(recipe: Recipe, dataset: Dataset) -> int:
    """Return how many patterns are fitted."""
    shape = shape_after(recipe.data, dataset.patterns.shape)[:2]
    held_out = recipe.data.hold_out
    return int(np.prod(shape)) - (0 if held_out is None else len(every_kth(shape, held_out)))
