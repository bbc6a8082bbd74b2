"""Size of the electron source."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.unknowns.base import Refined


class Source(Refined):
    """Gaussian source: partial spatial coherence by one number, instead of by probe modes.

    Motion that all atoms under the probe share looks like a wider source, so the two cannot be told apart by
    such motion alone: give a known size in the model rather than refine it when motion is the question.
    """

    kind: Literal["source"] = "source"
    size: float = Field(
        0.2, gt=0, le=10, description="Where to begin, Å (standard deviation), when the model names no size."
    )

    def begin(self, problem: Problem, estimate: Estimate) -> Array:
        """Start from a source of finite size: at none the slope vanishes."""
        return np.array([self.size])

    def unit(self, problem: Problem, estimate: Estimate) -> float:
        """Return a twentieth of an Å."""
        return 0.05

    def describe(self, value: Array) -> str:
        """Give the width; its sign has no meaning."""
        return f"source size {abs(float(value[0])):.3f} Å (standard deviation)"
