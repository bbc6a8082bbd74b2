"""Columns as napari layers: numbered where they are, and how they move, enlarged about their means.

Lines are vectors: of napari's layers these alone are quick with thousands of columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._napari.images import LayerData
from napari_mixedptycho.analysis import ColumnMotion, Comparison

MAGNIFICATION = 10
"""Of the displacements from the mean; thermal motion is a twentieth of an ångström."""

COLUMNS = "columns"
SCATTER, BARS, ELLIPSES, TRUTH = "column COM", "mean ± sd", "1σ ellipses", "to the truth"
Floats = NDArray[np.float64]
_PLANE = {"units": ("Å", "Å"), "axis_labels": ("y", "x"), "ndim": 2}
_LINE = {"vector_style": "line", "length": 1.0}
_RING, _CHOSEN, _PARTNER = "#e8f6ff", "#ffd24a", "#7ee0a1"
_CORNERS = 32


def columns_layer(columns: Floats, numbers: Sequence[int], offset: tuple[float, float]) -> LayerData:
    """Return the numbered columns.

    Parameters
    ----------
    columns
        (N, 2) positions (y, x), Å.
    numbers
        (N,) by which they are called.
    offset
        Of the result's frame in that of the whole scan (y, x), Å.
    """
    look = {
        **_PLANE,
        "name": COLUMNS,
        "translate": offset,
        # As floats: of integers napari makes a cycle of colours, with a warning.
        "features": {"column": np.asarray(numbers, dtype=float)},
        "feature_defaults": {"column": np.nan},
        "text": {
            "string": "{column:.0f}",
            "size": 9,
            "color": "#fff3c4",
            "anchor": "upper_left",
            "translation": np.array([-0.1, 0.32]),
        },
        "size": 0.5,
        "face_color": "transparent",
        "border_color": _RING,
        "border_width": 0.08,
        "symbol": "disc",
    }
    return columns, look, "points"


def ring_colours(count: int, chosen: int | None, partners: Sequence[int]) -> list[str]:
    """Return the colour of each column's ring: of the chosen one, of what moves with it, and of the rest."""
    colours = [_RING] * count
    for partner in partners:
        colours[partner] = _PARTNER
    if chosen is not None:
        colours[chosen] = _CHOSEN
    return colours


def scatter_layer(motion: ColumnMotion, magnification: float) -> LayerData:
    """Return the centre of mass of every column in every state, enlarged about the mean, and the mean.

    Points are coloured by state; a white cross is the mean. Feature ``state`` is −1 for the means.
    """
    states, count = motion.n_states, motion.n_columns
    moved = motion.mean + magnification * (motion.positions - motion.mean)
    state = np.repeat(np.arange(states, dtype=float), count)
    column = np.tile(np.arange(count, dtype=float), states + 1)
    colours = np.concatenate([state_colours(states).repeat(count, axis=0), np.ones((count, 4))])
    look: dict[str, Any] = {
        **_PLANE,
        "features": {"state": np.concatenate([state, np.full(count, -1.0)]), "column": column},
        "size": np.concatenate([np.full(states * count, 0.17), np.full(count, 0.2)]),
        "symbol": ["disc"] * (states * count) + ["cross"] * count,
        "face_color": colours,
        "border_color": "black",
        "border_width": 0.1,
    }
    return np.concatenate([moved.reshape(-1, 2), motion.mean]), look, "points"


def bars_layer(motion: ColumnMotion, magnification: float) -> LayerData:
    """Return the standard deviation along y and along x as bars through the mean."""
    half = magnification * motion.sd[:, :, None] * np.eye(2)
    starts = motion.mean[:, None] - half
    lines = np.stack([starts, 2 * half], axis=2).reshape(-1, 2, 2)
    return lines, {**_PLANE, **_LINE, "edge_color": "white", "edge_width": 0.05}, "vectors"


def ellipses_layer(motion: ColumnMotion, magnification: float) -> LayerData:
    """Return the 1σ ellipse of every column: {r : rᵀ·C⁻¹·r = 1} with the covariance C."""
    values, axes = np.linalg.eigh(motion.covariance)
    half = axes * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    angle = np.linspace(0, 2 * np.pi, _CORNERS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    outline = motion.mean[:, None] + magnification * np.swapaxes(half @ circle, 1, 2)
    lines = np.stack([outline[:, :-1], np.diff(outline, axis=1)], axis=2).reshape(-1, 2, 2)
    return lines, {**_PLANE, **_LINE, "edge_color": "#ffb454", "edge_width": 0.045}, "vectors"


def truth_layer(motion: ColumnMotion, comparison: Comparison, magnification: float) -> LayerData:
    """Return arrows from measured to true mean positions, less what they have in common, enlarged."""
    truth = comparison.atoms
    starts = motion.mean[comparison.found]
    error = starts - truth.translation - truth.true_mean
    lines = np.stack([starts, -magnification * error], axis=1)
    look = {**_PLANE, "length": 1.0, "vector_style": "arrow", "edge_color": "#ff6ec7", "edge_width": 0.08}
    return lines, look, "vectors"


def state_colours(states: int) -> Any:
    """Return (state, 4) colours along one scale, bright enough for a dark image."""
    from napari.utils.colormaps import ensure_colormap

    return ensure_colormap("turbo").map(np.linspace(0.2, 0.85, max(states, 1)))
