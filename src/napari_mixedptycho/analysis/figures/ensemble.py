"""Several runs of one recipe: the motion of each column run by run, and how it settles with more states."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, ScalarFormatter

from napari_mixedptycho.analysis.ensemble import Ensemble
from napari_mixedptycho.analysis.figures.style import INK, MEASURED, SECOND, TRUE, TWO_COLUMNS, styled
from napari_mixedptycho.words import counted

_MARKS = "osD^vP*Xd<>"


def ensemble(found: Ensemble, title: str | None = None) -> Figure:
    """Draw the motion of every column in every run, and the spread of a sd against the number of states.

    Parameters
    ----------
    found
        The runs.
    title
        Above both.
    """
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
        _columns(left, found)
        _sizes(right, found)
        figure.suptitle(title or "", fontsize=8)
    return figure


def _columns(axes: Axes, found: Ensemble) -> None:
    """Draw u_rms of each column: one mark per run, a bar for all."""
    places = np.arange(found.pooled.n_columns)
    for index, run in enumerate(found.runs):
        mark = _MARKS[index % len(_MARKS)]
        step = 0.36 * (index / max(len(found.runs) - 1, 1) - 0.5)
        label = f"run {index + 1}" if len(found.runs) <= 6 else None
        axes.plot(places + step, run.u_rms, mark, ms=3.4, mfc="none", mec=TRUE, mew=0.8, label=label)
    every = np.sqrt((found.within**2).mean(axis=1))
    axes.hlines(every, places - 0.32, places + 0.32, color=MEASURED, lw=1.4, label="all runs")
    axes.set(xlabel="Column", ylabel="Motion, rms per axis (Å)")
    axes.set_title(f"{counted(found.pooled.n_columns, 'column')}, {counted(len(found.runs), 'run')}")
    axes.set_ylim(0, 1.25 * float(max(run.u_rms.max() for run in found.runs)))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
    axes.grid(axis="y", color="0.9", lw=0.4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", ncols=min(len(found.runs) + 1, 5), handletextpad=0.2, columnspacing=0.9)


def _sizes(axes: Axes, found: Ensemble) -> None:
    """Draw the relative spread against the number of states, beside theory and what runs really do."""
    sizes = found.sizes
    axes.plot(sizes.states, sizes.theory, color=INK, lw=0.9, ls=(0, (4, 3)), label="1/√(2(n − 1))")
    axes.plot(sizes.states, sizes.column, "o-", color=TRUE, ms=2.8, lw=1.2, label="one column")
    axes.plot(sizes.states, sizes.overall, "s-", color=SECOND, ms=2.8, lw=1.2, label="all columns")
    each = float(np.mean([run.n_states for run in found.runs]))
    runs = np.arange(2, len(found.runs) + 1)
    look: dict[str, Any] = {"color": MEASURED, "ms": 4, "zorder": 4}
    axes.plot([each], [found.column_spread], "D", label="one column, run against run", **look)
    falls = found.column_spread / np.sqrt(runs)
    axes.plot(each * runs, falls, "D", mfc="white", label="… mean of several runs", **look)
    axes.axhline(found.settings.stable, color="0.6", lw=0.7)
    axes.set(xscale="log", xlabel="States", ylabel="Spread of the sd ÷ sd", title="Drawn from all states")
    ticks = [tick for tick in (2, 4, 8, 16, 32, 64, 128, 256) if tick <= sizes.states[-1]]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(MaxNLocator(1))
    axes.xaxis.set_minor_formatter(ScalarFormatter())
    axes.tick_params(axis="x", which="minor", length=0, labelbottom=False)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylim(0, 1.45 * float(max(sizes.column.max(), sizes.theory.max(), found.column_spread)))
    axes.grid(axis="y", color="0.9", lw=0.4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right")
