"""What is known of an object before it is measured: it is made of atoms, and noise is not.

The spectrum of atoms falls off as their form factor does; that of noise does not. With counted electrons the
likelihood and this prior are on one scale, so their balance needs no weight: at high dose the prior is not
felt, at low dose it keeps the object from explaining shot noise, and with it the motion, away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class Spectrum:
    """A Gaussian prior on the phase of each slice.

    Attributes
    ----------
    stiffness
        (ky, kx ≥ 0): weight / expected power of each Fourier coefficient, ÷ all electrons; 0 at zero.
    """

    stiffness: Array

    def value_and_gradient(self, estimate: Estimate) -> tuple[float, dict[str, Array]]:
        """Return ``½ Σ |F φ|² / P`` of the mean over the states, per electron, and its gradient."""
        stored = estimate.object
        xp = namespace(stored)
        mean = stored.mean(axis=0)
        pull = xp.fft.rfft2(mean, norm="ortho") * self.stiffness
        slope = xp.fft.irfft2(pull, s=mean.shape[-2:], norm="ortho").astype(stored.dtype)
        value = 0.5 * float((mean * slope).sum(dtype="f8"))
        return value, {"object": xp.broadcast_to(slope / len(stored), stored.shape)}


class AtomPrior(Settings):
    """Expect the power spectrum of atoms, ``A / (1 + k²/κ²)²``; A is fitted to what the stage starts from.

    The first Born form factor of a screened (Wentzel) atom. It does nothing where the dose is unknown, to a
    complex object, or to a start that shows nothing yet.
    """

    kind: Literal["atoms"] = "atoms"
    weight: float = Field(1.0, gt=0, le=1e4, description="1: likelihood and prior count as they are.")
    screening: float = Field(
        0.6, gt=0, le=10, description="Half width κ of the atoms' spectrum, 1/Å; smaller: smoother objects."
    )

    def fit(self, problem: Problem, stored: Array, electrons: float) -> Spectrum | None:
        """Fit the prior to an object (state, slice, y, x), rad; `electrons` in all patterns together."""
        if not problem.counted or stored.dtype.kind == "c":
            return None
        xp = namespace(stored)
        slices, edges = stored.shape[1], stored.shape[-2:]
        projected = asnumpy(stored).mean(axis=0, dtype=np.float64).sum(axis=0)
        power = np.abs(np.fft.rfft2(projected, norm="ortho")) ** 2
        ky, kx = np.fft.fftfreq(edges[0], problem.sampling), np.fft.rfftfreq(edges[1], problem.sampling)
        k = np.hypot(ky[:, None], kx)
        shape = 1.0 / (1.0 + (k / self.screening) ** 2) ** 2
        low = (k > 0.1 * self.screening) & (k < 2 * self.screening)
        # Slices of a crystal hold different atoms: their powers add, not their amplitudes.
        height = float((power[low] / shape[low]).mean()) / slices
        if not height > 0:
            return None
        stiffness = self.weight / (height * shape * electrons)
        stiffness[0, 0] = 0.0
        return Spectrum(xp.asarray(stiffness.astype(stored.dtype)))
