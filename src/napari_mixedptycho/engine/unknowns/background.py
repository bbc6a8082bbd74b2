"""Electrons that did not come through the specimen, and dark counts."""

from __future__ import annotations

from typing import Literal

import numpy as np

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Indices, Problem
from napari_mixedptycho.engine.unknowns.base import Refined


class Background(Refined):
    """A pattern that is added to every predicted one, nowhere negative: dark counts, stray electrons.

    It can take what the specimen scatters alike at all scan points, and with it thermal diffuse scattering:
    refine it only where a background is known to be there.
    """

    kind: Literal["background"] = "background"

    def begin(self, problem: Problem, estimate: Estimate) -> Array:
        """Start from little, a thousandth of the mean intensity, so that the slope is finite."""
        xp = namespace(problem.weight)
        return xp.full_like(problem.weight, 1e-3 * float(_mean(problem).mean()))

    def unit(self, problem: Problem, estimate: Estimate) -> Array:
        """Return the square root of the mean pattern (ky, kx): dark pixels tell the background best."""
        mean = _mean(problem)
        return namespace(mean).sqrt(mean + 0.01 * float(mean.mean()))

    def allowed(self, value: Array) -> Array:
        """There is no negative background."""
        return namespace(value).maximum(value, 0)

    def describe(self, value: Array) -> str:
        """Give the sum."""
        return f"background {float(value.sum()):.4g} electrons per pattern"


def _mean(problem: Problem) -> Array:
    """Return the mean of at most 64 measured patterns, spread over the scan: (ky, kx), electrons."""
    some: Indices = np.unique(np.linspace(0, problem.count - 1, 64).astype(np.int64))
    return problem.electrons(some).mean(axis=0)
