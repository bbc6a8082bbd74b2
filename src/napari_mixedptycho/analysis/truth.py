"""Comparison with a known specimen: the same centroid on the rendered true snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from napari_mixedptycho.analysis.centroid import Recentred
from napari_mixedptycho.analysis.columns import inside_scan
from napari_mixedptycho.analysis.distance import Distances, distances
from napari_mixedptycho.analysis.motion import ColumnMotion, MotionSettings, finite, scan_positions
from napari_mixedptycho.analysis.render import Blob, Canvas, fit_blob, render
from napari_mixedptycho.dataset import Truth
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import Result

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_NEAR = 0.5  # Å: farther apart, a found and a true column are not the same one
_DRIFT = 1.5  # Å: the largest common translation looked for


@dataclass(frozen=True)
class Agreement:
    """How measured columns agree with true ones, over N matched columns.

    Attributes
    ----------
    true_mean, true_sd
        (N, 2) mean and sd (``ddof=0``) of the true positions over the snapshots, Å, frame of the truth.
    true_sd_y, true_sd_x
        Root mean square over the columns of the true sd, Å.
    sd_ratio
        Root mean square sd over columns and axes, measured / true; None for a stationary truth.
    sd_correlation
        Pearson's r of the sd over columns and axes; None where either does not vary.
    translation
        (2,) common displacement (y, x) of the measured means, removed before the position error, Å.
    mean_position_error
        Root mean square per axis of the measured mean positions against the true ones, Å.
    """

    true_mean: Floats
    true_sd: Floats
    true_sd_y: float
    true_sd_x: float
    sd_ratio: float | None
    sd_correlation: float | None
    translation: Floats
    mean_position_error: float

    @property
    def stationary(self) -> bool:
        """Whether nothing moves in truth: then every measured sd is error."""
        return self.sd_ratio is None


@dataclass(frozen=True)
class Comparison:
    """Measured motion against the truth.

    Attributes
    ----------
    found, true
        (N,) indices of the matched columns: into the motion's columns and into the truth's.
    n_missed, n_extra
        True columns inside the scan that were not found, and found ones that are not true.
    blob
        Shape of an atom with which the truth was rendered.
    true_positions
        (snapshot, N, 2) what the centroid finds on the rendered truth, in the frame of the truth, Å.
    positions
        (state, N, 2) the measured ones of the same columns, Å.
    sd_y, sd_x
        Root mean square over the matched columns of the measured sd, Å.
    rendered
        Agreement with the same centroid applied to the rendered truth: the figure to quote.
    atoms
        Agreement with the centres of the true columns themselves: holds the bias of the centroid too.
    """

    found: Indices
    true: Indices
    n_missed: int
    n_extra: int
    blob: Blob
    true_positions: Floats
    positions: Floats
    sd_y: float
    sd_x: float
    rendered: Agreement
    atoms: Agreement

    @property
    def n_columns(self) -> int:
        """Number of matched columns."""
        return len(self.found)

    @cached_property
    def distances(self) -> Distances:
        """How far the measured ensemble is from the true one; takes a second."""
        return distances(self.true_positions, self.positions)

    def summary(self) -> dict[str, float | int | None]:
        """Return plain numbers for JSON; ``atoms_…`` compare with the atoms' own centres."""
        numbers: dict[str, float | int | None] = {
            "n_columns": self.n_columns,
            "n_missed": self.n_missed,
            "n_extra": self.n_extra,
            "sd_y": finite(self.sd_y),
            "sd_x": finite(self.sd_x),
        }
        for prefix, agreement in (("", self.rendered), ("atoms_", self.atoms)):
            for name in ("true_sd_y", "true_sd_x", "sd_ratio", "sd_correlation", "mean_position_error"):
                numbers[prefix + name] = getattr(agreement, name)
        for name, step in zip("yx", self.rendered.translation, strict=True):
            numbers[f"translation_{name}"] = float(step)
        return numbers


def compare(
    result: Result, motion: ColumnMotion, truth: Truth, settings: MotionSettings | None = None
) -> Comparison:
    """Compare the measured motion of a result with the known specimen.

    Parameters
    ----------
    result
        The reconstruction that `motion` was measured on.
    motion
        Its columns.
    truth
        Of the simulated data.
    settings
        The settings `motion` was measured with.

    Raises
    ------
    InputError
        When no found column lies within 0.5 Å of a true one.
    """
    chosen = settings or MotionSettings()
    phase = result.mean_phase()
    found, true, drift = _matched(motion, truth, _anchors(phase, result, motion))
    atoms = np.array(truth.atoms, dtype=np.float64)
    atoms[..., :2] += drift
    start = motion.columns[found]
    canvas = Canvas.around(start, result.sampling, result.origin)
    blob = fit_blob(atoms, phase, canvas)
    drawn = render(atoms, canvas, blob)
    positions = chosen.centroid.positions(drawn, canvas.sampling, canvas.origin, start) - drift
    shifted = truth.columns_mean + drift
    expected = truth.columns_in_scan & inside_scan(shifted, scan_positions(result), chosen.finder.margin)
    expected[true] = True
    mean, sd = motion.mean[found], motion.sd[found]
    overall = np.sqrt((sd**2).mean(axis=0))
    return Comparison(
        found=found,
        true=true,
        n_missed=int(expected.sum()) - len(true),
        n_extra=motion.n_columns - len(found),
        blob=blob,
        true_positions=positions,
        positions=motion.positions[:, found],
        sd_y=float(overall[0]),
        sd_x=float(overall[1]),
        rendered=agreement(mean, sd, positions),
        atoms=agreement(mean, sd, truth.columns_per_snapshot[:, true]),
    )


