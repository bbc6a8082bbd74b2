"""Filters of images in reciprocal space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array, namespace


def squared_frequency(shape: tuple[int, int], sampling: float) -> NDArray[np.float64]:
    """Return k² (y, x), 1/Å², zero frequency in the corner, for pixels of `sampling` Å."""
    ky, kx = (np.fft.fftfreq(edge, sampling) for edge in shape)
    square: NDArray[np.float64] = ky[:, None] ** 2 + kx**2
    return square


def filtered(images: Array, transfer: Array) -> Array:
    """Multiply the spectra of images (…, y, x) by a real, even transfer (y, x); the type stays."""
    xp = namespace(images)
    passed = xp.fft.ifft2(xp.fft.fft2(images) * transfer)
    return (passed if images.dtype.kind == "c" else passed.real).astype(images.dtype)
