"""Where a column is in every state: the centre of mass of the projected phase in a small window.

Gladyshev et al. (2023) measure the motion of a column as the scatter, over the object states, of the centre
of mass of its phase. The result depends on the window: a fixed one dilutes the motion with the constant
background and with whatever neighbour it cuts. Both operators are here; the re-centred one is the default.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from scipy.spatial import cKDTree

from napari_mixedptycho.analysis._sampling import Sampler
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings

Floats = NDArray[np.float64]

_PATIENCE = 200  # steps; a dozen are usual
_GRID = 13  # sample points across the window's diameter: 0.08 Å apart at the default radius


class Recentred(Settings):
    """Centre of mass in a soft round window that follows the column, local background subtracted."""

    kind: Literal["recentred"] = "recentred"
    radius: float = Field(
        default=0.4,
        gt=0.0,
        le=5.0,
        description="Radius of the window in Å. Typical: a third of the distance between neighbours "
        "(0.4 Å for a dumb-bell of 1.36 Å); it is kept below half that distance. Too large: neighbours "
        "pull the columns together; too small: noise.",
    )
    edge: float = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        description="Width over which the window fades out, in Å. Without it the centre moves in jumps.",
    )
    background: float = Field(
        default=10.0,
        ge=0.0,
        le=50.0,
        description="Percentile of the phase in the window taken as the local background and subtracted. "
        "Typical 10; larger follows the peak only, 0 keeps the most and underestimates motion.",
    )
    upsampling: int = Field(
        default=2,
        ge=1,
        le=8,
        description="Fourier upsampling of the phase before it is interpolated; 2 is enough.",
    )
    tolerance: float = Field(
        default=1e-4,
        gt=0.0,
        le=0.1,
        description="The window has found its column when it moves by less than this, in Å.",
    )
    reach: float = Field(
        default=0.4,
        gt=0.0,
        le=5.0,
        description="The farthest a state's column may lie from the column's start, in Å; kept below half "
        "the distance to the nearest neighbour. Columns held at this limit are flagged.",
    )

    def positions(self, phases: ArrayLike, sampling: float, origin: ArrayLike, columns: ArrayLike) -> Floats:
        """Measure every column in every state.

        Parameters
        ----------
        phases
            Projected phase of the states, (state, y, x), rad.
        sampling
            Pixel of the phase, Å.
        origin
            Position (y, x) of pixel (0, 0) in the scan frame, Å.
        columns
            Where to start, (N, 2) as (y, x) in the scan frame, Å.

        Returns
        -------
        (state, N, 2) positions (y, x) in the scan frame, Å.

        Raises
        ------
        InputError
            When the arrays do not fit together or a column lies outside the phase.
        """
        images, corner, start = checked(phases, sampling, origin, columns)
        if len(start) == 0:
            return np.zeros((len(images), 0, 2))
        sampler = Sampler(images, self.upsampling)
        room = half_spacing(start) / sampling
        return np.asarray(
            self._followed(sampler, (start - corner) / sampling, room, sampling) * sampling + corner
        )

    def _followed(self, sampler: Sampler, start: Floats, room: Floats, sampling: float) -> Floats:
        """Move every window until it rests: (state, N, 2) from start (N, 2) and room (N,), in pixels."""
        reach = np.minimum(self.reach / sampling, room)
        radius = np.minimum(self.radius / sampling, room)
        offsets, weights = window(self.edge / self.radius)
        centres = np.tile(start, (sampler.states, 1, 1))
        state, column = (index.ravel() for index in np.indices(centres.shape[:2]))
        for _ in range(_PATIENCE):
            at = centres[state, column]
            grid = offsets * radius[column, None, None]
            values = sampler(state, at[:, None] + grid)
            floor = np.percentile(values, self.background, axis=1, keepdims=True)
            mass = np.maximum(values - floor, 0.0) * weights
            total = mass.sum(axis=1)[:, None]
            shift = (mass[..., None] * grid).sum(axis=1) / np.where(total > 0, total, 1.0)
            centres[state, column] = new = held(at + shift, start[column], reach[column])
            going = np.abs(new - at).max(axis=1) * sampling >= self.tolerance
            state, column = state[going], column[going]
            if not len(state):
                break
        return centres


class Fixed(Settings):
    """The paper's operator: plain centre of mass of the raw phase in a fixed square of pixels."""

    kind: Literal["fixed"] = "fixed"
    half_width: int = Field(
        default=5,
        ge=1,
        le=50,
        description="Half width of the square window in pixels, about the pixel nearest to the column. "
        "The paper takes 5. It recovers only part of the motion: for comparison with the paper.",
    )
    zero: Literal["lowest", "raw"] = Field(
        default="raw",
        description="Zero of the phase, whose constant cannot be measured but changes this centroid. "
        "raw: as reconstructed, as in the paper; meaningless where the vacuum is negative. lowest: the first "
        "percentile over all windows, for each state.",
    )

    def positions(self, phases: ArrayLike, sampling: float, origin: ArrayLike, columns: ArrayLike) -> Floats:
        """Measure every column in every state; parameters and result as in `Recentred.positions`.

        The paper's sentence cannot be coded literally (its denominator vanishes); this is the standard
        centroid Σ w r / Σ w. It depends on the constant of the phase, which cannot
        be measured: hence `zero`.

        Raises
        ------
        InputError
            As `Recentred.positions`, and when the phase in a window does not sum to a positive value.
        """
        images, corner, start = checked(phases, sampling, origin, columns)
        nearest = np.rint((start - corner) / sampling).astype(int)
        span = np.arange(-self.half_width, self.half_width + 1)
        rows = np.clip(nearest[:, 0, None] + span, 0, images.shape[1] - 1)
        cols = np.clip(nearest[:, 1, None] + span, 0, images.shape[2] - 1)
        mass = images[:, rows[:, :, None], cols[:, None, :]]
        if self.zero == "lowest" and mass.size:
            mass = mass - np.percentile(mass, 1.0, axis=(1, 2, 3), keepdims=True)
        total = mass.sum(axis=(2, 3))
        if (total <= 0).any():
            state, column = (int(i) for i in np.argwhere(total <= 0)[0])
            raise InputError(
                f"The phase around column {column} of state {state} sums to {total[state, column]:.3g} rad, "
                'so it has no centre of mass; set zero = "lowest" or use the re-centred centroid.'
            )
        y = (mass.sum(axis=3) * rows).sum(axis=2) / total
        x = (mass.sum(axis=2) * cols).sum(axis=2) / total
        return np.asarray(np.stack([y, x], axis=-1) * sampling + corner)


