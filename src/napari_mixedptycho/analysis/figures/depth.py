"""Along the beam: every slice, and how much phase and motion each holds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from napari_mixedptycho.analysis.figures.images import grid_shape, montage
from napari_mixedptycho.analysis.figures.style import (
    MEASURED,
    SMALL,
    TRUE,
    TWO_COLUMNS,
    Floats,
    Frame,
    halves,
    plain,
    styled,
    tight_layout,
)
from napari_mixedptycho.errors import InputError


def slices(phase: ArrayLike, spacing: float, frame: Frame, title: str | None = None) -> Figure:
    """Draw the phase of each slice, mean over the states, and a profile along the beam.

    Parameters
    ----------
    phase
        (state, slice, y, x) rad.
    spacing
        Of the slices, Å.
    frame
        Where the pixels lie.
    title
        Above the pictures.

    Raises
    ------
    InputError
        When the phase has not four axes.
    """
    images = np.asarray(phase, dtype=np.float64)
    if images.ndim != 4 or not images.size:
        raise InputError(f"The phase has shape {images.shape}; (state, slice, y, x) is needed.")
    mean = images.mean(axis=0)
    rows, across = grid_shape(len(mean), frame.aspect)
    panel = min(1.5, (TWO_COLUMNS - 2.6) / across)
    size = (panel * across + 2.6, max(2.2, panel * rows / frame.aspect + 0.35))
    edges = spacing * np.arange(len(mean) + 1)
    labels = [f"{top:.1f} to {bottom:.1f} Å" for top, bottom in pairwise(edges)]
    with styled():
        figure = Figure(figsize=size, layout=tight_layout())
        pictures, chart = halves(figure, (panel * across + 0.7, 1.9))
        montage(pictures, mean, frame, labels, "Phase per slice (rad)")
        _profile(chart.subplots(), *depth_profile(images, frame), spacing)
        figure.suptitle(title or "Slices along the beam, mean over the states", fontsize=8)
    return figure


def depth_profile(phase: Floats, frame: Frame) -> tuple[Floats, Floats]:
    """Return per slice the contrast of the mean phase, and the spread over the states, both (slice,) rad.

    Contrast: rms of the mean phase of the slice about its average over the scanned field. Spread: rms over
    the field of the standard deviation over the states.

    Parameters
    ----------
    phase
        (state, slice, y, x) rad.
    frame
        Where the pixels lie.
    """
    inside = np.stack([[frame.cropped(image)[0] for image in state] for state in phase])
    contrast = inside.mean(axis=0).std(axis=(-2, -1))
    spread = np.sqrt((inside.std(axis=0) ** 2).mean(axis=(-2, -1)))
    return np.asarray(contrast), np.asarray(spread)


def _profile(axes: Axes, contrast: Floats, spread: Floats, spacing: float) -> None:
    depth = (np.arange(len(contrast)) + 0.5) * spacing
    axes.plot(contrast, depth, "o-", color=TRUE, ms=3.5, lw=1.2, label="contrast of the mean")
    if spread.max(initial=0.0) > 0:
        axes.plot(spread, depth, "s--", color=MEASURED, ms=3.5, lw=1.2, label="spread over states")
    axes.set(xlabel="Phase, rms (rad)", ylabel="Depth from the entrance (Å)")
    axes.set_ylim(len(contrast) * spacing, 0)
    axes.set_xlim(0, 1.12 * max(float(contrast.max()), float(spread.max()), 1e-6))
    plain(axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=SMALL, borderpad=0.1)
