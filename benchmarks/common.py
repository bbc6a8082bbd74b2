"""What the benchmarks share: a run with its trace, and the numbers that compare it with the truth."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from napari_mixedptycho.analysis import Comparison, compare, measure, scan_positions
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import IntensityLoss
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import prepare
from napari_mixedptycho.preprocess import truth_in
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import Result

_BLUR = 0.2
"""Å: heights are those of a phase blurred by this Gaussian sigma, so that noise does not count."""
_CLEAR = 1.0
"""Å: pixels farther than this from every column lie between columns."""


def compared(result: Result, dataset: Dataset) -> Comparison | None:
    """Compare the columns of a result with the truth; None while there are none to compare."""
    truth = truth_in(dataset, result.recipe.data.scan_region, result.recipe.microscope.scan_rotation)
    if truth is None:
        return None
    try:
        return compare(result, measure(result), truth)
    except InputError:
        return None


@dataclass(frozen=True)
class Point:
    """A run after some iterations.

    Attributes
    ----------
    iteration, evaluations
        Done so far; evaluations are of all patterns.
    waves
        Evaluations times object states, probe modes and slices: what they cost.
    seconds, processor
        Wall and processor time so far, without that of the comparison.
    loss
        The stage's own.
    intensity
        The loss of the paper, eq. 3, whatever the stage lowers.
    columns, sd_y, sd_x, ratio, correlation, error
        Motion against truth; lengths in Å, NaN where there is nothing to compare.
    """

    iteration: int
    evaluations: float
    waves: float
    seconds: float
    processor: float
    loss: float
    intensity: float
    columns: int
    sd_y: float
    sd_x: float
    ratio: float
    correlation: float
    error: float


def stops(iterations: int, first: int = 4) -> set[int]:
    """Return the iterations at which to look: about eight per factor of ten, and the last."""
    steps = np.geomspace(first, max(iterations, first), max(2, round(8 * np.log10(iterations / first)) + 1))
    return {*np.rint(steps).astype(int).tolist(), iterations}


def traced(recipe: Recipe, dataset: Dataset) -> tuple[Result, list[Point]]:
    """Reconstruct, looking at the motion and at the paper's loss from time to time."""
    objective = Objective.of(prepare(recipe, dataset).problem, IntensityLoss())
    looks, points, waves = stops(recipe.iterations), [], 0.0
    processor, last = 0.0, time.process_time()
    for progress in reconstruct(recipe, dataset):
        result, history = progress.result, progress.result.history
        estimate = result.estimate
        waves += history.evaluations[-1] * estimate.states * estimate.modes * recipe.model.slices
        processor += time.process_time() - last
        if progress.iteration in looks:
            stage = recipe.stages[history.stage[-1]]
            intensity = progress.loss
            if stage.loss.kind != "intensity" or stage.prior is not None or stage.patterns_per_update:
                intensity = objective.value_and_gradient(estimate, ())[0]
            cost = (progress.iteration, progress.evaluations, waves, sum(history.seconds), processor)
            points.append(Point(*cost, progress.loss, intensity, *_motion(compared(result, dataset))))
        last = time.process_time()
    return result, points


def _motion(found: Comparison | None) -> tuple[int, float, float, float, float, float]:
    """Return columns, sd_y, sd_x, ratio, correlation and error."""
    if found is None:
        return 0, np.nan, np.nan, np.nan, np.nan, np.nan
    same = found.rendered
    ratio, r = (np.nan if part is None else part for part in (same.sd_ratio, same.sd_correlation))
    return found.n_columns, found.sd_y, found.sd_x, ratio, r, same.mean_position_error


def write_points(path: Path, points: Sequence[Point]) -> None:
    """Write a trace as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [entry.name for entry in fields(Point)])
        table.writeheader()
        table.writerows([asdict(point) for point in points])


def read_points(path: Path) -> list[Point]:
    """Read what `write_points` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    whole = {"iteration", "columns"}
    return [Point(**{k: int(v) if k in whole else float(v) for k, v in row.items()}) for row in rows]


def noise(result: Result, dataset: Dataset) -> float:
    """Return the sd of the mean phase between the columns ÷ the median height of the columns.

    Where no column of the truth is near the phase of a crystal is smooth and low; what varies there is noise.
    """
    truth, found = (
        truth_in(dataset, result.recipe.data.scan_region, result.recipe.microscope.scan_rotation),
        compared(result, dataset),
    )
    if truth is None or found is None:
        return float("nan")
    phase = result.mean_phase()
    rows, cols = np.indices(phase.shape).reshape(2, -1)
    place = np.stack([rows, cols], axis=1) * result.sampling + np.array(result.origin)
    scan = scan_positions(result)
    inside = ((place >= scan.min(axis=0)) & (place <= scan.max(axis=0))).all(axis=1)
    columns = truth.columns_mean + found.atoms.translation
    distance, _ = cKDTree(columns).query(place)
    values = phase.ravel()
    between = values[inside & (distance > _CLEAR)]
    height = values[inside & (distance < result.sampling)]
    return float(between.std() / (np.median(height) - between.mean()))


def unevenness(result: Result) -> float:
    """Return how unequal the states of a column are: sd over the states of its height ÷ the mean height, rms.

    Atoms that move stay atoms, so this should be small; states that share the phase unevenly are unphysical.
    """
    motion = measure(result)
    phases = gaussian_filter(result.projected_phase(), (0, *[_BLUR / result.sampling] * 2))
    at = (motion.positions - np.array(result.origin)) / result.sampling
    heights = np.stack([map_coordinates(image, place.T) for image, place in zip(phases, at, strict=True)])
    return float(np.sqrt(np.mean((heights.std(axis=0) / heights.mean(axis=0)) ** 2)))
