"""How much of the joint motion survives: ``python benchmarks/correlations.py RESULT.h5 DATA.h5 …``.

Prints the same statistics of the measured columns and of the true ones, for pairs of results and data files
that know their truth; the table of docs/analysis.md.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.ndimage import map_coordinates

from napari_mixedptycho.analysis import compare, measure
from napari_mixedptycho.analysis.correlation import (
    CorrelationSettings,
    Pooled,
    correlations,
    neighbour_amplitudes,
)
from napari_mixedptycho.analysis.vibration import mean_frequency
from napari_mixedptycho.guess.states import DisplacedCopies
from napari_mixedptycho.io import load
from napari_mixedptycho.preprocess import truth_in
from napari_mixedptycho.result import Result

MASS, TEMPERATURE = 2 * 28.0855, 300.0
"""A column of the sample is two silicon atoms, u; K. The molecular dynamics are classical."""
SETTINGS = CorrelationSettings(reach=6.0, step=2.0, draws=500)


def say(pooled: Pooled, index: int = 0) -> str:
    return f"{pooled.value[index]:+.2f}{'*' if pooled.significant[index] else ''}"


def frequency(pooled: Pooled) -> str:
    value, low, high = (
        mean_frequency(float(square), MASS, TEMPERATURE)
        for square in (pooled.value[0], pooled.interval[0, 1], pooled.interval[0, 0])
    )
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def rows(name: str, positions: np.ndarray) -> None:
    found, pairs = correlations(positions, SETTINGS), neighbour_amplitudes(positions, SETTINGS)
    for label, part in (("longitudinal", found.longitudinal), ("transverse", found.transverse)):
        texts = [f"{distance:.1f} Å {say(part, k)}" for k, distance in enumerate(found.distance)]
        print(f"| {name} | {label} r | {', '.join(texts)} |")
    for label in (
        "longitudinal_in_phase",
        "longitudinal_anti_phase",
        "transverse_in_phase",
        "transverse_anti_phase",
    ):
        part = getattr(pairs, label)
        mark = "*" if part.significant[0] else ""
        words = label.replace("_", " ", 1).replace("_", "-")
        print(f"| {name} | {words} | {np.sqrt(part.value[0]):.4f} Å{mark}, {frequency(part)} THz |")


def started(result: Result, columns: np.ndarray) -> np.ndarray:
    """Return where the first displacement fields put the columns (state, N, 2), Å."""
    spread, estimate = result.recipe.guess.spread, result.estimate
    assert isinstance(spread, DisplacedCopies)
    shape = (estimate.states, 1, *estimate.object.shape[-2:])
    fields = spread.fields(shape, result.sampling, result.slice_spacing, result.recipe.run.seed)[:, :, 0]
    at = ((columns - result.origin) / result.sampling).T
    moved = [[map_coordinates(part, at, order=1) for part in state] for state in fields]
    return columns + np.moveaxis(np.array(moved), 1, 2) * result.sampling


def main() -> None:
    for result_file, data_file in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        result = Result.load(result_file)
        truth = truth_in(
            load(data_file), result.recipe.data.scan_region, result.recipe.microscope.scan_rotation
        )
        assert truth is not None
        motion = measure(result)
        same = compare(result, motion, truth)
        rows(f"{result.name}, measured", motion.positions[:, same.found])
        rows(f"{result.name}, start", started(result, motion.columns[same.found]))
        if truth.columns_per_snapshot.shape[0] > 2:
            rows(f"{result.name}, true", truth.columns_per_snapshot[:, same.true])


if __name__ == "__main__":
    main()