def _anchors(phase: ArrayLike, result: Result, motion: ColumnMotion) -> Floats:
    """Return where the columns lie on the mean phase (N, 2), Å, whatever the chosen centroid."""
    image = np.asarray(phase, dtype=np.float64)[None]
    found = Recentred().positions(image, result.sampling, result.origin, motion.columns)
    return np.asarray(found[0])


def _matched(motion: ColumnMotion, truth: Truth, anchors: Floats) -> tuple[Indices, Indices, Floats]:
    """As `match_columns`, for true columns inside the scan; at least one, or an error."""
    found, true, drift = match_columns(anchors, truth.columns_mean)
    inside = truth.columns_in_scan[true]
    if not inside.any():
        raise InputError(
            f"None of the {motion.n_columns} found columns lies within {_NEAR} Å of a true one inside the "
            "scan; check that result and truth belong together, and the scan's rotation and transpose."
        )
    return found[inside], true[inside], drift


def agreement(mean: Floats, sd: Floats, truth: ArrayLike) -> Agreement:
    """Compare mean and sd (N, 2) of N columns, Å, with their true positions (snapshot, N, 2), Å."""
    positions = np.asarray(truth, dtype=np.float64)
    true_mean, true_sd = positions.mean(axis=0), positions.std(axis=0)
    offset = mean - true_mean
    translation = offset.mean(axis=0)
    overall = np.sqrt((true_sd**2).mean(axis=0))
    moves = bool(overall.max() > 1e-9)
    varies = moves and len(mean) > 1 and sd.std() > 1e-12 and true_sd.std() > 1e-12
    return Agreement(
        true_mean=true_mean,
        true_sd=true_sd,
        true_sd_y=float(overall[0]),
        true_sd_x=float(overall[1]),
        sd_ratio=float(np.sqrt((sd**2).mean() / (true_sd**2).mean())) if moves else None,
        sd_correlation=float(np.corrcoef(sd.ravel(), true_sd.ravel())[0, 1]) if varies else None,
        translation=translation,
        mean_position_error=float(np.sqrt(((offset - translation) ** 2).mean())),
    )


def match_columns(found: ArrayLike, true: ArrayLike) -> tuple[Indices, Indices, Floats]:
    """Pair found with true columns, one to one, within 0.5 Å once their common translation is removed.

    The translation is ambiguous in ptychography (object and probe may shift together). Among the differences
    between found and true columns up to 1.5 Å the one is taken that brings most columns together; the
    smallest of equals.

    Parameters
    ----------
    found, true
        (N, 2) and (K, 2) positions (y, x), Å.

    Returns
    -------
    Indices into `found` and into `true`, ordered by the former, and the translation (2,) of `found` against
    `true`, Å.
    """
    here, there = (np.asarray(points, dtype=np.float64).reshape(-1, 2) for points in (found, true))
    nothing = np.zeros(0, dtype=np.intp)
    if not len(here) or not len(there):
        return nothing, nothing, np.zeros(2)
    steps = (here[:, None] - there).reshape(-1, 2)
    steps = np.concatenate([np.zeros((1, 2)), steps[np.hypot(steps[:, 0], steps[:, 1]) <= _DRIFT]])
    tree = cKDTree(there)
    distance = np.stack([tree.query(here - step)[0] for step in steps])
    # Closeness rather than a bare count, so that the best of the steps that pair all columns wins.
    gain = np.maximum(1 - (distance / _NEAR) ** 2, 0.0).sum(axis=1)
    drift = steps[np.lexsort((np.hypot(steps[:, 0], steps[:, 1]), -np.round(gain, 1)))[0]]
    for _ in range(3):
        rows, cols = _pairs(here - drift, there)
        if not len(rows):
            return nothing, nothing, np.zeros(2)
        drift = np.median(here[rows] - there[cols], axis=0)
    rows, cols = _pairs(here - drift, there)
    return rows, cols, np.asarray((here[rows] - there[cols]).mean(axis=0))


def _pairs(here: Floats, there: Floats) -> tuple[Indices, Indices]:
    """Pair one to one within reach, at the least sum of squared distances."""
    squared = ((here[:, None] - there) ** 2).sum(axis=-1)
    rows, cols = linear_sum_assignment(np.minimum(squared, 4 * _NEAR**2))
    close = squared[rows, cols] <= _NEAR**2
    return rows[close], cols[close]
