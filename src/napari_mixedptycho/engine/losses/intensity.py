"""Least squares of the intensity."""

from __future__ import annotations

from typing import Literal

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.losses.comparison import Comparison, per_pattern
from napari_mixedptycho.settings import Settings


class IntensityLoss(Comparison, Settings):
    """Least squares of the intensity, ``Σ w·(I − D)² / Σ w·D²``; Gladyshev et al. (2023), eq. 3."""

    kind: Literal["intensity"] = "intensity"

    @property
    def stiffness(self) -> float:
        """Curvature along the modulus of the far field, times all electrons, near the solution."""
        return 8.0

    def terms(self, predicted: Array, measured: Array, weight: Array) -> tuple[Array, Array]:
        """Return (position,) losses and (position, ky, kx) slopes."""
        residual = (predicted - measured) * weight
        return per_pattern(residual * residual), 2 * residual

    def scale(self, measured: Array, weight: Array) -> Array:
        """Return each pattern's part (position,) of what the sum of `terms` is divided by."""
        return (measured * measured * weight).sum(axis=(1, 2), dtype="f8")
