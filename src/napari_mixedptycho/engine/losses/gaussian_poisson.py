"""The likelihood of electrons that are counted by a detector with readout noise."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.losses.comparison import Comparison, deviance, per_pattern
from napari_mixedptycho.settings import Settings


class GaussianPoissonLoss(Comparison, Settings):
    """Poisson deviance per electron of ``D + σ²`` and ``I + σ²``: integrating detectors with readout noise σ.

    A Gaussian of variance σ² is taken for a Poisson variable of mean σ² less that mean, which has the same
    mean and variance (Snyder, Helstrom, Lanterman, Faisal & White, *J. Opt. Soc. Am. A* 12, 272, 1995). The
    slope, ``1 − (D + σ²) / (I + σ²)``, is linear in D, so that values below zero need no clipping, which
    would be a bias; below −σ² the loss is its continuation, ``I + σ² − (D + σ²)·log(1 + I/σ²)``.
    """

    needs_electrons: ClassVar[bool] = True
    takes_negative: ClassVar[bool] = True

    kind: Literal["gaussian_poisson"] = "gaussian_poisson"
    readout: float = Field(
        1.0,
        ge=0.01,
        le=1e4,
        description="Readout noise of a pixel, electrons rms, as the spread of dark frames; "
        "for a counting detector take poisson.",
    )

    @property
    def stiffness(self) -> float:
        """Curvature along the modulus of a bright far field, times all electrons, near the solution."""
        return 4.0

    def terms(self, predicted: Array, measured: Array, weight: Array) -> tuple[Array, Array]:
        """Return (position,) losses and (position, ky, kx) slopes."""
        xp = namespace(predicted)
        variance = self.readout**2
        model = predicted + variance
        excess = (measured - predicted) / model
        values = deviance(model, xp.maximum(excess, -1))
        values -= xp.minimum(measured + variance, 0) * xp.log1p(predicted / variance)
        return per_pattern(weight * values), -weight * excess
