"""A figure as pixels, for a window that draws it itself."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray


def drawn(figure: Figure, resolution: float = 110.0) -> NDArray[np.uint8]:
    """Return a figure as (y, x, rgba); `resolution` in pixels per inch."""
    figure.set_dpi(resolution)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba(), np.uint8)  # type: ignore[no-untyped-call]
