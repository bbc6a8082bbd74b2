"""How far predicted patterns are from measured ones.

Each loss is its settings. `terms` returns the loss of each pattern and the slope ∂L/∂I; `scale` is each
pattern's part of what the sum is divided by, so that a value does not depend on dose, detector or number
of patterns.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.settings import Settings


class IntensityLoss(Settings):
    """Least squares of the intensity, ``Σ w·(I − D)² / Σ w·D²``; Gladyshev et al. (2023), eq. 3."""

    kind: Literal["intensity"] = "intensity"

    @property
    def stiffness(self) -> float:
        """Curvature along the modulus of the far field, times all electrons, near the solution."""
        return 8.0

    def terms(self, predicted: Array, measured: Array, weight: Array) -> tuple[Array, Array]:
        """Return (position,) losses and (position, ky, kx) slopes."""
        residual = (predicted - measured) * weight
        return _per_pattern(residual * residual), 2 * residual

    def scale(self, measured: Array, weight: Array) -> Array:
        """Return each pattern's part (position,) of what the sum of `terms` is divided by."""
        return (measured * measured * weight).sum(axis=(1, 2), dtype="f8")


class AmplitudeLoss(Settings):
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
        return _per_pattern(weight * residual * residual), slope

    def scale(self, measured: Array, weight: Array) -> Array:
        """Return each pattern's part (position,) of what the sum of `terms` is divided by."""
        return (measured * weight).sum(axis=(1, 2), dtype="f8")


class PoissonLoss(Settings):
    """Poisson deviance per electron, ``Σ w·[I − D − D·log(I/D)] / Σ w·D``: right for counted electrons.

    Thibault & Guizar-Sicairos, New J. Phys. 14, 063004 (2012), eq. 4, less its value for I = D, so that
    it is never negative and keeps its digits in single precision.
    """

    kind: Literal["poisson"] = "poisson"
    background: float = Field(
        1e-5,
        ge=0,
        le=1,
        description="Uniform background added to the prediction, as a part of the mean intensity per pixel; "
        "keeps the logarithm finite where nothing is predicted. Too large hides the dark field.",
    )

    @property
    def stiffness(self) -> float:
        """Curvature along the modulus of the far field, times all electrons, near the solution."""
        return 4.0

    def terms(self, predicted: Array, measured: Array, weight: Array) -> tuple[Array, Array]:
        """Return (position,) losses and (position, ky, kx) slopes."""
        xp = namespace(predicted)
        seen = (measured * weight).sum(axis=(1, 2), keepdims=True)
        floor = (seen * (self.background / max(float(weight.sum()), 1.0))).astype(predicted.dtype)
        model = predicted + floor
        model += xp.finfo(model.dtype).tiny
        excess = (measured - model) / model  # D/I − 1
        # I − D + D·log(D/I) = I·[(1 + e)·log(1 + e) − e]
        log = xp.log1p(xp.maximum(excess, -1 + 1e-7))
        deviance = model * ((1 + excess) * log - excess)
        return _per_pattern(weight * deviance), -weight * excess

    def scale(self, measured: Array, weight: Array) -> Array:
        """Return each pattern's part (position,) of what the sum of `terms` is divided by."""
        return (measured * weight).sum(axis=(1, 2), dtype="f8")


Loss = Annotated[IntensityLoss | AmplitudeLoss | PoissonLoss, Field(discriminator="kind")]


def _per_pattern(values: Array) -> Array:
    """Sum (position, ky, kx) over the detector: rows as they are, their sums in double precision."""
    return values.sum(axis=2).sum(axis=1, dtype="f8")
