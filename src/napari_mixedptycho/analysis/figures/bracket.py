"""The bracket of the motion: how two sides approach it, iteration by iteration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from napari_mixedptycho.analysis.figures.style import INK, MEASURED, ONE_COLUMN, TRUE, Floats, styled
from napari_mixedptycho.errors import InputError


@dataclass(frozen=True)
class Approach:
    """One side of a bracket.

    Attributes
    ----------
    start
        Rms displacement at iteration 0, Å.
    iterations
        (point,) iterations with several states.
    motion
        (point,) rms motion of the columns, Å.
    low, high
        (point,) bootstrap interval of the same, Å; not finite: not drawn.
    """

    start: float
    iterations: ArrayLike
    motion: ArrayLike
    low: ArrayLike
    high: ArrayLike


def bracket(below: Approach, above: Approach, truth: float | None = None, title: str | None = None) -> Figure:
    """Draw the motion of the columns against the iteration, from below and from above.

    Parameters
    ----------
    below, above
        The two sides.
    truth
        True motion of the same columns, Å; None: not known.
    title
        Above the curves.

    Raises
    ------
    InputError
        When a side has no point, or not one motion for each iteration.
    """
    with styled():
        figure = Figure(figsize=(ONE_COLUMN, 2.6), layout="constrained")
        axes = figure.subplots()
        _side(axes, above, MEASURED, "from above")
        _side(axes, below, TRUE, "from below")
        if truth is not None:
            axes.axhline(truth, color=INK, lw=0.8, ls=(0, (4, 3)), label="truth")
        axes.set(xlabel="Iteration with several states", ylabel="Motion of the columns, rms per axis (Å)")
        axes.set_title(title or "")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
        axes.grid(axis="y", color="0.9", lw=0.4)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper right")
    return figure


def _side(axes: Axes, side: Approach, colour: str, name: str) -> None:
    iterations, motion = np.asarray(side.iterations, np.float64), np.asarray(side.motion, np.float64)
    if iterations.ndim != 1 or not len(iterations) or iterations.shape != motion.shape:
        raise InputError(
            f"The motion {name} has shape {motion.shape} and its iterations {iterations.shape}; one of each."
        )
    axes.plot(_begun(iterations, 0.0), _begun(motion, side.start), color=colour, lw=1.2, label=name)
    axes.plot(iterations, motion, color=colour, lw=0, marker="o", ms=2.6)
    axes.plot([0], [side.start], color=colour, lw=0, marker="o", ms=3.6, mfc="white", clip_on=False)
    low, high = np.asarray(side.low, np.float64), np.asarray(side.high, np.float64)
    if np.isfinite(low).all() and np.isfinite(high).all():
        axes.fill_between(iterations, low, high, color=colour, alpha=0.12, lw=0)


def _begun(values: Floats, first: float) -> Floats:
    return np.concatenate([[first], values])
