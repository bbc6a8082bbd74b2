"""The stationary control: the motion of a result beside what the same recipe shows where nothing moves."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from napari_mixedptycho.analysis.figures.style import (
    MEASURED,
    SMALL,
    TRUE,
    TWO_COLUMNS,
    Floats,
    halves,
    plain,
    styled,
)
from napari_mixedptycho.analysis.floor import Verdict
from napari_mixedptycho.analysis.motion import ColumnMotion
from napari_mixedptycho.words import interval

_PICOMETRES = 100.0  # per Å


def control(motion: ColumnMotion, floor: ColumnMotion, verdict: Verdict, title: str | None = None) -> Figure:
    """Draw displacements in result and control, the motion of each column, and the ratio of the two.

    Parameters
    ----------
    motion, floor
        Of the same columns, in the result and in its control.
    verdict
        Whether the one is more than the other.
    title
        Above it all; None: the verdict in words.
    """
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 2.75), layout="constrained")
        clouds, charts = halves(figure, (1.35, 1.0))
        left, right = clouds.subplots(1, 2, sharex=True, sharey=True)
        moves = [(one.positions - one.mean).reshape(-1, 2) * _PICOMETRES for one in (motion, floor)]
        reach = 1.08 * max(float(np.abs(part).max(initial=0.0)) for part in moves) or 1.0
        for axes, part, colour, name, size in (
            (left, moves[0], MEASURED, "Result", verdict.motion),
            (right, moves[1], TRUE, "Stationary control", verdict.floor),
        ):
            _cloud(axes, part, colour, size * _PICOMETRES)
            axes.set(xlim=(-reach, reach), ylim=(reach, -reach), xlabel="x (pm)")
            axes.set_title(f"{name}: {size * _PICOMETRES:.2f} pm")
        left.set_ylabel("y (pm)")
        _columns(charts.subplots(), verdict)
        figure.suptitle(title or _headline(verdict), fontsize=8)
    return figure


def _headline(verdict: Verdict) -> str:
    low, high = verdict.ratio_interval
    if not np.isfinite(verdict.ratio):
        return "Motion is " + ("resolved" if verdict.resolved else "not resolved")
    word = "Motion is resolved" if verdict.resolved else "Motion is not resolved"
    return (
        f"{word}: {verdict.ratio:.1f} times the floor "
        f"({100 * verdict.settings.confidence:g} % interval {interval(low, high, 1)})"
    )


def _cloud(axes: Axes, moves: Floats, colour: str, size: float) -> None:
    axes.plot(moves[:, 1], moves[:, 0], "o", ms=2.4, mfc=colour, mec="white", mew=0.25, alpha=0.85)
    axes.add_patch(Circle((0, 0), size, fill=False, ec="black", lw=0.9, zorder=5))
    axes.axhline(0, color="0.85", lw=0.5, zorder=0)
    axes.axvline(0, color="0.85", lw=0.5, zorder=0)
    axes.set_box_aspect(1)


def _columns(axes: Axes, verdict: Verdict) -> None:
    number = np.arange(len(verdict.columns))
    motion, floor = verdict.column_motion * _PICOMETRES, verdict.column_floor * _PICOMETRES
    axes.vlines(number, floor, motion, color="0.75", lw=1.0, zorder=1)
    axes.plot(number, motion, "o", color=MEASURED, ms=4, label="result")
    axes.plot(number, floor, "s", mfc="white", mec=TRUE, ms=4, label="control: the floor")
    axes.set(xlabel="Column", ylabel="Motion per axis (pm)")
    axes.set_ylim(0, 1.15 * max(float(motion.max()), float(floor.max()), 0.1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain(axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=SMALL, borderpad=0.1)
