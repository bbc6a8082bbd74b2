"""Aberrations of the probe."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.unknowns.base import Refined
from napari_mixedptycho.optics import ABERRATIONS, aberration_phases

Coefficient = Literal["C10", "C12a", "C12b", "C21a", "C21b", "C23a", "C23b", "C30"]
_ALL: tuple[Coefficient, ...] = ("C10", "C12a", "C12b", "C21a", "C21b", "C23a", "C23b", "C30")


class Aberrations(Refined):
    """Krivanek's coefficients, added to the probe that the stage starts from.

    With the probe itself left out of `refine` this is a parametric probe: a handful of numbers instead of
    thousands of pixels, for low doses and few scan points. Refined together with the probe it only helps to
    arrive sooner.
    """

    kind: Literal["aberrations"] = "aberrations"
    terms: tuple[Coefficient, ...] = Field(
        _ALL,
        min_length=1,
        description="Which ones: C10 (minus the defocus), C12, C21, C23 (a, b), C30.",
    )

    def begin(self, problem: Problem, estimate: Estimate) -> Array:
        """Start from the probe as it is."""
        return np.zeros(len(ABERRATIONS))

    def unit(self, problem: Problem, estimate: Estimate) -> Array:
        """Return what changes the phase by 0.1 rad rms over the aperture, Å; 0 for terms left out."""
        xp = namespace(estimate.probe)
        power = asnumpy((xp.abs(xp.fft.fft2(estimate.probe)) ** 2).sum(axis=0)).astype(np.float64)
        power /= power.sum()
        basis = aberration_phases(problem.size, problem.sampling, problem.wavelength)
        mean = (basis * power).sum(axis=(1, 2), keepdims=True)
        rms = np.sqrt((power * (basis - mean) ** 2).sum(axis=(1, 2)))
        wanted = np.array([name in self.terms for name in ABERRATIONS])
        return np.where(wanted, 0.1 / rms, 0.0)

    def describe(self, value: Array) -> str:
        """Name those that were refined."""
        found = [
            f"{name} {number:+.4g}"
            for name, number in zip(ABERRATIONS, value, strict=True)
            if name in self.terms
        ]
        return f"aberrations beside those of the first probe, Å: {', '.join(found)}"
