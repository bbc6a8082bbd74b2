"""The reconstructed phase: mean over the states, and every state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from napari_mixedptycho.analysis.figures.style import (
    ON_DARK,
    ONE_COLUMN,
    PHASE_COLOURS,
    TWO_COLUMNS,
    Floats,
    Frame,
    limits,
    scale_bar,
    show,
    styled,
    tag,
    tight_layout,
    write_numbers,
)
from napari_mixedptycho.errors import InputError

_RIM = 1.0  # Å shown around the scanned field


def mean_phase(
    phase: ArrayLike,
    frame: Frame,
    columns: ArrayLike | None = None,
    title: str | None = None,
    numbers: Sequence[str] | None = None,
) -> Figure:
    """Draw the projected phase, mean over the states, with the numbered columns.

    Parameters
    ----------
    phase
        (y, x) rad.
    frame
        Where its pixels lie.
    columns
        (N, 2) positions (y, x), Å, numbered as in the table.
    title
        Above the picture.
    numbers
        What the columns are called; None: from 0.
    """
    image = np.asarray(phase, dtype=np.float64)
    with styled():
        figure = Figure(figsize=(ONE_COLUMN, 2.9), layout="constrained")
        axes = figure.add_subplot()
        shown = show(axes, image, frame, _RIM)
        mark_field(axes, frame)
        if columns is not None:
            places = np.asarray(columns, dtype=np.float64)
            _number(axes, places, numbers or [str(index) for index in range(len(places))])
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
    rows, across = grid_shape(len(images), frame.aspect)
    panel = min(1.7, (TWO_COLUMNS - 0.75) / across)
    with styled():
        size = (panel * across + 0.75, panel * rows / frame.aspect + 0.35)
        figure = Figure(figsize=size, layout=tight_layout())
        montage(figure, images, frame, [str(index) for index in range(len(images))])
        figure.suptitle(title or f"Projected phase of the {len(images)} object states", fontsize=8)
    return figure


def montage(
    figure: Figure | SubFigure, images: Floats, frame: Frame, labels: Sequence[str], name: str = "Phase (rad)"
) -> None:
    """Fill a figure with the scanned field of pictures (N, y, x), with the same limits and one colour bar."""
    parts = [frame.cropped(image) for image in images]
    low, high = limits(np.stack([part for part, _ in parts]))
    panels = figure.subplots(*grid_shape(len(parts), frame.aspect), squeeze=False).ravel()
    for axes in panels[len(parts) :]:
        axes.set_axis_off()
    for (part, extent), axes, label in zip(parts, panels, labels, strict=False):
        shown = axes.imshow(part, cmap=PHASE_COLOURS, vmin=low, vmax=high, extent=extent, origin="upper")
        axes.set(xticks=[], yticks=[])
        tag(axes, label)
    scale_bar(panels[0])
    figure.colorbar(shown, ax=list(panels), label=name, extend="both", pad=0.01, aspect=30)


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


def _number(axes: Axes, columns: np.ndarray, numbers: Sequence[str]) -> None:
    axes.plot(columns[:, 1], columns[:, 0], "o", ms=6, mfc="none", mec=ON_DARK, mew=0.9)
    write_numbers(axes, columns, numbers, 4)
