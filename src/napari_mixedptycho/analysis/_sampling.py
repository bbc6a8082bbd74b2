"""Values of images between their pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter

Floats = NDArray[np.float64]

_PADDING = 12  # pixels of mirrored continuation, so that Fourier upsampling meets no jump at the border


class Sampler:
    """Values of many images at sub-pixel points: Fourier upsampling, then cubic splines.

    The upsampled images stand on top of each other in one array, so that one call serves all states.
    """

    def __init__(self, images: Floats, factor: int) -> None:
        self.states = len(images)
        self._factor = factor
        fine = np.stack([spline_filter(upsampled(_continued(image), factor), order=3) for image in images])
        self._height = fine.shape[1]
        self._tower = fine.reshape(-1, fine.shape[2])

    def __call__(self, state: NDArray[np.intp], points: Floats) -> Floats:
        """Interpolate at points (K, P, 2), in pixels of the images, of the states (K,)."""
        at = (points + _PADDING) * self._factor
        last = np.array([self._height, self._tower.shape[1]]) - 1.0
        at = np.clip(at, 0.0, last)
        rows = at[..., 0] + state[:, None] * self._height
        found = map_coordinates(self._tower, [rows, at[..., 1]], order=3, prefilter=False, mode="nearest")
        return np.asarray(found)


def upsampled(image: Floats, factor: int) -> Floats:
    """Fourier-interpolate a real image (y, x) to `factor` times the pixels; pixel (0, 0) stays in place."""
    if factor == 1:
        return image
    size = [n * factor for n in image.shape]
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    for axis, n in enumerate(image.shape):
        if n % 2 == 0:  # the Nyquist line belongs to both signs
            spectrum = np.moveaxis(spectrum, axis, 0)
            spectrum[0] /= 2
            spectrum = np.moveaxis(np.concatenate([spectrum, spectrum[:1]]), 0, axis)
    before = [big // 2 - n // 2 for big, n in zip(size, image.shape, strict=True)]
    after = [big - low - n for big, low, n in zip(size, before, spectrum.shape, strict=True)]
    spectrum = np.pad(spectrum, list(zip(before, after, strict=True)))
    return np.asarray(np.fft.ifft2(np.fft.ifftshift(spectrum)).real * factor**2)


def refined(image: Floats, factor: int) -> Floats:
    """Fourier-interpolate a real image (y, x) that is not periodic; as `upsampled` otherwise."""
    fine = upsampled(_continued(image), factor)
    edge = _PADDING * factor
    return fine[edge:-edge, edge:-edge]


def _continued(image: Floats) -> Floats:
    return np.pad(image, _PADDING, mode="symmetric")
