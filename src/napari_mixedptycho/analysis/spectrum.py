"""The power spectrum of the mean phase as an image: which details are there, in which directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.analysis.motion import scan_positions
from napari_mixedptycho.result import Result


def mean_phase_spectrum(result: Result) -> tuple[NDArray[np.float64], float]:
    """Return the power spectrum (ky, kx) of the mean projected phase, zero frequency at ``n // 2``.

    Of the largest square about the middle of the scanned field, its mean taken out, faded out by a Hann
    window.

    Parameters
    ----------
    result
        At any iteration.

    Returns
    -------
    tuple
        The power, rad²; and the distance from zero frequency to the edge of the image, 1/Å.
    """
    scan, sampling = scan_positions(result), result.sampling
    low = np.clip(np.floor((scan.min(axis=0) - result.origin) / sampling).astype(int), 0, None)
    high = np.ceil((scan.max(axis=0) - result.origin) / sampling).astype(int) + 1
    phase = np.asarray(result.mean_phase(), dtype=np.float64)
    high = np.minimum(high, phase.shape)
    edge = int((high - low).min())
    first = (low + high - edge) // 2
    square = phase[first[0] : first[0] + edge, first[1] : first[1] + edge]
    window = np.outer(np.hanning(edge), np.hanning(edge))
    faded = (square - (square * window).sum() / max(window.sum(), 1e-300)) * window
    power: NDArray[np.float64] = np.abs(np.fft.fftshift(np.fft.fft2(faded))) ** 2
    return power, 0.5 / sampling
