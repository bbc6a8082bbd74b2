"""The first guess of the probe."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.optics import focus_phase, frequencies, parametric_probe
from napari_mixedptycho.settings import Settings

Complexes = NDArray[np.complex128]


class AberrationProbe(Settings):
    """Probe from energy, semi-angle, defocus and astigmatism, with an anti-aliased aperture edge."""

    kind: Literal["aberrations"] = "aberrations"

    def wave(self, dataset: Dataset, size: int, sampling: float) -> Complexes:
        """Return the probe (y, x) of unit power, centred on ``size // 2``; `sampling` in Å."""
        optics = (dataset.energy, dataset.semiangle, dataset.defocus, dataset.astigmatism)
        return parametric_probe(size, sampling, *optics)


class MeanPatternProbe(Settings):
    """Probe from the inverse Fourier transform of the mean pattern; Gladyshev et al. (2023).

    The phase of the spectrum is that of defocus and astigmatism; the dark field, which is scattered and not
    part of the probe, is cut off outside the aperture.
    """

    kind: Literal["mean_pattern"] = "mean_pattern"

    def wave(self, dataset: Dataset, size: int, sampling: float) -> Complexes:
        """Return the probe (y, x) of unit power, centred on ``size // 2``; `sampling` in Å."""
        pattern = np.clip(dataset.mean_pattern, 0, None)
        padded = np.zeros((size, size))
        start = size // 2 - dataset.detector_size // 2
        padded[start : start + len(pattern), start : start + len(pattern)] = pattern
        ky, kx = frequencies(size, sampling)
        k2 = ky**2 + kx**2
        radius = (dataset.semiangle * 1e-3 / dataset.wavelength + dataset.detector_sampling) ** 2
        amplitude = np.sqrt(np.fft.ifftshift(padded)) * (k2 < radius)
        focus = (dataset.wavelength, dataset.defocus, dataset.astigmatism)
        spectrum = amplitude * np.exp(1j * focus_phase(size, sampling, *focus))
        probe = np.fft.fftshift(np.fft.ifft2(spectrum))
        unit: Complexes = probe / np.linalg.norm(probe)
        return unit


Probe = Annotated[AberrationProbe | MeanPatternProbe, Field(discriminator="kind")]


def probe_modes(wave: Complexes, modes: int, share: float) -> Complexes:
    """Make orthogonal modes from one wave: its Hermite-like companions in reciprocal space.

    Parameters
    ----------
    wave
        (y, x), unit power.
    modes
        How many.
    share
        Power of each further mode ÷ that of the first.

    Returns
    -------
    NDArray
        (mode, y, x), together of unit power.
    """
    size = len(wave)
    spectrum = np.fft.fft2(np.fft.ifftshift(wave))
    k = np.fft.fftfreq(size)
    orders = sorted(((i, j) for i in range(modes) for j in range(modes)), key=lambda o: (sum(o), o))[:modes]
    stack = np.stack([(spectrum * k[:, None] ** i * k[None, :] ** j).ravel() for i, j in orders], axis=1)
    columns, triangle = np.linalg.qr(stack)
    phases = np.diag(triangle) / np.abs(np.diag(triangle))
    powers = np.full(modes, share)
    powers[0] = 1.0
    powers /= powers.sum()
    spectra = (columns * phases * np.sqrt(powers)).T.reshape(modes, size, size)
    waves: Complexes = np.fft.fftshift(np.fft.ifft2(spectra, norm="ortho"), axes=(-2, -1))
    return waves
