"""Whether the phase has the right sign: atoms retard the wave, and scatter into the dark field.

The bright field leaves open whether the detector is turned by 180° with defocus and phase inverted. Two
things tell: atoms are peaks of the phase, so that its distribution leans to positive values; and where atoms
are, the dark field is bright, as far as the probe resolves them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.calibration.aberrations import Aberrations, lit
from napari_mixedptycho.calibration.bright_field import Bands, image
from napari_mixedptycho.calibration.measured import Measured, jackknife

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sign:
    """Evidence that the phase is not inverted.

    Attributes
    ----------
    skewness
        Of the phase; above zero: peaks.
    dark_field
        Correlation of the dark field with the phase as the probe sees it, −1 to 1.
    phase
        (scan_y, scan_x): the phase, tapered towards the edges, any unit.
    """

    skewness: Measured
    dark_field: Measured
    phase: Floats

    def inverted(self) -> Sign:
        """Return what the same evidence says of the inverted phase."""
        return Sign(self.skewness.negated(), self.dark_field.negated(), -self.phase)

    @property
    def positive(self) -> bool:
        """Tell whether the phase is rather not inverted."""
        return self.certainty > 0

    @property
    def certainty(self) -> float:
        """Standard deviations by which it is, both kinds of evidence together; below zero: inverted."""
        parts = [m.value / m.error for m in (self.skewness, self.dark_field) if m.error > 0]
        return float(sum(np.clip(parts, -20, 20)))


def sign(bands: Bands, found: Aberrations) -> Sign:
    """Weigh the evidence for the phase that was found."""
    seen = found.phase * _transfer(bands, found)
    phase, probe = image(bands, found.phase), image(bands, seen)
    dark = image(bands, bands.dark)

    def skewness(kept: NDArray[np.bool_]) -> Floats:
        values = phase[kept]
        return np.array([np.mean(values**3) / (float(np.mean(values**2)) + 1e-300) ** 1.5])

    def correlation(kept: NDArray[np.bool_]) -> Floats:
        one, other = probe[kept], dark[kept]
        whole = np.sqrt((one @ one) * (other @ other))
        return np.array([one @ other / whole if whole > 0 else 0.0])

    every = np.ones(bands.shape, bool)
    measured = [
        Measured(float(estimate(every)[0]), float(jackknife(estimate, bands.shape)[0]))
        for estimate in (skewness, correlation)
    ]
    return Sign(measured[0], measured[1], phase)


def _transfer(bands: Bands, found: Aberrations) -> Floats:
    """Return the transform (frequency,) of the probe's intensity: what an incoherent image keeps."""
    angle = np.deg2rad(found.rotation)
    qy, qx = bands.frequency.T
    turned_y, turned_x = np.cos(angle) * qy + np.sin(angle) * qx, np.cos(angle) * qx - np.sin(angle) * qy
    line = np.linspace(-1, 1, 31) * bands.radius
    y, x = (k.ravel() for k in np.meshgrid(line, line, indexing="ij"))
    a, b = found.astigmatism

    def wave(v: Floats, u: Floats) -> NDArray[np.complex128]:
        curve = (found.defocus + a) * v * v + (found.defocus - a) * u * u - 2 * b * v * u
        found_wave: NDArray[np.complex128] = lit(bands, v, u) * np.exp(1j * np.pi * bands.wavelength * curve)
        return found_wave

    here = wave(y, x)
    there = wave(y + turned_y[:, None], x + turned_x[:, None])
    seen: Floats = (here.conj() * there).sum(axis=1).real / (np.abs(here) ** 2).sum()
    return seen
