"""Where the atomic columns are: local maxima of the mean projected phase, with no lattice assumed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from scipy.ndimage import gaussian_filter
from scipy.optimize import linear_sum_assignment
from scipy.spatial import ConvexHull, QhullError, cKDTree
from skimage.feature import peak_local_max

from napari_mixedptycho.analysis._sampling import refined
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings

Floats = NDArray[np.float64]

_FINE = 0.15  # Å: maxima are looked for on pixels no larger than this
_RATIO = 1.6  # widths of the two Gaussians: the usual stand-in for the Laplacian (Marr & Hildreth 1980)

_SAME = 0.5  # Å: nearer than that to an earlier column, a column is that one


class ColumnFinder(Settings):
    """Difference of Gaussians, then local maxima, inside the scanned field."""

    sigma: float | None = Field(
        default=None,
        gt=0.0,
        le=5.0,
        description="Width of the narrow Gaussian in Å, about that of a column. Leave empty for the larger "
        "of 0.3 Å and 0.8 pixels. Too small: noise becomes columns; too large: dumb-bells merge.",
    )
    min_distance: float | None = Field(
        default=None,
        gt=0.0,
        le=20.0,
        description="The closest two columns may be, in Å. Leave empty for the larger of 0.7 Å and 2 pixels. "
        "Too large: one column of a dumb-bell is lost.",
    )
    threshold: float = Field(
        default=0.35,
        ge=0.0,
        lt=1.0,
        description="Weakest column kept, as a fraction of the strong ones (90th percentile of the maxima). "
        "Lower it for light columns beside heavy ones, raise it when noise is found.",
    )
    margin: float = Field(
        default=0.6,
        ge=0.0,
        le=50.0,
        description="How far inside the scanned field a column must lie, in Å. At the rim the object is "
        "seen by few scan positions and columns are not to be trusted.",
    )

    def find(self, phase: ArrayLike, sampling: float, origin: ArrayLike, scan: ArrayLike) -> Floats:
        """Find the columns of a projected phase.

        Parameters
        ----------
        phase
            Mean projected phase (y, x), rad, positive at atoms.
        sampling
            Pixel of the phase, Å.
        origin
            Position (y, x) of pixel (0, 0) in the scan frame, Å.
        scan
            Scan positions (P, 2) as (y, x) in the scan frame, Å; columns lie inside their outline.

        Returns
        -------
        (N, 2) positions (y, x) in the scan frame, Å, sub-pixel, from top to bottom; N may be 0.

        Raises
        ------
        InputError
            When the phase is not an image of finite numbers.
        """
        image = np.asarray(phase, dtype=np.float64)
        if image.ndim != 2 or not np.isfinite(image).all():
            raise InputError(f"The phase has shape {image.shape}; columns need one finite image (y, x).")
        corner = np.asarray(origin, dtype=np.float64)
        factor = int(np.ceil(sampling / _FINE))
        image, pixel = refined(image, factor), sampling / factor
        width = (self.sigma or max(0.3, 0.8 * sampling)) / pixel
        response = gaussian_filter(image, width) - gaussian_filter(image, _RATIO * width)
        # The square of peak_local_max would forbid diagonal neighbours that are far enough apart.
        peaks: NDArray[np.intp] = peak_local_max(  # type: ignore[no-untyped-call]
            response, min_distance=1, threshold_abs=0.0, exclude_border=1
        )
        columns = _refined(response, peaks) * pixel + corner
        inside = inside_scan(columns, scan, self.margin)
        columns, height = columns[inside], response[peaks[inside, 0], peaks[inside, 1]]
        if not len(columns):
            return np.zeros((0, 2))
        strong = height >= self.threshold * np.percentile(height, 90)
        columns, height = columns[strong], height[strong]
        columns = columns[_apart(columns, height, self.min_distance or max(0.7, 2 * sampling))]
        return np.asarray(columns[np.lexsort((columns[:, 1], columns[:, 0]))])


def inside_scan(points: ArrayLike, scan: ArrayLike, margin: float) -> NDArray[np.bool_]:
    """Tell which points lie inside the outline of the scan, at least `margin` from its edge.

    Parameters
    ----------
    points
        (N, 2) positions (y, x), Å.
    scan
        (P, 2) scan positions (y, x), Å; their convex hull is the scanned field.
    margin
        Distance to keep from the outline, Å.

    Raises
    ------
    InputError
        When the scan positions span no area.
    """
    at, field = np.asarray(points, dtype=np.float64).reshape(-1, 2), np.asarray(scan, dtype=np.float64)
    try:
        outline = ConvexHull(field).equations
    except (QhullError, ValueError):
        raise InputError(
            f"The {len(field)} scan positions span no area; columns need a two-dimensional scan."
        ) from None
    return np.asarray((at @ outline[:, :2].T + outline[:, 2] <= -margin).all(axis=1))


def proposed_radius(columns: ArrayLike) -> float:
    """Return the radius of a window, Å, that suits (N, 2) columns: 0.3 of the distance of near neighbours.

    That distance is the 10th percentile of those to the nearest neighbour, so that dumb-bells count and a
    single pair does not. Between 0.25 and 1 Å; without neighbours 0.4 Å.
    """
    at = np.asarray(columns, dtype=np.float64).reshape(-1, 2)
    if len(at) < 2:
        return 0.4
    nearest = cKDTree(at).query(at, k=2)[0][:, 1]
    return float(np.clip(0.3 * np.percentile(nearest, 10), 0.25, 1.0))


def kept_numbers(columns: ArrayLike, earlier: ArrayLike, numbers: Sequence[int]) -> tuple[int, ...]:
    """Return by which numbers (N, 2) columns are called when `earlier` ones (K, 2) had `numbers` (K,).

    A column within 0.5 Å of an earlier one is the same; others get new numbers, above all that were used.
    """
    here, there = (np.asarray(points, dtype=np.float64).reshape(-1, 2) for points in (columns, earlier))
    called = np.full(len(here), -1)
    if len(here) and len(there):
        gap = np.hypot(*(here[:, None] - there).transpose(2, 0, 1))
        rows, cols = linear_sum_assignment(np.minimum(gap, 2 * _SAME))
        close = gap[rows, cols] < _SAME
        called[rows[close]] = np.asarray(numbers)[cols[close]]
    new = np.flatnonzero(called < 0)
    called[new] = max(numbers, default=-1) + 1 + np.arange(len(new))
    return tuple(int(number) for number in called)


def _refined(response: Floats, peaks: NDArray[np.intp]) -> Floats:
    """Move (N, 2) maxima to the summit of the paraboloid through their 3 × 3 neighbours, in pixels."""
    y, x = peaks[:, 0], peaks[:, 1]
    near = np.array([[response[y + i, x + j] for j in (-1, 0, 1)] for i in (-1, 0, 1)])
    gradient = np.stack([near[2, 1] - near[0, 1], near[1, 2] - near[1, 0]], axis=-1) / 2
    yy = near[2, 1] + near[0, 1] - 2 * near[1, 1]
    xx = near[1, 2] + near[1, 0] - 2 * near[1, 1]
    yx = (near[2, 2] - near[2, 0] - near[0, 2] + near[0, 0]) / 4
    determinant = yy * xx - yx**2
    summit = determinant > 1e-12 * np.abs(near[1, 1]) ** 2
    scale = np.where(summit, determinant, 1.0)
    step_y = (yx * gradient[:, 1] - xx * gradient[:, 0]) / scale
    step_x = (yx * gradient[:, 0] - yy * gradient[:, 1]) / scale
    step = np.where(summit[:, None], np.stack([step_y, step_x], axis=-1), 0.0)
    return np.asarray(peaks + np.clip(step, -0.7, 0.7))


def _apart(columns: Floats, height: Floats, distance: float) -> NDArray[np.intp]:
    """Keep the strongest of columns closer than `distance`; indices of those kept."""
    kept: list[int] = []
    for index in np.argsort(-height, kind="stable"):
        gap = columns[kept] - columns[index]
        if not kept or np.hypot(gap[:, 0], gap[:, 1]).min() >= distance:
            kept.append(int(index))
    return np.array(kept, dtype=np.intp)
