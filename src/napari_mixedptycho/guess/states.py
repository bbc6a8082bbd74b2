"""From few object states to many: every state starts different from the others.

Identical states receive identical gradients and never part, so each way of starting them is seeded noise.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import gaussian_filter, map_coordinates

from napari_mixedptycho.settings import Settings

_LARGEST_GAIN = 4.0
"""Highest amplification of a spatial frequency when states are sharpened."""

Stored = NDArray[np.float32] | NDArray[np.complex64]


class NoisyCopies(Settings):
    """States as copies of the earlier ones plus white phase noise: motion is approached from below."""

    kind: Literal["noise"] = "noise"
    amplitude: float = Field(0.05, gt=0, le=3, description="Standard deviation of the phase noise, rad.")

    def states(self, stored: Stored, count: int, sampling: float, seed: int) -> Stored:
        """Return (count, slice, y, x) states from fewer; `sampling` in Å/px is not needed here."""
        random = np.random.default_rng(seed)
        copies = _copies(stored, count)
        noise = random.normal(0.0, self.amplitude, copies.shape).astype(np.float32)
        return copies * np.exp(1j * noise) if copies.dtype.kind == "c" else copies + noise


class DisplacedCopies(Settings):
    """States as copies warped by smooth random displacement fields: motion is approached from above.

    Displacements are independent between slices, and shifted and scaled so that over the states of
    each pixel their mean is zero and their rms is `displacement` at every place.
    """

    kind: Literal["displaced"] = "displaced"
    displacement: float = Field(
        0.12, gt=0, le=1, description="Rms displacement per axis of one slice, Å; a Debye-Waller amplitude."
    )
    correlation: float = Field(
        0.5, gt=0, le=10, description="Correlation length (Gaussian sigma) of the displacement field, Å."
    )

    sharpen: bool = Field(
        True,
        description="Undo the blur that the displacements add, so that the mean over states stays as it was.",
    )

    def states(self, stored: Stored, count: int, sampling: float, seed: int) -> Stored:
        """Return (count, slice, y, x) states from fewer; `sampling` in Å/px."""
        random = np.random.default_rng(seed)
        copies = _copies(_sharpen(stored, self.displacement / sampling) if self.sharpen else stored, count)
        grid = np.mgrid[: stored.shape[-2], : stored.shape[-1]].astype(np.float32)
        moved = np.empty_like(copies)
        for index in range(copies.shape[1]):
            fields = self._fields(random, count, copies.shape[-2:], sampling)
            for state in range(count):
                moved[state, index] = _warp(copies[state, index], grid + fields[state])
        return moved

    def _fields(
        self, random: np.random.Generator, count: int, shape: tuple[int, ...], sampling: float
    ) -> NDArray[np.float32]:
        """Return (count, 2, y, x) displacements, px, of mean zero and equal rms over the states."""
        white = random.standard_normal((count, 2, *shape), dtype=np.float32)
        width = self.correlation / sampling
        fields = gaussian_filter(white, (0, 0, width, width), mode="wrap")
        fields -= fields.mean(axis=0)
        fields *= self.displacement / sampling / np.sqrt((fields**2).mean(axis=0))
        return fields


Spread = Annotated[NoisyCopies | DisplacedCopies, Field(discriminator="kind")]


def _copies(stored: Stored, count: int) -> Stored:
    """Repeat the states in turn until there are `count`."""
    return stored[np.arange(count) % len(stored)]


def _sharpen(stored: Stored, width: float) -> Stored:
    """Undo a Gaussian blur of `width` px, up to a gain that noise survives."""
    ky, kx = np.fft.fftfreq(stored.shape[-2])[:, None], np.fft.fftfreq(stored.shape[-1])[None]
    gain = np.exp(np.minimum(2 * (np.pi * width) ** 2 * (ky**2 + kx**2), np.log(_LARGEST_GAIN)))
    sharp = np.fft.ifft2(np.fft.fft2(stored) * gain)
    return (sharp if stored.dtype.kind == "c" else sharp.real).astype(stored.dtype)


def _warp(image: Stored, where: NDArray[np.float32]) -> Stored:
    """Interpolate an image (y, x) at `where` (2, y, x), px."""
    if image.dtype.kind == "c":
        parts = [map_coordinates(part, where, order=3, mode="nearest") for part in (image.real, image.imag)]
        return (parts[0] + 1j * parts[1]).astype(image.dtype)
    moved: Stored = map_coordinates(image, where, order=3, mode="nearest")
    return moved
