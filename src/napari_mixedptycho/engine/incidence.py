"""The probe at sub-pixel scan positions, by a phase ramp in reciprocal space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_mixedptycho._array import Array, Transform, namespace, transform

Backward = Callable[[Array, bool], tuple[Array, Array | None]]


def split_positions(positions: Array, size: int, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Split probe centres into window corners (integers) and shifts, both (position, 2).

    Shifts lie in [−½, ½], but longer where a window would leave the object: it stays inside.
    """
    corners = np.rint(positions).astype(np.int64) - size // 2
    corners = np.clip(corners, 0, np.array(shape) - size)
    return corners, positions - corners - size // 2


def shift_ramps(shifts: Array, size: int, like: Array) -> Array:
    """Return the factors along y and x that shift a wave by a part of a pixel.

    Parameters
    ----------
    shifts
        (position, 2): y, x, px.
    size
        Edge of the window, px.
    like
        Array of the wanted backend and complex precision.

    Returns
    -------
    Array
        (position, 2, size): ``exp(−2πi·k·shift)``, zero frequency first.
    """
    xp = namespace(like)
    angles = (-2 * np.pi * xp.fft.fftfreq(size)) * xp.asarray(shifts)[..., None]
    ramps = xp.empty(angles.shape, like.dtype)
    ramps.real = xp.cos(angles)  # at a fifth of the cost of a complex exponential
    ramps.imag = xp.sin(angles)
    return ramps


def incident_waves(spectrum: Array, ramps: Array, fourier: Transform = transform) -> tuple[Array, Backward]:
    """Shift the probe by a part of a pixel.

    Parameters
    ----------
    spectrum
        (mode, ky, kx): the transform of the probe.
    ramps
        (position, 2, size): `shift_ramps`.
    fourier
        What transforms.

    Returns
    -------
    tuple
        Waves (position, mode, y, x), divided by their edge: what leaves the specimen then has a transform
        that is unitary without being scaled; and the pullback ``backward(gradient, with_shifts)`` from the
        conjugate of their gradient (which is overwritten) to that of the spectrum's, summed over positions,
        and, if wanted, the gradient of the shifts (position, 2).
    """
    size = spectrum.shape[-1]
    rows = ramps[:, 0] * ramps.real.dtype.type(1.0 / size**3)  # 1/N² for the inverse transform, 1/N as said
    planes = (rows[:, :, None] * ramps[:, 1, None, :])[:, None]
    waves = fourier(spectrum * planes, True)

    def backward(gradient: Array, with_shifts: bool) -> tuple[Array, Array | None]:
        gradient = fourier(gradient, True)
        gradient *= planes
        slope = _shift_slope(spectrum, gradient) if with_shifts else None
        return gradient.sum(axis=0), slope

    return waves, backward


def _shift_slope(spectrum: Array, gradient: Array) -> Array:
    """Return ∂L/∂shift (position, 2) from the conjugate gradient of the unshifted spectrum at each position.

    d(shifted)/d(shift) = −2πi·k·shifted and dL = Re Σ conj(gradient)·d(shifted); the ramps cancel.
    """
    xp = namespace(spectrum)
    overlap = (spectrum * gradient).imag.sum(axis=1)
    k = xp.fft.fftfreq(spectrum.shape[-1]).astype(overlap.dtype)
    slopes = [(overlap.sum(axis=axis) * k).sum(axis=1) for axis in (2, 1)]
    return 2 * np.pi * xp.stack(slopes, axis=1)
