"""Where the beam really goes: scan positions, stretched, turned and sheared as a whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.engine.estimate import Estimate

Floats = NDArray[np.float64]


def places(estimate: Estimate) -> tuple[Floats, Callable[[Floats], dict[str, Floats]]]:
    """Return where the beam goes, and the pullback to positions and scan.

    Returns
    -------
    tuple
        (position, 2) on the object grid, px: ``c + (p − c)·Aᵀ`` with c the centre of the grid and A `scan`;
        and a function from ∂L/∂places to the gradients of positions and scan.
    """
    positions = estimate.positions
    if estimate.scan is None:
        return positions, lambda gradient: {"positions": gradient}
    scan, centre = estimate.scan, (np.array(estimate.object.shape[-2:]) - 1) / 2
    offsets = positions - centre

    def pullback(gradient: Floats) -> dict[str, Floats]:
        # Sums element by element, not matrix products: those depend on the number of threads.
        outer = (gradient[:, :, None] * offsets[:, None, :]).sum(axis=0)
        back = (gradient[:, :, None] * scan).sum(axis=1)
        return {"positions": back, "scan": outer}

    return centre + (offsets[:, None, :] * scan).sum(axis=2), pullback
