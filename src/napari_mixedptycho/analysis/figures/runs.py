"""Several runs laid over each other, and how the states of one part from each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from napari_mixedptycho.analysis.figures.curves import power_spectrum, radial_mean
from napari_mixedptycho.analysis.figures.style import (
    MEASURED,
    ONE_COLUMN,
    SERIES,
    SMALL,
    TRUE,
    Floats,
    Frame,
    plain,
    styled,
)
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import History

_LINES = ("-", "--", "-.", ":")


def losses(runs: Mapping[str, History], title: str | None = None) -> Figure:
    """Draw the losses of several runs against the iteration; patterns held out in thin lines.

    Parameters
    ----------
    runs
        Name → history. A loss is comparable within a stage, and between runs whose stages have the same loss;
        dots mark where a stage begins.
    title
        Above the curves.

    Raises
    ------
    InputError
        When no run has an iteration.
    """
    known = {name: history for name, history in runs.items() if len(history)}
    if not known:
        raise InputError("There is no loss to draw: no run has an iteration.")
    with styled():
        figure = Figure(figsize=(ONE_COLUMN, 2.6), layout="constrained")
        axes = figure.subplots()
        all_values = []
        for (name, history), colour, line in zip(known.items(), cycle(SERIES), cycle(_LINES), strict=False):
            iterations = np.arange(1, len(history) + 1)
            values = _finite(history.loss)
            all_values.append(values)
            axes.plot(iterations, values, line, color=colour, lw=1.3, label=name)
            starts = np.flatnonzero(np.diff(history.stage, prepend=-1))
            axes.plot(iterations[starts], values[starts], "o", color=colour, ms=3)
            others = _finite(history.held_out)
            if np.isfinite(others).any():
                axes.plot(iterations, others, line, color=colour, lw=0.6, label=f"{name}, held out")
        known_values = np.concatenate(all_values)
        if np.nanmin(known_values) > 0:
            axes.set_yscale("log")
        axes.set(xlabel="Iteration", ylabel="Loss (dimensionless)", title=title or "Loss of the runs")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        plain(axes)
        axes.legend(fontsize=SMALL)
    return figure


def spectra(
    phases: Mapping[str, tuple[ArrayLike, Frame]],
    rings: Mapping[str, float] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the power spectra of several mean phases, averaged over directions.

    Parameters
    ----------
    phases
        Name → phase (y, x), rad, and where its pixels lie.
    rings
        Name → frequency, 1/Å, of lines to draw, such as the information limit.
    title
        Above the curves.
    """
    with styled():
        figure = Figure(figsize=(ONE_COLUMN, 2.6), layout="constrained")
        axes = figure.subplots()
        for (name, (phase, frame)), colour, line in zip(
            phases.items(), cycle(SERIES), cycle(_LINES), strict=False
        ):
            field = frame.cropped(np.asarray(phase, dtype=np.float64))[0]
            radius, mean = radial_mean(*power_spectrum(field, frame.sampling))
            axes.semilogy(radius, np.maximum(mean, 1e-30), line, color=colour, lw=1.2, label=name)
        for name, ring in (rings or {}).items():
            axes.axvline(ring, color="0.5", lw=0.8, ls=(0, (4, 3)))
            axes.text(ring, 0.99, f" {name}", fontsize=SMALL, va="top", transform=axes.get_xaxis_transform())
        axes.set(xlabel="Spatial frequency (1/Å)", ylabel="Mean power (rad² Å²)", xlim=(0, None))
        axes.set_title(title or "Power spectra of the mean phases")
        plain(axes)
        axes.legend(fontsize=SMALL)
    return figure


def spread(history: History, motion: Sequence[tuple[int, float]] = (), title: str | None = None) -> Figure:
    """Draw how far the states are apart against the iteration.

    Parameters
    ----------
    history
        Of the run.
    motion
        (iteration, motion of the columns, Å) where it was measured, drawn on an axis of its own.
    title
        Above the curve.

    Raises
    ------
    InputError
        When no iteration has several states.
    """
    apart = _finite(history.separation)
    several = apart > 0
    if not several.any():
        raise InputError("There is no spread to draw: no iteration has states that differ.")
    iterations = np.arange(1, len(apart) + 1)
    with styled():
        figure = Figure(figsize=(ONE_COLUMN, 2.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(
            iterations[several], apart[several], "-", color=TRUE, lw=1.3, label="sd between states ÷ phase"
        )
        axes.set(xlabel="Iteration", ylabel="sd between states ÷ phase")
        axes.set_title(title or "How far the states are apart")
        axes.set_ylim(0, 1.15 * float(np.nanmax(apart)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        plain(axes)
        if motion:
            _motion(axes, motion)
    return figure


def _motion(axes: Axes, motion: Sequence[tuple[int, float]]) -> None:
    beside = axes.twinx()
    when, size = zip(*motion, strict=True)
    beside.plot(when, 100 * np.asarray(size), "o" if len(when) < 5 else "--", color=MEASURED, ms=4, lw=1.2)
    beside.set_ylabel("Motion per axis (pm)", color=MEASURED)
    beside.set_ylim(0, 115 * max(size))
    beside.spines["top"].set_visible(False)


def _finite(values: Sequence[float]) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)
