"""Whether states mean anything: all of them side by side, the phase that each carries, and the alarms."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from napari_mixedptycho.analysis.figures.images import grid_shape, montage
from napari_mixedptycho.analysis.figures.style import (
    MEASURED,
    SECOND,
    SMALL,
    TWO_COLUMNS,
    Frame,
    halves,
    plain,
    styled,
    tight_layout,
)
from napari_mixedptycho.engine.health import Health
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.words import counted

_WIDTH = 118
"""Characters of a line of text below the pictures."""


def health(phases: ArrayLike, frame: Frame, signs: Health, title: str | None = None) -> Figure:
    """Draw the states with the same limits, the share of the phase that each carries, and the alarms.

    Parameters
    ----------
    phases
        Projected phase of the states (state, y, x), rad.
    frame
        Where the pixels lie.
    signs
        Of the same estimate, with its alarms.
    title
        Above the pictures.

    Raises
    ------
    InputError
        When there is not one share for each state.
    """
    images = np.asarray(phases, dtype=np.float64)
    if images.ndim != 3 or len(images) != signs.states:
        raise InputError(f"The states have shape {images.shape}; their signs are of {signs.states} states.")
    rows, across = grid_shape(len(images), frame.aspect)
    panel = min(1.3, (TWO_COLUMNS - 2.6) / across)
    words, numbers = _words(signs), range(len(images))
    with styled():
        height = panel * rows / frame.aspect + 0.5 + 0.13 * (1 + words.count("\n"))
        figure = Figure(figsize=(TWO_COLUMNS, max(height, 2.3)), layout=tight_layout())
        pictures, chart = halves(figure, (panel * across + 0.7, 1.9))
        montage(pictures, images, frame, [str(number) for number in numbers])
        axes = chart.subplots()
        shares = 100 * signs.phase.sum(axis=1)
        axes.barh(np.arange(len(shares)), shares, color=MEASURED if signs.alarms else SECOND, height=0.7)
        axes.axvline(100 / len(shares), color="0.3", lw=0.8, ls=(0, (4, 3)))
        axes.set(
            xlabel="Share of the phase (%)",
            ylabel="State",
            title="dashed: equal shares",
        )
        axes.set_yticks(np.arange(len(shares)), [str(number) for number in numbers])
        axes.invert_yaxis()
        plain(axes)
        axes.grid(visible=False)
        figure.suptitle(title or _headline(signs), fontsize=8)
        figure.supxlabel(words, fontsize=SMALL, x=0.01, ha="left")
    return figure


def _headline(signs: Health) -> str:
    count = len(signs.alarms)
    told = counted(count, "alarm") if count else "no alarm"
    return f"Health of {counted(signs.states, 'object state')}: {told}"


def _words(signs: Health) -> str:
    """Return the alarms, or the signs of a run that has none, in lines."""
    if signs.alarms:
        return "\n".join(textwrap.fill(str(alarm), _WIDTH) for alarm in signs.alarms)
    return (
        f"States differ by {signs.apart:.2f} of the rms phase of their mean; the strongest carries "
        f"{signs.largest_state:.2f} times the others' phase."
    )
