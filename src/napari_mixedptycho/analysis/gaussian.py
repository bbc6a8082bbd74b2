"""Where a column is in every state: a Gaussian fitted to its phase, together with those of its neighbours."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from napari_mixedptycho.analysis._sampling import Sampler
from napari_mixedptycho.analysis.centroid import checked, half_spacing, held, window
from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.settings import Settings

_PLANE, _PEAK = 3, 4  # numbers of a background that slopes, and of a peak: height, y, x, log of the width


class Gaussian(Settings):
    """Round Gaussians on a sloping background, overlapping neighbours fitted together."""

    kind: Literal["gaussian"] = "gaussian"
    radius: float = Field(
        default=0.8,
        gt=0.0,
        le=5.0,
        description="Radius of the disk that is fitted, in Å. Typical: twice the width of a column; a larger "
        "one holds more of the background, of which the fit knows only a slope.",
    )
    width: float = Field(
        default=0.3, gt=0.0, le=5.0, description="Where the fit starts: sd of a column, in Å."
    )
    neighbours: float = Field(
        default=2.0,
        ge=0.0,
        le=20.0,
        description="Columns closer than this, in Å, are fitted together with the column; 0: each on its "
        "own, which overlapping neighbours then pull.",
    )
    reach: float = Field(
        default=0.4,
        gt=0.0,
        le=5.0,
        description="The farthest a state's column may lie from the column's start, in Å; kept below half "
        "the distance to the nearest neighbour. Columns held at this limit are flagged.",
    )

    def positions(self, phases: ArrayLike, sampling: float, origin: ArrayLike, columns: ArrayLike) -> Floats:
        """Measure every column in every state; parameters, result and errors as in `Recentred.positions`."""
        images, corner, start = checked(phases, sampling, origin, columns)
        found = np.tile(start, (len(images), 1, 1))
        if len(start) == 0:
            return found
        sampler, offsets = Sampler(images, 2), window(0.0)[0] * self.radius
        tree = cKDTree(start)
        for column, at in enumerate(start):
            near = [index for index in tree.query_ball_point(at, self.neighbours) if index != column]
            peaks = start[[column, *near]]
            points = np.tile((at + offsets - corner) / sampling, (len(images), 1, 1))
            values = sampler(np.arange(len(images)), points)
            found[:, column] = [_fitted(offsets, value, peaks - at, self.width) + at for value in values]
        reach = np.minimum(self.reach, half_spacing(start))
        return np.stack([held(state, start, reach) for state in found])


def _fitted(points: Floats, values: Floats, peaks: Floats, width: float) -> Floats:
    """Return where the first of `peaks` (K, 2) is, fitted to values (P,) at points (P, 2), all in Å."""
    low, high = np.percentile(values, [5.0, 95.0])
    first = np.concatenate(
        [np.full((len(peaks), 1), high - low), peaks, np.full((len(peaks), 1), np.log(width))], 1
    )
    # Positions and widths stay near their start, so that a peak beside a dim one does not swallow it.
    free = np.array([np.inf, 2 * width, 2 * width, np.log(3.0)])
    plane = np.array([low, 0.0, 0.0])
    start = np.concatenate([plane, first.ravel()])
    bounds = [
        np.concatenate([np.full(_PLANE, sign * np.inf), (first + sign * free).ravel()]) for sign in (-1, 1)
    ]
    bounds[0][_PLANE::_PEAK] = 0.0  # a column is never dark
    start[_PLANE::_PEAK] = max(high - low, 1e-9)
    best = least_squares(
        lambda numbers: _model(points, numbers)[0] - values,
        start,
        jac=lambda numbers: _model(points, numbers)[1],
        bounds=(bounds[0], bounds[1]),
        x_scale="jac",
        max_nfev=100,
    )
    return np.asarray(best.x[_PLANE + 1 : _PLANE + 3])


def _model(points: Floats, numbers: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Return the values (P,) of plane and peaks at points (P, 2), and their derivatives (P, numbers)."""
    height, y, x, logarithm = numbers[_PLANE:].reshape(-1, _PEAK).T
    width = np.exp(logarithm)
    away_y, away_x = points[:, :1] - y, points[:, 1:] - x
    square = (away_y**2 + away_x**2) / width**2
    shape = np.exp(-square / 2)
    plane = np.stack([np.ones(len(points)), points[:, 0], points[:, 1]], axis=1)
    peak = height * shape
    slopes = np.stack([shape, peak * away_y / width**2, peak * away_x / width**2, peak * square], axis=-1)
    values = plane @ numbers[:_PLANE] + peak.sum(axis=1)
    return values, np.concatenate([plane, slopes.reshape(len(points), -1)], axis=1)
