"""A simulated scan with everything askew at once, by the textbook and not by the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_mixedptycho.dataset import Dataset, turning
from napari_mixedptycho.orientation import Orientation

WAVELENGTH, SEMIANGLE, STEP, DK, SIZE, SCAN = 0.0418, 25.0, 0.42, 1 / 16, 32, 22
ENERGY = 79.9e3
"""eV, of `WAVELENGTH` Å to four digits."""
ROTATION, DEFOCUS, TURNED = 20.0, 70.0, Orientation(True, True, False)
SLOPE = np.array([[0.02, -0.01], [0.03, 0.015]])


def scan(
    orientation: Orientation = TURNED,
    rotation: float = ROTATION,
    slope: np.ndarray = SLOPE,
    astigmatism: tuple[float, float] = (0.0, 0.0),
    hot: bool = True,
) -> np.ndarray:
    """Return counts: atoms in one thin layer."""
    random = np.random.default_rng(5)
    sampling = 1 / (SIZE * DK)
    grid = np.indices((SCAN, SCAN)).reshape(2, -1).T
    points = (grid * STEP) @ turning(rotation).T
    points = (points - points.min(axis=0)) / sampling + 18
    count = int(points.max()) + 20
    atoms = random.random((count, count)) > 0.98
    ky, kx = np.fft.fftfreq(count)[:, None], np.fft.fftfreq(count)
    phase = np.fft.ifft2(np.fft.fft2(atoms) * np.exp(-14 * (ky**2 + kx**2))).real * 3
    transmission = np.exp(1j * phase)
    k = np.fft.fftfreq(SIZE, sampling)
    k2 = k[:, None] ** 2 + k**2
    lit = np.clip((SEMIANGLE * 1e-3 / WAVELENGTH - np.sqrt(k2)) / DK + 0.5, 0, 1)
    # χ/(πλ) = C10·k² + C12a·(kx² − ky²) + 2·C12b·kx·ky, the probe is A·exp(−iχ), and C10 minus the defocus.
    chi = -DEFOCUS * k2 + astigmatism[0] * (k**2 - k[:, None] ** 2) + 2 * astigmatism[1] * k[:, None] * k
    spectrum = np.sqrt(lit) * np.exp(-1j * np.pi * WAVELENGTH * chi)
    spectrum /= np.linalg.norm(spectrum)
    patterns = []
    for point, index in zip(points, grid, strict=True):
        corner = np.floor(point).astype(int)
        rest = point - corner
        ramp = np.exp(-2j * np.pi * sampling * (rest[0] * k[:, None] + rest[1] * k))
        probe = np.fft.fftshift(np.fft.ifft2(spectrum * ramp))
        y, x = corner - SIZE // 2
        wave = np.fft.fftshift(np.fft.fft2(probe * transmission[y : y + SIZE, x : x + SIZE]))
        patterns.append(_moved(np.abs(wave) ** 2, slope @ (index - (SCAN - 1) / 2)))
    counts = random.poisson(np.stack(patterns) * 5e4).reshape(SCAN, SCAN, SIZE, SIZE)
    stored = orientation.undone(counts).copy()
    if hot:
        stored[..., 5, 7] = random.poisson(4000, (SCAN, SCAN))
    return stored.astype(np.uint16)


def dataset(patterns: np.ndarray, **changes: Any) -> Dataset:
    """Return patterns with what no calibration can measure."""
    known = {"defocus": 0.0, "detector_sampling": 1.0, "electrons_per_unit": 1.0}
    return Dataset(patterns, ENERGY, SEMIANGLE, STEP, **{**known, **changes})


def stored(path: Path, patterns: np.ndarray, **numbers: float) -> Path:
    """Write patterns as a file of our own, that says what no calibration can measure."""
    known = {"energy_eV": ENERGY, "semiangle_mrad": SEMIANGLE, "scan_step_A": STEP, "electrons_per_unit": 1.0}
    with h5py.File(path, "w") as file:
        file["data"] = patterns
        file.attrs.update({**known, **numbers})
    return path


def _moved(image: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Shift by less than a pixel, as pixels count: linearly."""
    for axis in (0, 1):
        step = np.sign(by[axis])
        image = image + abs(by[axis]) * (np.roll(image, int(step), axis) - image)
    return image
