"""Shift of the patterns while the beam scans."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.unknowns.base import Refined

_SEEN = 0.005
"""Pixels of descan, below which there is none."""


class Descan(Refined):
    """How far each pattern lies from the centre of the detector, because the descan coils are not perfect."""

    kind: Literal["descan"] = "descan"
    smooth: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Scan steps within which shifts change together; not set: each its own.",
    )

    def begin(self, problem: Problem, estimate: Estimate) -> Array:
        """Start centred."""
        return np.zeros((problem.count, 2))

    def unit(self, problem: Problem, estimate: Estimate) -> float:
        """Return a tenth of a pixel."""
        return 0.1

    @property
    def reach(self) -> float | None:
        """Scan steps within which shifts change together."""
        return self.smooth

    def describe(self, value: Array) -> str | None:
        """Give the range; a mere offset of the zero angle is not worth a word."""
        y, x = np.ptp(value, axis=0)
        if max(y, x) < _SEEN:
            return None
        return f"descan over {y:.2f} × {x:.2f} detector px (y, x)"
