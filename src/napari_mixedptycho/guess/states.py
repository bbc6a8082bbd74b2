"""From few object states to many: every state starts different from the others.

Identical states receive identical gradients and never part, so each way of starting them is seeded noise.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import gaussian_filter, map_coordinates

from napari_mixedptycho.settings import Settings

Stored = NDArray[Any]
Fields = NDArray[np.float32]


class NoisyCopies(Settings):
    """States as copies of the earlier ones plus white phase noise: motion is approached from below."""

    kind: Literal["noise"] = "noise"
    amplitude: float = Field(
        0.05,
        gt=0,
        le=3,
        description="Standard deviation of the phase noise, rad; too little: states part late or not at "
        "all; too much: its grain looks like motion.",
    )

    def states(self, stored: Stored, count: int, sampling: float, spacing: float, seed: int) -> Stored:
        """Return (count, slice, y, x) states from fewer; lengths (Å) play no part here."""
        random = np.random.default_rng(seed)
        copies = _copies(stored, count)
        noise = random.normal(0.0, self.amplitude, copies.shape).astype(np.float32)
        return copies * np.exp(1j * noise) if copies.dtype.kind == "c" else copies + noise


class DisplacedCopies(Settings):
    """States as copies warped by random displacement fields with the spectrum of phonons.

    Equipartition gives a wave of wave vector q the mean square amplitude k_B T / (m ω²) ∝ 1/q² (Debye), so
    neighbours move together. That matters: the common motion of all atoms under the probe hardly changes the
    patterns, so a start without it does not find it. Over the states of every place the displacements have
    zero mean and the rms `displacement`.
    """

    kind: Literal["displaced"] = "displaced"
    displacement: float = Field(
        0.02,
        gt=0,
        le=1,
        description="Rms displacement per axis, Å. Displaced states: below the motion expected; free ones: "
        "above it (0.12).",
    )
    correlation: float = Field(
        0.8, gt=0, le=10, description="Shortest wave kept (Gaussian sigma), Å; about the size of an atom."
    )
    smooth: float = Field(
        0.15,
        ge=0,
        le=2,
        description="Blur (Gaussian sigma) of the object that is displaced, Å, so that its noise is not.",
    )

    def states(self, stored: Stored, count: int, sampling: float, spacing: float, seed: int) -> Stored:
        """Return (count, slice, y, x) states from fewer; `sampling` and `spacing` of slices in Å.

        What is added to the copies is the displaced, smoothed object less its mean over the states: the mean
        stays as it was, and noise is not copied into differences.
        """
        copies = _copies(stored, count)
        source = _copies(_blurred(stored, self.smooth / sampling), count)
        grid = np.mgrid[: stored.shape[-2], : stored.shape[-1]].astype(np.float32)
        fields = self.fields((count, *stored.shape[1:]), sampling, spacing, seed)
        moved = np.empty_like(source)
        for state, index in np.ndindex(*copies.shape[:2]):
            moved[state, index] = _warp(source[state, index], grid + fields[state, :, index])
        states: Stored = copies + (moved - source) - (moved - source).mean(axis=0)
        return states

    def fields(self, shape: tuple[int, int, int, int], sampling: float, spacing: float, seed: int) -> Fields:
        """Return (state, 2, slice, y, x) displacements, px, of mean zero and even rms over the states.

        Parameters
        ----------
        shape
            (state, slice, y, x).
        sampling, spacing
            Å per pixel, and between slices.
        seed
            Of the random numbers.
        """
        count, slices, rows, columns = shape
        random = np.random.default_rng(seed)
        # Twice the depth, so that the first and the last slice are not neighbours.
        steps = ((2 * slices, spacing), (rows, sampling), (columns, sampling))
        qz, qy, qx = np.meshgrid(*(np.fft.fftfreq(*step) for step in steps), indexing="ij", sparse=True)
        lateral = qy**2 + qx**2
        longest = 1.0 / (max(rows, columns) * sampling)
        short = np.exp(-2 * (np.pi * self.correlation) ** 2 * lateral)
        spectrum = short / np.sqrt(lateral + qz**2 + longest**2)
        fields = np.empty((count, 2, slices, rows, columns), np.float32)
        for state, axis in np.ndindex(count, 2):
            white = random.standard_normal((2 * slices, rows, columns))
            fields[state, axis] = np.fft.ifftn(np.fft.fftn(white) * spectrum).real[:slices]
        fields -= fields.mean(axis=0)
        # Over both axes: with few states, one axis alone would jump from + to − its rms.
        size = np.sqrt((fields**2).mean(axis=(0, 1)))
        # One state has nothing to differ from: it stays where it is.
        fields *= self.displacement / sampling / np.where(size > 0, size, 1)
        return fields


Spread = Annotated[NoisyCopies | DisplacedCopies, Field(discriminator="kind")]


def _copies(stored: Stored, count: int) -> Stored:
    """Repeat the states in turn until there are `count`."""
    copies: Stored = stored[np.arange(count) % len(stored)]
    return copies


def _blurred(stored: Stored, width: float) -> Stored:
    """Blur the image axes by a Gaussian of `width` px; outside the grid nothing changes."""
    blurred: Stored = gaussian_filter(stored, (0, 0, width, width), mode="nearest")
    return blurred


def _warp(image: Stored, where: NDArray[np.float32]) -> Stored:
    """Interpolate an image (y, x) at `where` (2, y, x), px."""
    if image.dtype.kind == "c":
        parts = [map_coordinates(part, where, order=3, mode="nearest") for part in (image.real, image.imag)]
        joined: Stored = (parts[0] + 1j * parts[1]).astype(image.dtype)
        return joined
    moved: Stored = map_coordinates(image, where, order=3, mode="nearest")
    return moved
