"""Free flight from slice to slice: distance between slices, and tilt of the specimen.

``ψ(k) ← exp(iχ)·ψ(k)`` with ``χ = −πλΔz k² + 2πΔz k·t``: a specimen tilted by t lets each slice lie a little
further along t than the one before, which is the same as the wave coming back by Δz·t.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem

_MRAD = 1e-3


@dataclass(frozen=True)
class Flight:
    """The propagators of an estimate, and what gradients of their phase mean.

    Attributes
    ----------
    fixed
        (ky, kx) complex: the propagator of untilted flight.
    spacing
        From slice to slice, Å.
    tilt
        (1 or position, 2), rad; None: no tilt.
    k
        (size,) 1/Å, zero first.
    wavelength
        Å.
    """

    fixed: Array
    spacing: float
    tilt: NDArray[np.float64] | None
    k: NDArray[np.float64]
    wavelength: float

    @classmethod
    def of(cls, problem: Problem, estimate: Estimate) -> Flight:
        """Make the propagators of an estimate."""
        xp = namespace(problem.propagator)
        k = np.fft.fftfreq(problem.size, problem.sampling).astype(np.float64)
        fixed, spacing = problem.propagator, problem.spacing
        if estimate.spacing is not None:
            spacing = float(asnumpy(estimate.spacing)[0])
            square = k[:, None] ** 2 + k**2
            phase = -np.pi * problem.wavelength * (spacing - problem.spacing) * square
            fixed = fixed * xp.asarray(np.exp(1j * phase).astype(fixed.dtype))
        tilt = None if estimate.tilt is None else _MRAD * asnumpy(estimate.tilt)
        return cls(fixed, spacing, tilt, k, problem.wavelength)

    @cached_property
    def _divided(self) -> Array:
        return self.fixed * self.fixed.real.dtype.type(1.0 / len(self.k) ** 2)

    def propagator(self, part: NDArray[np.int64]) -> Array:
        """Return (ky, kx), or (position, 1, 1, ky, kx) where positions are tilted, for a chunk."""
        return self._turned(self.fixed, part)

    def between(self, part: NDArray[np.int64]) -> Array:
        """Return the same divided by the number of pixels, to go between transforms that are not scaled."""
        return self._turned(self._divided, part)

    def _turned(self, fixed: Array, part: NDArray[np.int64]) -> Array:
        if self.tilt is None:
            return fixed
        xp = namespace(self.fixed)
        tilt = self.tilt[part] if len(self.tilt) > 1 else self.tilt
        ramps = np.exp(2j * np.pi * self.spacing * tilt[..., None] * self.k).astype(self.fixed.dtype)
        ramps = xp.asarray(ramps)
        return (ramps[:, 0, :, None] * ramps[:, 1, None, :] * fixed)[:, None, None]

    def pullback(self, slope: Array, part: NDArray[np.int64]) -> dict[str, Array]:
        """Return the gradients of tilt and spacing.

        Parameters
        ----------
        slope
            (position, ky, kx): ∂L/∂χ, summed over all gaps.
        part
            Positions of the chunk.
        """
        xp = namespace(slope)
        k = xp.asarray(self.k.astype(slope.dtype))
        rows, columns = slope.sum(axis=2), slope.sum(axis=1)
        along = np.stack([asnumpy((rows * k).sum(axis=1)), asnumpy((columns * k).sum(axis=1))], axis=1)
        along = along.astype(np.float64)
        square = asnumpy((rows * k**2).sum(axis=1) + (columns * k**2).sum(axis=1)).astype(np.float64)
        spacing = -np.pi * self.wavelength * square.sum()
        found: dict[str, Array] = {}
        if self.tilt is not None:
            tilt = self.tilt[part] if len(self.tilt) > 1 else self.tilt
            spacing += 2 * np.pi * (along * tilt).sum()
            each = 2 * np.pi * self.spacing * _MRAD * along
            found["tilt"] = each if len(self.tilt) > 1 else each.sum(axis=0, keepdims=True)
        found["spacing"] = np.array([spacing])
        return found
