"""The projected phase of known atoms, drawn with the sharpness of a reconstruction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from napari_mixedptycho.errors import InputError

Floats = NDArray[np.float64]

_RIM = 4.0  # Å drawn beyond the columns, so that what wraps around stays away from them
_LIMITS = np.log([[0.05, 20.0], [0.02, 1.0]])  # of screening, 1/Å, and width, Å, in the fit


@dataclass(frozen=True)
class Blob:
    """Projected phase of one atom: a screened Coulomb potential, blurred by a Gaussian.

    In reciprocal space ``amplitude · exp(−2π² width² k²) / (1 + k² / screening²)``: the first Born
    form factor of an exponentially screened (Wentzel) atom, with the blur that stands for the information
    limit of the reconstruction. It becomes a plain Gaussian for large `screening`.

    Attributes
    ----------
    screening
        1/Å.
    width
        Standard deviation of the Gaussian, Å.
    amplitude
        Integral of the phase of one atom, rad Å².
    background
        Constant under all atoms, rad.
    misfit
        Of the drawn mean phase to the reconstructed one: rms difference / standard deviation.
    """

    screening: float
    width: float
    amplitude: float = 1.0
    background: float = 0.0
    misfit: float = float("nan")

    def form_factor(self, k_squared: Floats) -> Floats:
        """Return the shape in reciprocal space, 1 at k = 0, for k² in 1/Å²."""
        blur = np.exp(-2 * np.pi**2 * self.width**2 * k_squared)
        return np.asarray(blur / (1 + k_squared / self.screening**2))


@dataclass(frozen=True)
class Canvas:
    """Pixels to draw on: a cut-out of the pixel grid of a reconstruction.

    Attributes
    ----------
    shape
        (y, x) pixels.
    sampling
        Pixel, Å.
    corner
        (2,) whole pixels (y, x) of the reconstruction at which the cut-out begins; may be negative.
    origin
        (2,) position (y, x) of the first pixel in the scan frame, Å.
    """

    shape: tuple[int, int]
    sampling: float
    corner: NDArray[np.int_]
    origin: Floats

    @classmethod
    def around(cls, columns: ArrayLike, sampling: float, origin: ArrayLike) -> Canvas:
        """Span (N, 2) columns, Å, and a rim, on the pixels of a reconstruction."""
        at = (np.asarray(columns, dtype=np.float64) - np.asarray(origin)) / sampling
        low = np.floor(at.min(axis=0) - _RIM / sampling).astype(int)
        high = np.ceil(at.max(axis=0) + _RIM / sampling).astype(int)
        height, width = (int(n) for n in high - low + 1)
        return cls((height, width), sampling, low, np.asarray(origin) + low * sampling)

    def k_squared(self) -> Floats:
        """Return k² of the discrete Fourier transform, (y, x), 1/Å²."""
        ky, kx = (np.fft.fftfreq(n, self.sampling) for n in self.shape)
        return np.asarray(ky[:, None] ** 2 + kx**2)

    def structure_factor(self, atoms: Floats) -> NDArray[np.complex128]:
        """Return Σ exp(−2πi k·r) over the atoms (M, 2 or 3; y, x first, Å) that lie on the canvas."""
        at = atoms[:, :2] - self.origin
        at = at[((at >= 0) & (at <= self.sampling * (np.array(self.shape) - 1))).all(axis=1)]
        ky, kx = (np.fft.fftfreq(n, self.sampling) for n in self.shape)
        rows = np.exp(-2j * np.pi * np.outer(ky, at[:, 0]))
        return np.asarray(rows @ np.exp(-2j * np.pi * np.outer(at[:, 1], kx)))

    def draw(self, spectrum: NDArray[np.complex128], blob: Blob) -> Floats:
        """Return the phase (y, x), rad, of a structure factor of atoms of one shape."""
        image = np.fft.ifft2(spectrum * blob.form_factor(self.k_squared())).real / self.sampling**2
        return np.asarray(blob.amplitude * image + blob.background)


def render(atoms: ArrayLike, canvas: Canvas, blob: Blob) -> Floats:
    """Draw the projected phase of every snapshot.

    Parameters
    ----------
    atoms
        (snapshot, M, 2 or 3) positions, y and x first, in the scan frame, Å.
    canvas
        Where.
    blob
        Shape of an atom; the same for all (the truth knows no elements).

    Returns
    -------
    (snapshot, y, x) rad.
    """
    snapshots = np.asarray(atoms, dtype=np.float64)
    return np.stack([canvas.draw(canvas.structure_factor(shot), blob) for shot in snapshots])


def fit_blob(atoms: ArrayLike, phase: ArrayLike, canvas: Canvas) -> Blob:
    """Find the shape with which the mean over the snapshots looks like a reconstructed mean phase.

    Width, screening, amplitude and background are fitted by least squares on the canvas without its rim. The
    thermal blur is in the snapshots already, so the shape is that of an atom at rest.

    Parameters
    ----------
    atoms
        (snapshot, M, 2 or 3) positions in the scan frame, shifted to where the reconstruction has them, Å.
    phase
        Reconstructed mean projected phase (y, x), rad.
    canvas
        Where, on the pixel grid of `phase`.

    Raises
    ------
    InputError
        When the canvas without its rim shares no area with the phase, or the phase is flat there.
    """
    snapshots = np.asarray(atoms, dtype=np.float64)
    wanted, here = _shared(np.asarray(phase, dtype=np.float64), canvas)
    spectrum = np.mean([canvas.structure_factor(shot) for shot in snapshots], axis=0)

    def fitted(logs: Floats) -> Blob:
        screening, width = np.exp(np.clip(logs, _LIMITS[:, 0], _LIMITS[:, 1]))
        drawn = canvas.draw(spectrum, Blob(float(screening), float(width)))[here].ravel()
        terms = np.stack([drawn, np.ones_like(drawn)], axis=1)
        (amplitude, background), *_ = np.linalg.lstsq(terms, wanted, rcond=None)
        misfit = np.std(terms @ [amplitude, background] - wanted) / wanted.std()
        return Blob(float(screening), float(width), float(amplitude), float(background), float(misfit))

    best = minimize(
        lambda logs: fitted(logs).misfit,
        np.log([0.5, 0.2]),
        method="Nelder-Mead",
        options={"xatol": 1e-3, "fatol": 1e-6, "maxiter": 300},
    )
    return fitted(best.x)


def _shared(phase: Floats, canvas: Canvas) -> tuple[Floats, tuple[slice, slice]]:
    """Return the phase on the canvas without its rim, flattened, and that part of the canvas."""
    rim = int((_RIM - 1.0) / canvas.sampling)
    low = np.maximum(canvas.corner + rim, 0)
    high = np.maximum(np.minimum(canvas.corner + np.array(canvas.shape) - rim, phase.shape), low)
    wanted = phase[low[0] : high[0], low[1] : high[1]].ravel()
    if wanted.size < 16 or wanted.std() == 0:
        raise InputError("The phase is flat or absent where the true columns are; nothing to compare.")
    low, high = low - canvas.corner, high - canvas.corner
    return wanted, (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])))
