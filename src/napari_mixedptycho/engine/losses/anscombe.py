"""Least squares of the amplitude, corrected for the few electrons of the dark field."""

from __future__ import annotations

from typing import ClassVar, Literal

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.losses.comparison import Comparison, per_pattern
from napari_mixedptycho.settings import Settings

_FADING = (0.2676, 0.2200, 0.8110, 1.2550, 1.0)
"""Powers of I from the fourth down: 1 / their sum is fitted to the exact mean, which is met to within 0.07 %
of I. The fourth falls off fast enough to leave Anscombe's own limit."""
_BRIGHT = 1e4
"""Electrons from which the correction has long faded, while its powers still fit single precision."""


class AnscombeLoss(Comparison, Settings):
    """Least squares of stabilised counts, ``½ Σ w·(t(D) − m(I))² / Σ w·D``: amplitudes without their bias.

    ``t(D) = 2·√(D + 3/8)`` has a variance of about one at any intensity (Anscombe, *Biometrika* 35, 246,
    1948). Its mean is not t(I), so that comparing with t(I) would be biased like bare amplitudes; here it is
    compared with its mean under Poisson statistics, ``m(I) = 2·√(I + 1/8 + c(I)/4)``, c falling from 1 to 0.
    At high dose this is minus the logarithm of the likelihood per electron; far below one electron per pixel
    the counts vary by less than one, and the dark field weighs too little (docs/engine.md).
    """

    needs_electrons: ClassVar[bool] = True

    kind: Literal["anscombe"] = "anscombe"

    @property
    def stiffness(self) -> float:
        """Curvature along the modulus of a bright far field, times all electrons, near the solution."""
        return 4.0

    def terms(self, predicted: Array, measured: Array, weight: Array) -> tuple[Array, Array]:
        """Return (position,) losses and (position, ky, kx) slopes."""
        xp = namespace(predicted)
        fading, slope = _fading(xp.minimum(predicted, _BRIGHT))
        root = xp.sqrt(predicted + 0.125 + 0.25 * fading)
        counts = xp.sqrt(xp.maximum(measured, 0) + 0.375)
        # m − t = 2·(root − counts), as a quotient that keeps its digits where they are nearly equal.
        difference = xp.minimum(measured, 0) + (predicted - measured) + 0.25 * (fading - 1)
        residual = 2 * difference / (root + counts)
        return per_pattern(0.5 * weight * residual * residual), weight * residual * (1 + 0.25 * slope) / root


def _fading(intensity: Array) -> tuple[Array, Array]:
    """Return c(I) and its derivative: what few electrons add to the squared mean of 2·√(D + 3/8)."""
    powers, derivative = 0 * intensity, 0 * intensity
    for factor in _FADING:
        derivative = derivative * intensity + powers
        powers = powers * intensity + factor
    fading = 1 / powers
    return fading, -fading * fading * derivative
