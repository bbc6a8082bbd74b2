"""Electron optics: wavelength, frequency grids, aperture with aberrations, free-space propagation.

Conventions (docs/conventions.md): a plane wave is ``exp(+2πi k·r)``; `fft2` goes to the detector; the
zero frequency is in the corner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_PLANCK_LIGHT = 12398.419843320025
"""h·c, eV·Å (CODATA 2018, exact)."""
_REST_ENERGY = 510998.95
"""Electron rest energy, eV (CODATA 2018)."""


def wavelength(energy: float) -> float:
    """Relativistic de Broglie wavelength, Å, of electrons of `energy` eV (60 keV: 0.048661 Å)."""
    return _PLANCK_LIGHT / float(np.sqrt(energy * (energy + 2 * _REST_ENERGY)))


def lorentz_factor(energy: float) -> float:
    """Mass of electrons of `energy` eV ÷ their rest mass."""
    return 1.0 + energy / _REST_ENERGY


def frequencies(size: int, sampling: float) -> tuple[Floats, Floats]:
    """Return ky (size, 1) and kx (1, size), 1/Å, zero in the corner, for pixels of `sampling` Å."""
    k: Floats = np.fft.fftfreq(size, sampling).astype(np.float64)
    return k[:, None], k[None, :]


def aperture(size: int, sampling: float, radius: float) -> Floats:
    """Round aperture with an anti-aliased edge, (size, size), 0 to 1.

    A pixel that the edge crosses is filled in proportion: a hard edge costs 70 times in the loss.

    Parameters
    ----------
    size, sampling
        Pixels, and Å per pixel, of the real-space window.
    radius
        Aperture radius, 1/Å (semi-angle / wavelength).
    """
    ky, kx = frequencies(size, sampling)
    pixel = 1.0 / (size * sampling)
    filled: Floats = np.clip((radius - np.hypot(ky, kx)) / pixel + 0.5, 0.0, 1.0)
    return filled


def focus_phase(
    size: int, sampling: float, wave: float, defocus: float, astigmatism: tuple[float, float]
) -> Floats:
    """Return the phase (size, size), rad, that defocus and two-fold astigmatism give a probe: −χ(k).

    ``πλ·[defocus·k² − C12a·(kx² − ky²) − 2·C12b·kx·ky]``, zero frequency in the corner.

    Parameters
    ----------
    size, sampling, wave
        Pixels, Å per pixel, wavelength in Å.
    defocus, astigmatism
        Å; C12a and C12b as in `ABERRATIONS`.
    """
    ky, kx = frequencies(size, sampling)
    a, b = astigmatism
    phase: Floats = np.pi * wave * ((defocus + a) * ky**2 + (defocus - a) * kx**2 - 2 * b * ky * kx)
    return phase


def parametric_probe(
    size: int,
    sampling: float,
    energy: float,
    semiangle: float,
    defocus: float,
    astigmatism: tuple[float, float] = (0.0, 0.0),
) -> Complexes:
    """Probe in real space, (size, size), centred on pixel ``size // 2``, with unit power.

    ``A(k)·exp(+iπλ·defocus·k²)``: a positive defocus puts the crossover below the entrance surface.

    Parameters
    ----------
    size, sampling
        Pixels, and Å per pixel.
    energy, semiangle, defocus, astigmatism
        eV, mrad, Å, Å (`focus_phase`).
    """
    wave = wavelength(energy)
    amplitude = aperture(size, sampling, semiangle * 1e-3 / wave)
    spectrum = amplitude * np.exp(1j * focus_phase(size, sampling, wave, defocus, astigmatism))
    probe = np.fft.fftshift(np.fft.ifft2(spectrum))
    unit: Complexes = probe / np.sqrt(np.sum(np.abs(probe) ** 2))
    return unit


ABERRATIONS = ("C10", "C12a", "C12b", "C21a", "C21b", "C23a", "C23b", "C30")
"""Krivanek's coefficients in Cartesian form: a along x (the cosine), b along y (the sine)."""


def aberration_phases(size: int, sampling: float, electron_wavelength: float) -> Floats:
    """Return ∂χ/∂C of every aberration of `ABERRATIONS`, (8, size, size), rad/Å, zero in the corner.

    ``χ = 2π/λ·[θ²/2·(C10 + C12·cos 2(φ−φ12)) + θ³/3·(C21·cos(φ−φ21) + C23·cos 3(φ−φ23)) + θ⁴/4·C30]`` with
    θ = λk; Krivanek, Dellby & Lupini, Ultramicroscopy 78, 1 (1999). The probe is ``A·exp(−iχ)``, so C10 is
    minus the defocus.

    Parameters
    ----------
    size, sampling
        Pixels, and Å per pixel.
    electron_wavelength
        Å.
    """
    ky, kx = frequencies(size, sampling)
    square, wave = kx**2 + ky**2, electron_wavelength
    second = np.pi * wave * np.stack([square, kx**2 - ky**2, 2 * kx * ky])
    third = (2 * np.pi / 3) * wave**2
    coma = third * np.stack([square * kx, square * ky])
    star = third * np.stack([kx**3 - 3 * kx * ky**2, 3 * kx**2 * ky - ky**3])
    phases: Floats = np.concatenate([second, coma, star, (np.pi / 2 * wave**3 * square**2)[None]])
    return phases


def propagator(size: int, sampling: float, energy: float, distance: float) -> Complexes:
    """Fresnel propagator ``exp(−iπλ·distance·k²)``, (size, size), zero frequency in the corner.

    Gladyshev et al. (2023), eq. 7, has the other sign: it uses the other wave convention.
    """
    ky, kx = frequencies(size, sampling)
    phases: Complexes = np.exp(-1j * np.pi * wavelength(energy) * distance * (ky**2 + kx**2))
    return phases


def band_limit(size: int, sampling: float, fraction: float) -> Floats:
    """Round low-pass (size, size), 1 inside ``fraction`` of the highest frequency, else 0.

    The paper uses one half; 1 keeps the largest circle on the grid.
    """
    ky, kx = frequencies(size, sampling)
    inside: Floats = (np.hypot(ky, kx) <= fraction * 0.5 / sampling).astype(float)
    return inside
