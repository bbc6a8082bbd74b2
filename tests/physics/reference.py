"""Multislice written once more, slowly: loops, explicit Fourier sums, nothing shared with the engine."""

from __future__ import annotations

import math

import numpy as np

PLANCK_LIGHT, REST = 12398.419843320025, 510998.95
"""h·c (eV·Å) and electron rest energy (eV), CODATA 2018."""


def de_broglie(energy: float) -> float:
    """Wavelength, Å: h·c/(p·c), with (p·c)² = (total energy)² − (rest energy)²."""
    return PLANCK_LIGHT / math.sqrt((energy + REST) ** 2 - REST**2)


def orders(size: int) -> np.ndarray:
    """Integer frequencies in ascending order, zero at ``size // 2``."""
    return np.arange(size) - size // 2


def analyse(size: int) -> np.ndarray:
    """Matrix (frequency, pixel) of exp(−2πi·k·x), pixels counted from the corner."""
    return np.exp(-2j * np.pi * np.outer(orders(size), np.arange(size)) / size)


def patterns(
    states: np.ndarray,
    probe: np.ndarray,
    positions: np.ndarray,
    detector: int,
    energy: float,
    sampling: float,
    spacing: float,
) -> np.ndarray:
    """Return the patterns (position, ky, kx), zero angle at ``detector // 2``.

    Parameters
    ----------
    states
        Complex transmission (state, slice, y, x).
    probe
        (mode, y, x), centred on ``size // 2``.
    positions
        (position, 2): y, x of the probe's centre, px.
    detector
        Edge of the measured pattern, px.
    energy, sampling, spacing
        eV, Å per pixel, Å between slices.
    """
    size = probe.shape[-1]
    forward = analyse(size)
    backward = forward.conj().T / size
    k = orders(size) / (size * sampling)
    fresnel = np.empty((size, size), complex)
    for a in range(size):
        for b in range(size):
            fresnel[a, b] = np.exp(-1j * math.pi * de_broglie(energy) * spacing * (k[a] ** 2 + k[b] ** 2))
    first = size // 2 - detector // 2
    found = np.zeros((len(positions), detector, detector))
    for j, (y, x) in enumerate(positions):
        row, column = math.floor(y + 0.5), math.floor(x + 0.5)
        ramp = np.outer(
            np.exp(-2j * np.pi * orders(size) * (y - row) / size),
            np.exp(-2j * np.pi * orders(size) * (x - column) / size),
        )
        top, left = row - size // 2, column - size // 2
        for slices in states:
            for mode in probe:
                wave = backward @ ((forward @ mode @ forward.T) * ramp) @ backward.T
                for index, plane in enumerate(slices):
                    if index:
                        wave = backward @ ((forward @ wave @ forward.T) * fresnel) @ backward.T
                    wave = wave * plane[top : top + size, left : left + size]
                far = forward @ wave @ forward.T / size
                intensity = far.real**2 + far.imag**2
                found[j] += intensity[first : first + detector, first : first + detector]
    return found
