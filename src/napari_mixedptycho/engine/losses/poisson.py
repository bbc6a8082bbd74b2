"""The likelihood of counted electrons."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.losses.comparison import Comparison, deviance, per_pattern
from napari_mixedptycho.settings import Settings


class PoissonLoss(Comparison, Settings):
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
        model = predicted + (floor + xp.finfo(predicted.dtype).tiny)
        excess = measured - model
        excess /= model  # D/I − 1
        values = deviance(model, excess)
        values *= weight
        excess *= -weight
        return per_pattern(values), excess
