"""The probe at sub-pixel scan positions, by a phase ramp in reciprocal space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_mixedptycho._array import Array, fft2, ifft2, namespace

Backward = Callable[[Array], tuple[Array, Array]]


def split_positions(positions: Array, size: int) -> tuple[Array, Array]:
    """Split probe centres into window corners (integers) and shifts in [−½, ½], both (position, 2)."""
    whole = np.rint(positions)
    return whole.astype(np.int64) - size // 2, positions - whole


def incident_waves(spectrum: Array, shifts: Array) -> tuple[Array, Backward]:
    """Shift the probe by a fraction of a pixel.

    Parameters
    ----------
    spectrum
        (mode, ky, kx): `fft2` of the probe.
    shifts
        (position, 2): y, x, px.

    Returns
    -------
    tuple
        Waves (position, mode, y, x); and the pullback, from their gradient (which is overwritten) to the
        gradient of the spectrum, summed over positions, and of the shifts (position, 2).
    """
    xp = namespace(spectrum)
    size = spectrum.shape[-1]
    k = xp.fft.fftfreq(size)
    ramp = xp.exp(-2j * np.pi * k * xp.asarray(shifts)[..., None]).astype(spectrum.dtype)
    ramps = (ramp[:, 0, :, None] * ramp[:, 1, None, :])[:, None]
    shifted = spectrum * ramps
    waves = ifft2(shifted.copy())

    def backward(gradient: Array) -> tuple[Array, Array]:
        gradient = fft2(gradient)
        gradient *= 1.0 / size**2
        # d(shifted)/d(shift) = −2πi·k·shifted, and dL = Re Σ conj(gradient)·d(shifted).
        overlap = (shifted * xp.conj(gradient)).imag.sum(axis=1)
        k2 = k.astype(overlap.dtype)
        slope = 2 * np.pi * xp.stack([overlap.sum(axis=2) @ k2, overlap.sum(axis=1) @ k2], axis=1)
        gradient *= xp.conj(ramps)
        return gradient.sum(axis=0), slope

    return waves, backward
