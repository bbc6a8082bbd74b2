"""From atoms to what slices do to a wave, on any part of a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_mixedptycho.optics import frequencies
from napari_mixedptycho.simulate.elements import element

Floats = NDArray[np.float64]

_MARGIN = 4.0
"""Å around the wanted part: atoms there are drawn too, and what wraps around lies in it."""
_BAND = 2 / 3
"""Of the grid's highest frequency: what a product of two such waves keeps does not alias."""


@dataclass(frozen=True)
class Layers:
    """Atoms, sorted into slices.

    Attributes
    ----------
    symbols
        (atom,) elements.
    slices
        (atom,) the slice that an atom lies in.
    count
        Number of slices.
    energy
        Of the electrons, eV.
    sampling
        Å per pixel.
    """

    symbols: NDArray[np.str_]
    slices: NDArray[np.int64]
    count: int
    energy: float
    sampling: float

    def transmission(self, places: Floats, shape: tuple[int, int]) -> NDArray[np.complex64]:
        """Return ``exp(iσV)`` of each slice, (slice, y, x).

        An atom counts wholly in its slice. Atoms are placed by their phase in reciprocal space, so exactly.

        Parameters
        ----------
        places
            (atom, 2): y, x from pixel (0, 0), Å.
        shape
            Of the wanted part, px.
        """
        margin = int(np.ceil(_MARGIN / self.sampling))
        wide = tuple(int(fft.next_fast_len(edge + 2 * margin, real=True)) for edge in shape)
        places = places + margin * self.sampling
        inside = ((places >= 0) & (places < np.array(wide) * self.sampling)).all(axis=1)
        keep = _low_pass((wide[0], wide[1]), self.sampling)
        part = (slice(margin, margin + shape[0]), slice(margin, margin + shape[1]))
        found = np.ones((self.count, *shape), np.complex64)
        for index in np.unique(self.slices[inside]):
            chosen = inside & (self.slices == index)
            phase = self._phase(places[chosen], self.symbols[chosen], (wide[0], wide[1]))
            wave = fft.fft2(np.exp(1j * phase).astype(np.complex64))
            found[index] = fft.ifft2(wave * keep)[part]
        return found

    def _phase(self, places: Floats, symbols: NDArray[np.str_], shape: tuple[int, int]) -> Floats:
        """Return the phase (y, x), rad, of atoms on a periodic grid."""
        ky = np.fft.fftfreq(shape[0], self.sampling)
        kx = np.fft.rfftfreq(shape[1], self.sampling)
        square = ky[:, None] ** 2 + kx**2
        spectrum = np.zeros(square.shape, np.complex128)
        for symbol in np.unique(symbols):
            y, x = places[symbols == symbol].T
            rows = np.exp(-2j * np.pi * np.outer(ky, y))
            columns = np.exp(-2j * np.pi * np.outer(x, kx))
            spectrum += (rows @ columns) * element(str(symbol)).phase(square, self.energy)
        return np.asarray(fft.irfft2(spectrum, s=shape)) / self.sampling**2


def _low_pass(shape: tuple[int, int], sampling: float) -> NDArray[np.float32]:
    ky, kx = np.fft.fftfreq(shape[0], sampling), np.fft.fftfreq(shape[1], sampling)
    return np.asarray(np.hypot(ky[:, None], kx) <= _BAND * 0.5 / sampling, dtype=np.float32)


def propagation_limit(size: int, sampling: float) -> Floats:
    """Return the same limit for the waves between slices, (size, size), zero frequency in the corner."""
    ky, kx = frequencies(size, sampling)
    return np.asarray(np.hypot(ky, kx) <= _BAND * 0.5 / sampling, dtype=np.float64)
