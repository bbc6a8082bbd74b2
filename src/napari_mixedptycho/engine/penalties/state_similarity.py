"""States that resemble each other where motion would not make them differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.penalties.measure import ObjectTerm, lit_pixels, squared
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _Variance(ObjectTerm):
    transfer: Array

    def measure(self, field: Array) -> tuple[float, Array]:
        apart = self._filtered(field - field.mean(axis=0))
        # The filter is its own adjoint, and differences of zero mean stay so.
        slope = self._filtered(2 * self.share(field) * apart)
        return self.mean(squared(apart)), slope - slope.mean(axis=0)

    def _filtered(self, field: Array) -> Array:
        xp = namespace(field)
        passed = xp.fft.ifft2(xp.fft.fft2(field) * self.transfer)
        return (passed if field.dtype.kind == "c" else passed.real).astype(field.dtype)


class StateSimilarity(Settings):
    """Variance between states of the filtered phase, ``w·⟨|G∗(u_n − ū)|²⟩``, u = S·φ in rad.

    The mixed-variance penalty of pypty (A. Gladyshev): atoms that move by less than their width make dipoles,
    which a low-pass hardly sees; what it sees is phase that wanders between states. G is a Gaussian low-pass,
    ``exp(−2π²·length²·k²)``, or one minus it. Of a complex object, u = S·(O − 1). It does nothing to one
    state, nor to displaced states, which share one object.
    """

    kind: Literal["state_similarity"] = "state_similarity"
    weight: float = Field(
        1.0,
        gt=0,
        le=1e6,
        description="Factor of the mean variance, rad²; low: useful from 1 to 10, high: from 1e-3 to 1e-2.",
    )
    passes: Literal["low", "high"] = Field(
        "low", description="Low: slow differences are penalised, and motion is free; high: fine ones."
    )
    length: float = Field(
        1.0, ge=0, le=100, description="Gaussian sigma of the filter, Å; low with 0: all differences."
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> _Variance | None:
        """Return the penalty for a problem; None with one state or displaced ones."""
        if len(estimate.object) < 2:
            return None
        xp, lit = namespace(estimate.object), lit_pixels(problem, estimate)
        ky, kx = (np.fft.fftfreq(edge, problem.sampling) for edge in lit.shape)
        low = np.exp(-2 * np.pi**2 * self.length**2 * (ky[:, None] ** 2 + kx**2))
        transfer = low if self.passes == "low" else 1 - low
        return _Variance(self.weight, lit, xp.asarray(transfer.astype(lit.dtype)))