def checked(
    phases: ArrayLike, sampling: float, origin: ArrayLike, columns: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return phases (state, y, x), origin (2,) and columns (N, 2) as float64, or say what does not fit.

    Raises
    ------
    InputError
        When a shape is wrong, a phase is not finite or a column lies outside the image.
    """
    images, corner = np.asarray(phases, dtype=np.float64), np.asarray(origin, dtype=np.float64)
    start = np.asarray(columns, dtype=np.float64).reshape(-1, 2)
    if images.ndim != 3 or min(images.shape) < 1:
        raise InputError(
            f"The phase has shape {images.shape}; one image per state, (state, y, x), is needed."
        )
    if corner.shape != (2,) or not sampling > 0:
        raise InputError(
            f"The phase has origin {corner} and sampling {sampling}; give (y, x) and a pixel in Å."
        )
    if not np.isfinite(images).all():
        raise InputError("The phase holds values that are not finite: the reconstruction has failed.")
    pixels = (start - corner) / sampling
    outside = (~np.isfinite(pixels) | (pixels < 0) | (pixels > np.array(images.shape[1:]) - 1)).any(axis=1)
    if outside.any():
        where = start[outside][0]
        raise InputError(
            f"Column {int(np.argmax(outside))} at ({where[0]:.2f}, {where[1]:.2f}) Å lies outside the phase; "
            "give columns as (y, x) in Å in the scan frame."
        )
    return images, corner, start


def half_spacing(columns: Floats) -> Floats:
    """Half the distance from each of (N, 2) columns to its nearest neighbour; infinite for a single one."""
    if len(columns) < 2:
        return np.full(len(columns), np.inf)
    distance, _ = cKDTree(columns).query(columns, k=2)
    return np.asarray(distance[:, 1] / 2)


def window(edge: float) -> tuple[Floats, Floats]:
    """Sample points (P, 2) of a disk of radius 1 and weights (P,), fading over `edge` about it."""
    line = np.linspace(-1.0, 1.0, _GRID) * (1.0 + edge / 2)
    points = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    distance = np.hypot(points[:, 0], points[:, 1])
    weights = np.clip((1.0 - distance) / max(edge, 1e-9) + 0.5, 0.0, 1.0)
    return points[weights > 0], weights[weights > 0]


def held(positions: Floats, start: Floats, reach: Floats) -> Floats:
    """Keep (K, 2) positions within `reach` of where they started."""
    move = positions - start
    far = np.hypot(move[:, 0], move[:, 1])
    return np.asarray(start + move * np.minimum(1.0, reach / np.maximum(far, 1e-12))[:, None])
