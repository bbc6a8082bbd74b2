"""From the far field to what the detector counts: beam current, descan, point spread, background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.detector import Detector
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Indices, Problem

Pullback = Callable[[Array], tuple[Array, dict[str, Array]]]


@dataclass(frozen=True)
class Camera:
    """The detector of an estimate.

    Attributes
    ----------
    problem
        Measured and computed sizes.
    estimate
        Holds intensity, background, blur and descan, or None for each.
    transfer, slope
        (ky, kx ≥ 0): transfer function of the point spread and its derivative with its width; None: sharp.
    """

    problem: Problem
    estimate: Estimate
    transfer: Array | None
    slope: Array | None

    @property
    def window(self) -> Detector | None:
        """The detector whose measured pixels are all that is wanted of the far field; None: all is wanted."""
        return self.problem.detector if self.transfer is None else None

    @classmethod
    def of(cls, problem: Problem, estimate: Estimate) -> Camera:
        """Make the detector of an estimate."""
        if estimate.blur is None:
            return cls(problem, estimate, None, None)
        xp = namespace(problem.propagator)
        precision = problem.propagator.real.dtype
        width = float(asnumpy(estimate.blur)[0])
        waves = [2 * np.pi * frequency(problem.size) for frequency in (np.fft.fftfreq, np.fft.rfftfreq)]
        # The discrete Gaussian, Lindeberg, IEEE Trans. PAMI 12, 234 (1990): the other one, if it is narrower
        # than a pixel, has negative lobes, and with them predicts fewer than no electrons.
        decay = 2 - np.cos(waves[0])[:, None] - np.cos(waves[1])
        transfer = np.exp(-(width**2) * decay)
        slope = -2 * width * decay * transfer
        return cls(
            problem, estimate, xp.asarray(transfer.astype(precision)), xp.asarray(slope.astype(precision))
        )

    def ramp(self, part: Indices) -> Array | None:
        """Return what exit waves are multiplied by, so that patterns are shifted: (position, 1, 1, y, x)."""
        if self.estimate.descan is None:
            return None
        xp, size = namespace(self.problem.propagator), self.problem.size
        place = (np.arange(size) - size // 2) / size
        shifts = asnumpy(self.estimate.descan)[part]
        factors = np.exp(2j * np.pi * shifts[..., None] * place).astype(self.problem.propagator.dtype)
        factors = xp.asarray(factors)
        return (factors[:, 0, :, None] * factors[:, 1, None, :])[:, None, None]

    def descan_slope(self, overlap: Array) -> Array:
        """Return ∂L/∂descan (position, 2) from ``Im(gradient · conj(exit wave))`` (position, y, x)."""
        xp, size = namespace(overlap), self.problem.size
        place = xp.asarray(((np.arange(size) - size // 2) / size).astype(overlap.dtype))
        slopes = [(overlap.sum(axis=axis) * place).sum(axis=1) for axis in (2, 1)]
        return 2 * np.pi * asnumpy(xp.stack(slopes, axis=1)).astype(np.float64)

    def see(self, power: Array, part: Indices) -> tuple[Array, Pullback]:
        """Predict what is counted.

        Parameters
        ----------
        power
            (position, ky, kx) of the computed field, zero angle in the corner; of its measured pixels alone
            where the detector is sharp.
        part
            Positions of the chunk.

        Returns
        -------
        tuple
            Predicted patterns (position, ky, kx), measured pixels only, electrons; and the pullback, from
            ∂L/∂predicted to ∂L/∂power and the gradients of intensity, background and blur.
        """
        estimate, detector = self.estimate, self.problem.detector
        xp = namespace(power)
        sharp = power
        if self.transfer is not None:
            # Rounding may leave a little less than nothing in the dark.
            power = xp.maximum(self._filtered(power, self.transfer), 0)
        plain = predicted = detector.crop(power)
        current = None
        if estimate.intensity is not None:
            current = xp.asarray(estimate.intensity[part].astype(power.dtype))[:, None, None]
            predicted = predicted * current
        if estimate.background is not None:
            predicted = predicted + estimate.background

        def pullback(slope: Array) -> tuple[Array, dict[str, Array]]:
            found: dict[str, Array] = {}
            if estimate.background is not None:
                found["background"] = slope.sum(axis=0)
            if current is not None:
                found["intensity"] = asnumpy((slope * plain).sum(axis=(1, 2), dtype="f8"))
                slope = slope * current
            slope = slope if slope.shape == sharp.shape else detector.embed(slope)
            if self.transfer is not None:
                wider = self._filtered(sharp, self.slope)
                found["blur"] = np.array([float((slope * wider).sum(dtype="f8"))])
                slope = self._filtered(slope, self.transfer)
            return slope, found

        return predicted, pullback

    def _filtered(self, images: Array, factor: Array) -> Array:
        xp = namespace(images)
        blurred = xp.fft.irfft2(xp.fft.rfft2(images) * factor, s=images.shape[-2:])
        return blurred.astype(images.dtype)
