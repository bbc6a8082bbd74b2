"""Least squares of the amplitude."""

from __future__ import annotations

from typing import Literal

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.losses.comparison import Comparison, per_pattern
from napari_mixedptycho.settings import Settings


class AmplitudeLoss(Comparison, Settings):
    """Least squares of the amplitude, ``Σ w·(√I − √D)² / Σ w·D``: for data of high dose or none."""

    kind: Literal["amplitude"] = "amplitude"

    @property
    def stiffness(self) -> float:
        """Curvature along the modulus of the far field, times all electrons, near the solution."""
        return 2.0

    def terms(self, predicted: Array, measured: Array, weight: Array) -> tuple[Array, Array]:
        """Return (position,) losses and (position, ky, kx) slopes."""
        xp = namespace(predicted)
        tiny = xp.finfo(predicted.dtype).tiny
        amplitude = xp.sqrt(predicted)
        residual = amplitude - xp.sqrt(measured)
        slope = weight * residual / (amplitude + tiny**0.5)
        return per_pattern(weight * residual * residual), slope
