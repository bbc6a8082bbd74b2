"""Columns as napari points: numbered where they are, and where they are in every state."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_mixedptycho._napari.images import LayerData
from napari_mixedptycho.analysis import ColumnMotion

MAGNIFICATION = 10
"""Of the displacements from the mean; thermal motion is a twentieth of an ångström."""
_PLANE = {"units": ("Å", "Å"), "axis_labels": ("y", "x"), "ndim": 2}


def columns_layer(motion: ColumnMotion, offset: tuple[float, float]) -> LayerData:
    """Return the numbered columns.

    Parameters
    ----------
    motion
        The measured columns.
    offset
        Of the result's frame in that of the whole scan (y, x), Å.
    """
    look = {
        **_PLANE,
        "name": "columns",
        "translate": offset,
        "features": {"column": np.arange(motion.n_columns, dtype=float)},
        "text": {
            "string": "{column:.0f}",
            "size": 9,
            "color": "#fff3c4",
            "anchor": "upper_left",
            "translation": np.array([-0.1, 0.32]),
        },
        "size": 0.5,
        "face_color": "transparent",
        "border_color": "#e8f6ff",
        "border_width": 0.08,
        "symbol": "disc",
    }
    return motion.mean, look, "points"


def motion_layer(motion: ColumnMotion, offset: tuple[float, float], run: str) -> LayerData:
    """Return the centre of mass of every column in every state, enlarged about the mean, and the mean.

    Points are coloured by state; a white cross is the mean. Feature ``state`` is −1 for the means.
    """
    states, count = motion.n_states, motion.n_columns
    moved = motion.mean + MAGNIFICATION * (motion.positions - motion.mean)
    state = np.repeat(np.arange(states, dtype=float), count)
    column = np.tile(np.arange(count, dtype=float), states + 1)
    colours = np.concatenate([state_colours(states).repeat(count, axis=0), np.ones((count, 4))])
    look: dict[str, Any] = {
        **_PLANE,
        "name": f"[{run}] column COM",
        "translate": offset,
        "features": {"state": np.concatenate([state, np.full(count, -1.0)]), "column": column},
        "size": np.concatenate([np.full(states * count, 0.17), np.full(count, 0.2)]),
        "symbol": ["disc"] * (states * count) + ["cross"] * count,
        "face_color": colours,
        "border_color": "black",
        "border_width": 0.1,
        "metadata": {"mixedptycho": {"magnification": MAGNIFICATION}},
    }
    return np.concatenate([moved.reshape(-1, 2), motion.mean]), look, "points"


def state_colours(states: int) -> Any:
    """Return (state, 4) colours along one scale, bright enough for a dark image."""
    from napari.utils.colormaps import ensure_colormap

    return ensure_colormap("turbo").map(np.linspace(0.2, 0.85, max(states, 1)))
