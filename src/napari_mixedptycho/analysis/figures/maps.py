"""Where it moves: the size of the motion, its shape, and the spread of the phase, over the mean phase."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike

from napari_mixedptycho.analysis.figures.images import mark_field
from napari_mixedptycho.analysis.figures.style import (
    MEAN_ON_DARK,
    ONE_COLUMN,
    SPREAD_COLOURS,
    Floats,
    Frame,
    limits,
    numbers_of,
    scale_bar,
    show,
    styled,
    write_numbers,
)
from napari_mixedptycho.analysis.motion import ColumnMotion
from napari_mixedptycho.analysis.vibration import ellipses as axes_of
from napari_mixedptycho.errors import InputError

_RIM = 0.6  # Å shown around the scanned field
_PICOMETRES = 100.0  # per Å
_DIM = 1.6
"""The grey ground ends at this times the range of the phase, so that marks stand out."""


def motion_map(motion: ColumnMotion, phase: ArrayLike, frame: Frame, title: str | None = None) -> Figure:
    """Draw the size of the motion of each column, u_rms, as a coloured disk over the mean phase.

    Parameters
    ----------
    motion
        The measured columns; those that are flagged are drawn hollow.
    phase
        Mean projected phase (y, x), rad.
    frame
        Where its pixels lie.
    title
        Above the picture.

    Raises
    ------
    InputError
        When there is no column.
    """
    _some(motion)
    sizes = motion.u_rms * _PICOMETRES
    with styled():
        figure, axes = _ground(np.asarray(phase, dtype=np.float64), frame)
        low, high = min(0.0, float(sizes.min())), max(float(sizes.max()), 0.1)
        disks = axes.scatter(
            motion.mean[:, 1],
            motion.mean[:, 0],
            c=sizes,
            cmap=SPREAD_COLOURS,
            vmin=low,
            vmax=high,
            s=52,
            edgecolors="white",
            linewidths=0.6,
            zorder=4,
        )
        doubtful = motion.mean[motion.flagged]
        axes.plot(doubtful[:, 1], doubtful[:, 0], "x", color="white", ms=5, mew=1.2, zorder=5)
        figure.colorbar(disks, ax=axes, label=r"$u_\mathrm{rms}$ per axis (pm)", pad=0.02)
        axes.set_title(title or "Motion of each column")
    return figure


def ellipses(
    motion: ColumnMotion,
    phase: ArrayLike,
    frame: Frame,
    magnification: float = 10.0,
    title: str | None = None,
) -> Figure:
    """Draw the 1σ ellipse of each column's motion over the mean phase, magnified about the mean position.

    Parameters
    ----------
    motion
        The measured columns.
    phase
        Mean projected phase (y, x), rad.
    frame
        Where its pixels lie.
    magnification
        Of the ellipses; distances between columns are not magnified.
    title
        Above the picture.

    Raises
    ------
    InputError
        When there is no column.
    """
    _some(motion)
    shape = axes_of(motion.covariance)
    with styled():
        figure, axes = _ground(np.asarray(phase, dtype=np.float64), frame)
        for (y, x), major, minor, angle in zip(
            motion.mean, shape.major, shape.minor, shape.angle, strict=True
        ):
            size = (2 * magnification * float(major), 2 * magnification * float(minor))
            axes.add_patch(
                Ellipse(
                    (float(x), float(y)),
                    *size,
                    angle=float(angle),
                    fill=False,
                    ec=MEAN_ON_DARK,
                    lw=1.1,
                    zorder=4,
                )
            )
        axes.plot(motion.mean[:, 1], motion.mean[:, 0], ".", color=MEAN_ON_DARK, ms=2, zorder=4)
        write_numbers(axes, motion.mean, numbers_of(motion), 5)
        axes.set_title(title or f"1σ ellipses of the motion, ×{magnification:g}")
    return figure


def spread_map(spread: ArrayLike, frame: Frame, title: str | None = None) -> Figure:
    """Draw the standard deviation of the projected phase over the states: rings mark columns that move.

    Parameters
    ----------
    spread
        (y, x) rad.
    frame
        Where its pixels lie.
    title
        Above the picture.
    """
    image = np.asarray(spread, dtype=np.float64)
    with styled():
        figure = Figure(figsize=(ONE_COLUMN, 2.9), layout="constrained")
        axes = figure.add_subplot()
        shown = show(axes, image, frame, 1.0, SPREAD_COLOURS)
        shown.set_clim(0.0, limits(frame.cropped(image)[0])[1])
        mark_field(axes, frame)
        scale_bar(axes)
        axes.set(xlabel="x (Å)", ylabel="y (Å)", title=title or "Spread of the phase over the states")
        figure.colorbar(shown, ax=axes, label="Standard deviation (rad)", extend="max", pad=0.02)
    return figure


def _some(motion: ColumnMotion) -> None:
    if not motion.n_columns:
        raise InputError("There are no columns to draw; lower the threshold or check the phase.")


def _ground(phase: Floats, frame: Frame) -> tuple[Figure, Axes]:
    """Return a figure with the mean phase in dark grey."""
    figure = Figure(figsize=(ONE_COLUMN, 2.9), layout="constrained")
    axes = figure.add_subplot()
    shown = show(axes, phase, frame, _RIM, "gray")
    low, high = shown.get_clim()
    shown.set_clim(low, low + _DIM * (high - low))
    scale_bar(axes)
    axes.set(xlabel="x (Å)", ylabel="y (Å)")
    return figure, axes
