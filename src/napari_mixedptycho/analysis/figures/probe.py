"""The illumination: amplitude and phase of every mode, and its share of the power."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from napari_mixedptycho.analysis.figures.style import (
    ONE_COLUMN,
    PHASE_COLOURS,
    SMALL,
    TWO_COLUMNS,
    scale_bar,
    styled,
)
from napari_mixedptycho.errors import InputError

_MOST = 5
"""Modes that are drawn; the others hold less."""
_REACH = 2.2
"""Rms radii of the power that are shown."""
_FAINT = 0.05
"""Where the amplitude is below this times its largest, there is no phase to see."""


def probe_modes(probe: ArrayLike, sampling: float, title: str | None = None) -> Figure:
    """Draw the probe's modes at the entrance surface: amplitude above, phase below, share of the power.

    Parameters
    ----------
    probe
        (mode, y, x) complex, centred at ``n // 2``.
    sampling
        Pixel, Å.
    title
        Above the pictures.

    Raises
    ------
    InputError
        When the probe has not three axes, or no power.
    """
    waves: NDArray[Any] = np.asarray(probe)
    if waves.ndim != 3 or not np.abs(waves).max(initial=0.0) > 0:
        raise InputError(f"The probe has shape {waves.shape}; (mode, y, x) with some power is needed.")
    shares = power_shares(waves)
    order = np.argsort(-shares, kind="stable")[:_MOST]
    rows, half = _window(waves, sampling)
    extent = (-half * sampling, half * sampling, half * sampling, -half * sampling)
    across = len(order)
    panel = min(1.45, (TWO_COLUMNS - 0.85) / across)
    with styled():
        figure = Figure(figsize=(panel * across + 0.95, 2 * panel + 0.55), layout="constrained")
        panels = figure.subplots(2, across, squeeze=False)
        if across == 1:  # side by side
            figure = Figure(figsize=(ONE_COLUMN, 1.75), layout="constrained")
            panels = figure.subplots(1, 2, squeeze=False).T
        for place, mode in enumerate(order):
            wave = waves[mode][rows, rows]
            size = np.abs(wave) / np.abs(wave).max()
            above = panels[0, place].imshow(size, cmap=PHASE_COLOURS, vmin=0, vmax=1, extent=extent)
            turned = wave * np.exp(-1j * np.angle((wave * size).sum() or 1.0))
            below = panels[1, place].imshow(
                np.ma.masked_array(np.angle(turned), size < _FAINT),
                cmap="twilight",
                vmin=-np.pi,
                vmax=np.pi,
                extent=extent,
                interpolation="nearest",
            )
            if across > 1:
                panels[0, place].set_title(f"Mode {mode}: {100 * shares[mode]:.3g} %", fontsize=SMALL)
            for axes in panels[:, place]:
                axes.set(xticks=[], yticks=[], facecolor="0.85")
        scale_bar(panels[0, 0])
        figure.colorbar(above, ax=list(panels[0]), label="Amplitude ÷ largest", pad=0.01, shrink=0.85)
        bar = figure.colorbar(below, ax=list(panels[1]), label="Phase (rad)", pad=0.01, shrink=0.85)
        bar.set_ticks([-np.pi, 0, np.pi], labels=["−π", "0", "π"])
        left_out = f" (strongest {across} of {len(waves)})" if across < len(waves) else ""
        told = "Probe" if len(waves) == 1 else f"Probe modes and their share of the power{left_out}"
        figure.suptitle(title or told, fontsize=8)
    return figure


def power_shares(probe: NDArray[Any]) -> NDArray[np.float64]:
    """Return the share (mode,) of the power of each mode of a probe (mode, y, x)."""
    power = (np.abs(probe.astype(np.complex128)) ** 2).sum(axis=(-2, -1))
    return np.asarray(power / power.sum())


def _window(waves: NDArray[Any], sampling: float) -> tuple[slice, float]:
    """Return the rows and columns that hold nearly all of the power, and half their number, px."""
    n = waves.shape[-1]
    power = (np.abs(waves) ** 2).sum(axis=0)
    squares = (np.arange(n) - n // 2) ** 2
    radius = float(np.sqrt((power * (squares[:, None] + squares)).sum() / power.sum()))
    half = int(min(n // 2, max(_REACH * radius, 1.0 / sampling, 4)))
    return slice(n // 2 - half, n // 2 + half), float(half)
