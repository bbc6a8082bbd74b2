"""Virtual images, and what the centre of mass says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.calibration.centre_of_mass import descan, integrated
from napari_mixedptycho.imaging.frame import Frame

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Images:
    """What virtual detectors see, complete or on the way; never written again.

    Attributes
    ----------
    frame
        Of detector and scan.
    stride
        Scan points between two of these, along both axes.
    sums
        Name of a detector → (y, x): the sum over its pixels, stored units.
    total
        (y, x): the sum over all measured pixels, stored units.
    center
        (2, y, x): centre of mass (y, x) of what is looked at for it, px from the zero angle along the
        detector's axes; zero where a pattern holds nothing.
    seen
        (y, x): which patterns have been read; the others show what their nearest coarser neighbour did.
    mean_pattern
        (ky, kx): mean over the patterns that have been read, stored units; zero where masked.
    """

    frame: Frame
    stride: int
    sums: Mapping[str, Floats]
    total: Floats
    center: Floats
    seen: NDArray[np.bool_]
    mean_pattern: Floats

    @property
    def done(self) -> float:
        """Part of these images that has been read."""
        return float(self.seen.mean())

    @property
    def step(self) -> float | None:
        """Å between pixels of these images; None: not known."""
        return None if self.frame.step is None else self.frame.step * self.stride

    def deflection(self) -> Floats:
        """Return the centre of mass (2, y, x) along the detector's y and x, mrad.

        Raises
        ------
        InputError
            When sampling or wavelength are not known.
        """
        return self.center * self.frame.angle(1.0)

    def gradient(self, *, level: bool = True) -> Floats:
        """Return the centre of mass (2, y, x) along the scan's y and x, 1/Å; px without sampling.

        For a thin specimen it is the gradient of the phase ÷ 2π, blurred by the probe's intensity.

        Parameters
        ----------
        level
            Take the plane away that descan and a wrong zero angle leave.
        """
        found = self.center
        if level and min(found.shape[1:]) > 2:
            found = found - descan(found).plane((found.shape[1], found.shape[2]))
        return self.frame.in_scan(found) * (self.frame.sampling or 1.0)

    def phase(self, *, level: bool = True, smooth: float | None = None) -> Floats:
        """Return the integrated centre of mass (y, x), rad: for a thin specimen its phase.

        It is blurred by the probe's intensity; a constant is not told. Lazić, Bosch & Lazar,
        *Ultramicroscopy* 160, 265 (2016), there called iCoM.

        Parameters
        ----------
        level
            As for `gradient`.
        smooth
            Å: what changes over more than about that length is left out, as mostly noise; None: nothing.

        Raises
        ------
        InputError
            When scan step or sampling are not known.
        """
        step, sampling = self.frame.needed("step") * self.stride, self.frame.needed("sampling")
        found = integrated(self.gradient(level=level) / sampling, step, sampling)
        return found if smooth is None else _without_slow(found, smooth / step)


def magnitude(vectors: Floats) -> Floats:
    """Return the length (…) of vectors (2, …), in their unit."""
    found: Floats = np.hypot(vectors[0], vectors[1])
    return found


def direction(vectors: Floats) -> Floats:
    """Return the direction (…) of vectors (2, …), degrees from the x axis towards the y axis, −180 to 180."""
    found: Floats = np.rad2deg(np.arctan2(vectors[0], vectors[1]))
    return found


def _without_slow(phase: Floats, length: float) -> Floats:
    """Take a Gaussian high-pass: wavelengths of `length` px are halved. Mirrored at the edges."""
    rows, columns = phase.shape
    mirrored = np.concatenate([phase, phase[::-1]])
    mirrored = np.concatenate([mirrored, mirrored[:, ::-1]], axis=1)
    q = np.hypot(np.fft.fftfreq(2 * rows)[:, None], np.fft.fftfreq(2 * columns))
    kept = 1 - np.exp(-np.log(2) * (q * length) ** 2)
    found: Floats = np.fft.ifft2(np.fft.fft2(mirrored) * kept).real[:rows, :columns]
    return found
