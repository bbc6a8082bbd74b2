"""The reconstructed phase: mean over the states, and every state."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from napari_mixedptycho.analysis.figures.style import (
    ON_DARK,
    PHASE_COLOURS,
    Frame,
    limits,
    outlined,
    scale_bar,
    show,
    styled,
)
from napari_mixedptycho.errors import InputError

_RIM = 1.0  # Å shown around the scanned field


def mean_phase(
    phase: ArrayLike, frame: Frame, columns: ArrayLike | None = None, title: str | None = None
) -> Figure:
    """Draw the projected phase, mean over the states, with the numbered columns.

    Parameters
    ----------
    phase
        (y, x) rad.
    frame
        Where its pixels lie.
    columns
        (N, 2) positions (y, x), Å, numbered from 0 as in the table.
    title
        Above the picture.
    """
    image = np.asarray(phase, dtype=np.float64)
    with styled():
        figure = Figure(figsize=(4.2, 3.6), layout="constrained")
        axes = figure.add_subplot()
        shown = show(axes, image, frame, _RIM)
        mark_field(axes, frame)
        if columns is not None:
            _number(axes, np.asarray(columns, dtype=np.float64))
        scale_bar(axes)
        axes.set(xlabel="x (Å)", ylabel="y (Å)", title=title or "Projected phase, mean over the states")
        figure.colorbar(shown, ax=axes, label="Phase (rad)", extend="both", pad=0.02)
    return figure


def states(phases: ArrayLike, frame: Frame, title: str | None = None) -> Figure:
    """Draw the projected phase of every state with the same limits.

    Parameters
    ----------
    phases
        (state, y, x) rad.
    frame
        Where the pixels lie.
    title
        Above the pictures.
    """
    images = np.asarray(phases, dtype=np.float64)
    if images.ndim != 3 or not len(images):
        raise InputError(
            f"The states have shape {images.shape}; one image per state, (state, y, x), is needed."
        )
    parts = [frame.cropped(image) for image in images]
    low, high = limits(np.stack([part for part, _ in parts]))
    rows, across = grid_shape(len(images), frame.aspect)
    panel = min(1.7, 7.2 / across)
    with styled():
        size = (panel * across + 0.9, panel * rows / frame.aspect + 0.35)
        tight = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
        figure = Figure(figsize=size, layout=tight)
        panels = figure.subplots(rows, across, squeeze=False).ravel()
        for index, axes in enumerate(panels):
            if index >= len(parts):
                axes.set_axis_off()
                continue
            part, extent = parts[index]
            shown = axes.imshow(part, cmap=PHASE_COLOURS, vmin=low, vmax=high, extent=extent, origin="upper")
            axes.set(xticks=[], yticks=[])
            axes.text(
                0.04,
                0.96,
                str(index),
                color="white",
                va="top",
                transform=axes.transAxes,
                path_effects=outlined(),
            )
        scale_bar(panels[0])
        figure.colorbar(shown, ax=list(panels), label="Phase (rad)", extend="both", pad=0.01, aspect=30)
        figure.suptitle(title or f"Projected phase of the {len(images)} object states", fontsize=8.5)
    return figure


def grid_shape(count: int, aspect: float = 1.0) -> tuple[int, int]:
    """Return rows and columns of panels for `count` pictures of an aspect: wider than tall, few gaps."""
    choices = [(int(np.ceil(count / across)), across) for across in range(1, min(count, 8) + 1)]

    def cost(choice: tuple[int, int]) -> float:
        rows, across = choice
        return abs(float(np.log(across * aspect / rows / 1.7))) + 0.25 * (rows * across - count)

    return min(choices, key=cost)


def mark_field(axes: Axes, frame: Frame) -> None:
    """Outline the scanned field."""
    height, width = frame.high[0] - frame.low[0], frame.high[1] - frame.low[1]
    corner = (frame.low[1], frame.low[0])
    axes.add_patch(Rectangle(corner, width, height, fill=False, ec="white", lw=0.8, ls=(0, (4, 3))))


def _number(axes: Axes, columns: np.ndarray) -> None:
    axes.plot(columns[:, 1], columns[:, 0], "o", ms=6, mfc="none", mec=ON_DARK, mew=0.9)
    for index, (y, x) in enumerate(columns):
        axes.annotate(
            str(index),
            (x, y),
            xytext=(4, 4),
            textcoords="offset points",
            color="white",
            fontsize=6.5,
            path_effects=outlined(),
        )
