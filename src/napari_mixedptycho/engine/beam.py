"""The beam before it is scanned: probe modes, aberrations that are added to them, and the size of the source.

A Gaussian source adds the patterns of probes that are shifted by its points. Its integral is taken by a
cubature of 4 points (exact to third order) or 7 (to fifth; Stroud, Approximate Calculation of Multiple
Integrals (1971), formulas for the plane with weight exp(−r²)), so that it costs that many modes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.optics import aberration_phases

Pullback = Callable[[Array], dict[str, Array]]


def beam(problem: Problem, estimate: Estimate) -> tuple[Array, Pullback]:
    """Return the spectra of all waves that are incident at one scan point.

    Returns
    -------
    tuple
        (mode · source point, ky, kx), unscaled transform, zero frequency in the corner; and a function from
        their gradient to that of probe, aberrations and source.
    """
    xp = namespace(estimate.probe)
    plain = problem.fourier(estimate.probe.copy(), False)
    turned, aberration_back = _aberrated(problem, estimate, plain)
    spread, source_back = _spread(problem, estimate, turned)

    def pullback(gradient: Array) -> dict[str, Array]:
        found: dict[str, Array] = {}
        gradient = source_back(gradient, found)
        gradient = aberration_back(gradient, found)
        # The adjoint of the unscaled forward transform is the unscaled inverse one.
        found["probe"] = problem.fourier(xp.ascontiguousarray(gradient), True)
        return found

    return spread, pullback


_Back = Callable[[Array, dict[str, Array]], Array]


def _aberrated(problem: Problem, estimate: Estimate, plain: Array) -> tuple[Array, _Back]:
    """Multiply by ``exp(−iχ)``."""
    if estimate.aberrations is None:
        return plain, lambda gradient, found: gradient
    xp = namespace(plain)
    basis = aberration_phases(problem.size, problem.sampling, problem.wavelength)
    phase = np.tensordot(estimate.aberrations, basis, 1)
    factor = xp.asarray(np.exp(-1j * phase).astype(plain.dtype))
    turned = plain * factor

    def back(gradient: Array, found: dict[str, Array]) -> Array:
        overlap = asnumpy((gradient * xp.conj(turned)).imag.sum(axis=0)).astype(np.float64)
        found["aberrations"] = -(basis * overlap).sum(axis=(1, 2))
        return gradient * xp.conj(factor)

    return turned, back


def source_points(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points (point, 2) of a Gaussian source of standard deviation 1, and their weights."""
    if count == 4:
        return np.sqrt(2.0) * np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]), np.full(4, 0.25)
    angles = np.pi / 3 * np.arange(6)
    ring = 2.0 * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    return np.concatenate([np.zeros((1, 2)), ring]), np.array([0.5, *([1 / 12] * 6)])


def _spread(problem: Problem, estimate: Estimate, spectra: Array) -> tuple[Array, _Back]:
    """Repeat each mode at every point of the source."""
    if estimate.source is None:
        return spectra, lambda gradient, found: gradient
    xp = namespace(spectra)
    points, weights = source_points(problem.source_points)
    size = float(asnumpy(estimate.source)[0]) / problem.sampling
    k = np.fft.fftfreq(problem.size)
    # Phase of a shift by one standard deviation: (point, ky, kx).
    slopes = -2 * np.pi * (points[:, 0, None, None] * k[:, None] + points[:, 1, None, None] * k)
    factors = np.sqrt(weights)[:, None, None] * np.exp(1j * slopes * size)
    factors = xp.asarray(factors.astype(spectra.dtype))
    spread = spectra[:, None] * factors

    def back(gradient: Array, found: dict[str, Array]) -> Array:
        gradient = gradient.reshape(spread.shape)
        overlap = asnumpy((gradient * xp.conj(spread)).imag.sum(axis=0)).astype(np.float64)
        found["source"] = np.array([(slopes * overlap).sum() / problem.sampling])
        return (gradient * xp.conj(factors)).sum(axis=1)

    return spread.reshape(-1, *spectra.shape[1:]), back
