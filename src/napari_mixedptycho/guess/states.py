"""From few object states to many: every state starts different from the others.

Identical states receive identical gradients and never part, so each way of starting them is seeded noise.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import map_coordinates

from napari_mixedptycho.settings import Settings

_LARGEST_GAIN = 4.0
"""Highest amplification of a spatial frequency when states are sharpened."""

Stored = NDArray[Any]


class NoisyCopies(Settings):
    """States as copies of the earlier ones plus white phase noise: motion is approached from below."""

    kind: Literal["noise"] = "noise"
    amplitude: float = Field(0.05, gt=0, le=3, description="Standard deviation of the phase noise, rad.")

    def states(self, stored: Stored, count: int, sampling: float, spacing: float, seed: int) -> Stored:
        """Return (count, slice, y, x) states from fewer; lengths (Å) play no part here."""
        random = np.random.default_rng(seed)
        copies = _copies(stored, count)
        noise = random.normal(0.0, self.amplitude, copies.shape).astype(np.float32)
        return copies * np.exp(1j * noise) if copies.dtype.kind == "c" else copies + noise


class DisplacedCopies(Settings):
    """States as copies warped by random displacement fields with the spectrum of phonons: from above.

    Equipartition gives a wave of wave vector q the mean square amplitude k_B T / (m ω²) ∝ 1/q² (Debye), so
    neighbours move together. That matters: the common motion of all atoms under the probe hardly changes the
    patterns, so a start without it does not find it. Over the states of every place the displacements have
    zero mean and the rms `displacement`.
    """

    kind: Literal["displaced"] = "displaced"
    displacement: float = Field(
        0.12, gt=0, le=1, description="Rms displacement per axis of one slice, Å; above the motion expected."
    )
    correlation: float = Field(
        0.8, gt=0, le=10, description="Shortest wave kept (Gaussian sigma), Å; about the size of an atom."
    )
    sharpen: bool = Field(
        True,
        description="Undo the blur that the displacements add, so that the mean over states stays as it was.",
    )

    def states(self, stored: Stored, count: int, sampling: float, spacing: float, seed: int) -> Stored:
        """Return (count, slice, y, x) states from fewer; `sampling` and `spacing` of slices in Å."""
        random = np.random.default_rng(seed)
        copies = _copies(_sharpen(stored, self.displacement / sampling) if self.sharpen else stored, count)
        grid = np.mgrid[: stored.shape[-2], : stored.shape[-1]].astype(np.float32)
        fields = self._fields(random, copies.shape, sampling, spacing)
        moved = np.empty_like(copies)
        for state, index in np.ndindex(*copies.shape[:2]):
            moved[state, index] = _warp(copies[state, index], grid + fields[state, :, index])
        return moved

    def _fields(
        self, random: np.random.Generator, shape: tuple[int, ...], sampling: float, spacing: float
    ) -> NDArray[np.float32]:
        """Return (state, 2, slice, y, x) displacements, px, of mean zero and equal rms over the states."""
        count, slices, rows, columns = shape
        # Twice the depth, so that the first and the last slice are not neighbours.
        axes = [
            np.fft.fftfreq(2 * slices, spacing),
            np.fft.fftfreq(rows, sampling),
            np.fft.fftfreq(columns, sampling),
        ]
        qz, qy, qx = np.meshgrid(*axes, indexing="ij", sparse=True)
        lateral = qy**2 + qx**2
        longest = 1.0 / (max(rows, columns) * sampling)
        filtered = np.exp(-2 * (np.pi * self.correlation) ** 2 * lateral) / np.sqrt(
            lateral + qz**2 + longest**2
        )
        fields = np.empty((count, 2, slices, rows, columns), np.float32)
        for state, axis in np.ndindex(count, 2):
            white = random.standard_normal((2 * slices, rows, columns))
            fields[state, axis] = np.fft.ifftn(np.fft.fftn(white) * filtered).real[:slices]
        fields -= fields.mean(axis=0)
        fields *= self.displacement / sampling / np.sqrt((fields**2).mean(axis=0))
        return fields


Spread = Annotated[NoisyCopies | DisplacedCopies, Field(discriminator="kind")]


def _copies(stored: Stored, count: int) -> Stored:
    """Repeat the states in turn until there are `count`."""
    copies: Stored = stored[np.arange(count) % len(stored)]
    return copies


def _sharpen(stored: Stored, width: float) -> Stored:
    """Undo a Gaussian blur of `width` px, up to a gain that noise survives."""
    ky, kx = np.fft.fftfreq(stored.shape[-2])[:, None], np.fft.fftfreq(stored.shape[-1])[None]
    gain = np.exp(np.minimum(2 * (np.pi * width) ** 2 * (ky**2 + kx**2), np.log(_LARGEST_GAIN)))
    sharp = np.fft.ifft2(np.fft.fft2(stored) * gain)
    kept: Stored = (sharp if stored.dtype.kind == "c" else sharp.real).astype(stored.dtype)
    return kept


def _warp(image: Stored, where: NDArray[np.float32]) -> Stored:
    """Interpolate an image (y, x) at `where` (2, y, x), px."""
    if image.dtype.kind == "c":
        parts = [map_coordinates(part, where, order=3, mode="nearest") for part in (image.real, image.imag)]
        joined: Stored = (parts[0] + 1j * parts[1]).astype(image.dtype)
        return joined
    moved: Stored = map_coordinates(image, where, order=3, mode="nearest")
    return moved
