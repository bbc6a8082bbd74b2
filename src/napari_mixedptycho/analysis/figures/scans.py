"""What came of a scan over settings: the loss against the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from napari_mixedptycho.analysis.figures.style import ONE_COLUMN, SERIES, Floats, styled
from napari_mixedptycho.errors import InputError


def scan_losses(
    setting: str,
    values: Sequence[str],
    losses: Mapping[str, ArrayLike],
    held_out: Mapping[str, ArrayLike],
    best: tuple[str, int] | None = None,
) -> Figure:
    """Draw the loss of fitted patterns, and that of patterns held out, against the values of a setting.

    Parameters
    ----------
    setting, values
        Below the axis; where all values are numbers they are drawn to scale.
    losses, held_out
        Series (the values of the other settings, "" when there are none) → (value,) losses, dimensionless,
        NaN where there is none.
    best
        Series and index of the smallest loss held out, which is ringed.
    """
    curves = {name: np.asarray(curve, dtype=np.float64) for name, curve in losses.items()}
    others = {name: np.asarray(curve, dtype=np.float64) for name, curve in held_out.items()}
    shapes = {curve.shape for curve in (*curves.values(), *others.values())}
    if shapes != {(len(values),)} or set(curves) != set(others):
        raise InputError(
            f"The losses have shapes {sorted(shapes)}; there are {len(values)} values of {setting}."
        )
    places = _places(values)
    with styled():
        figure = Figure(figsize=(ONE_COLUMN, 2.6), layout="constrained")
        axes = figure.subplots()
        for (name, curve), colour in zip(curves.items(), cycle(SERIES), strict=False):
            label = f"{name}: " if name else ""
            axes.plot(places, curve, "o-", color=colour, ms=3, lw=1.2, label=f"{label}loss")
            if np.isfinite(others[name]).any():
                axes.plot(
                    places,
                    others[name],
                    "s--",
                    color=colour,
                    ms=3,
                    lw=1.2,
                    mfc="white",
                    label=f"{label}held out",
                )
        if best is not None:
            _ring(axes, places[best[1]], others[best[0]][best[1]])
        axes.set(xlabel=setting, ylabel="Loss (dimensionless)")
        axes.set_xticks(places, values)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useOffset=False)
        axes.grid(axis="y", color="0.9", lw=0.4)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend()
    return figure


def _places(values: Sequence[str]) -> Floats:
    """Return the values as numbers where they are, else one after the other."""
    try:
        found: NDArray[np.float64] = np.array([float(value) for value in values])
    except ValueError:
        return np.arange(len(values), dtype=np.float64)
    return found


def _ring(axes: Axes, x: float, y: float) -> None:
    axes.plot([x], [y], "o", ms=10, mfc="none", mec="0.3", mew=0.9, label="smallest held out")
