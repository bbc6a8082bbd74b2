"""Point spread of the detector."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.unknowns.base import Refined


class Blur(Refined):
    """Gaussian point spread: a detector that shares an electron's charge between neighbouring pixels."""

    kind: Literal["blur"] = "blur"
    width: float = Field(
        0.5, gt=0, le=20, description="Where to begin, detector px (sd), when the model names no width."
    )

    def begin(self, problem: Problem, estimate: Estimate) -> Array:
        """Start from a finite width: at none the slope vanishes."""
        return np.array([self.width])

    def unit(self, problem: Problem, estimate: Estimate) -> float:
        """Return a tenth of a pixel."""
        return 0.1

    def describe(self, value: Array) -> str:
        """Give the width; its sign has no meaning."""
        return f"detector blur {abs(float(value[0])):.3f} px (standard deviation)"
