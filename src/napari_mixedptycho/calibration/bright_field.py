"""Tilt-corrected bright field: defocus, astigmatism, and how scan and detector lie to each other.

Each pixel of the bright-field disk sees an image of the specimen from its own direction, shifted by the
gradient of the aberrations there. For crystals such shifts are ambiguous by a lattice vector, so the images
are not aligned in pairs; the contrast that the aberrations predict is compared with all images and all
spatial frequencies at once. To first order in the phase Φ(Q) of a thin specimen the Fourier transform over
the scan is

    G(Q, k) = i·Φ(Q)·[A*(k)·A(k − Q) − A(k)·A*(k + Q)],   A = aperture · exp(−iχ)

(Rodenburg, McCallum & Nellist, *Ultramicroscopy* 48, 304 (1993)), and the best parameters explain most of G.
Only the sign is left: turning the detector by 180° and inverting defocus and phase changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.calibration.disk import Disk
from napari_mixedptycho.calibration.pixels import Mending
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.words import counted

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_ACROSS = 24
"""Pixels across the disk, at most; finer detectors are binned."""
_SCAN = 160
"""Scan points along each axis that are looked at, at most."""
_FREQUENCIES = 120
_FEWEST = 16
"""Pixels of the disk, after binning, below which their images are too few to compare."""


@dataclass(frozen=True)
class Stack:
    """The bright field of a scan.

    Attributes
    ----------
    images
        (scan_y, scan_x, pixel): what each pixel of the disk sees.
    dark
        (scan_y, scan_x): dark field.
    pixel
        (pixel, 2): k (y, x) on the detector as stored, 1/Å from the disk's centre.
    radius, edge
        Of the aperture, and the width over which it falls, 1/Å.
    step, wavelength
        Å.
    """

    images: NDArray[np.float32]
    dark: Floats
    pixel: Floats
    radius: float
    edge: float
    step: float
    wavelength: float


@dataclass(frozen=True)
class Bands:
    """The bright field of a scan, in Fourier space.

    Attributes
    ----------
    spectrum
        (frequency, pixel): G, at the brightest spatial frequencies.
    dark
        (frequency,): the same of the dark field.
    frequency
        (frequency, 2): Q (y, x) in the scan frame, 1/Å.
    at
        (frequency, 2): its place in the transform.
    pixel
        (pixel, 2): k (y, x) on the detector as stored, 1/Å from the disk's centre.
    radius, edge
        Of the aperture, and the width over which it falls, 1/Å.
    shape
        Scan points of the transform.
    noise
        Mean square of G where no specimen can be.
    wavelength
        Å.
    """

    spectrum: Complexes
    dark: Complexes
    frequency: Floats
    at: NDArray[np.int64]
    pixel: Floats
    radius: float
    edge: float
    shape: tuple[int, int]
    noise: float
    wavelength: float


def bright_field(
    rows: Iterable[NDArray[Any]],
    dark: Floats,
    disk: Disk,
    bad: NDArray[np.bool_],
    plane: Floats,
    optics: tuple[float, float, float],
) -> Stack:
    """Take the bright field of a scan, centred and binned.

    Parameters
    ----------
    rows, dark
        Patterns, scan row (scan_x, ky, kx) after scan row, and the dark field (scan_y, scan_x).
    disk, bad
        The disk, and pixels not to believe.
    plane
        (2, scan_y, scan_x): how far each pattern lies off the disk's centre, px.
    optics
        Wavelength (Å), scan step (Å), detector sampling (1/Å per px).
    """
    wavelength, step, sampling = optics
    cut = tuple(slice((n - min(n, _SCAN)) // 2, (n + min(n, _SCAN)) // 2) for n in dark.shape)
    half = int(np.ceil(disk.radius.value)) + 1
    factor = max(1, -(-2 * half // _ACROSS))
    count = -(-2 * half // factor)
    offset = (np.arange(count * factor, dtype=np.float64) - (count * factor - 1) / 2).reshape(count, factor)
    centers = np.array([c.value for c in disk.center]) + np.moveaxis(plane, 0, -1)[cut]
    mend, images = Mending(bad), []
    for index, row in enumerate(rows):
        if cut[0].start <= index < cut[0].stop:
            there = centers[index - cut[0].start]
            images.append(_taken(mend(row[cut[1]]), there, offset.ravel(), count, factor))
    stack = np.stack(images)
    k = offset.mean(axis=1) * sampling
    pixel = np.stack(np.meshgrid(k, k, indexing="ij"), axis=-1).reshape(-1, 2)
    radius = disk.radius.value * sampling
    inside = np.hypot(*pixel.T) < radius + 0.5 * factor * sampling
    corners = centers[[0, 0, -1, -1], [0, -1, 0, -1]]
    # What is mended shows its neighbours' images, which are shifted otherwise.
    share = _taken(np.broadcast_to(~bad, (4, *bad.shape)), corners, offset.ravel(), count, factor)
    inside &= share.min(axis=0).ravel() >= 0.5 * factor**2
    if inside.sum() < _FEWEST:
        raise InputError(
            "The mask hides too much of the bright-field disk: what is left shows only "
            f"{counted(int(inside.sum()), 'direction')}, and {_FEWEST} are needed."
        )
    seen = stack.reshape(*stack.shape[:2], -1)[..., inside].astype(np.float32)
    edge = max(factor, 2 * disk.edge) * sampling
    return Stack(seen, dark[cut], pixel[inside], radius, edge, step, wavelength)


def transformed(stack: Stack, guess: Floats | None = None, swap: bool = False) -> Bands:
    """Transform the bright field over the scan, at the frequencies with most contrast.

    Parameters
    ----------
    stack
        The bright field.
    guess, swap
        Rotation, defocus, C12a, C12b and transposition as far as they are known: each image is then tapered
        where it shows the same part of the specimen. Images that are tapered at the same scan points instead
        seem less shifted than they are.
    """
    rows, columns = stack.dark.shape
    moves = np.zeros((len(stack.pixel), 2)) if guess is None else shifts(stack, guess, swap)
    weights = [_tapers(n, moves[:, axis] / stack.step) for axis, n in enumerate((rows, columns))]
    taper = (weights[0][:, None] * weights[1][None]).astype(np.float32)
    # Shifted by more than the scan is wide (a wrong semi-angle or step), an image shares nothing with others.
    total = np.maximum(taper.sum(axis=(0, 1)), np.float32(1e-6))
    images = (stack.images - (stack.images * taper).sum(axis=(0, 1)) / total) * taper
    spectrum = np.fft.fft2(images, axes=(0, 1))
    still = _tapers(rows, np.zeros(1)) * _tapers(columns, np.zeros(1)).T
    dim = np.fft.fft2((stack.dark - (stack.dark * still).sum() / still.sum()) * still)
    at, noise = _brightest(spectrum, stack.step, stack.radius)
    frequency = np.stack([np.fft.fftfreq(n, stack.step)[at[:, i]] for i, n in enumerate(dim.shape)], axis=1)
    chosen = (at[:, 0], at[:, 1])
    optics = (stack.pixel, stack.radius, stack.edge)
    return Bands(
        spectrum[chosen], dim[chosen], frequency, at, *optics, (rows, columns), noise, stack.wavelength
    )


def shifts(stack: Stack, guess: Floats, swap: bool) -> Floats:
    """Return by how much each pixel's image is shifted, (pixel, 2) Å along the scan: −∇χ/2π.

    Parameters
    ----------
    stack, guess, swap
        As for `transformed`.
    """
    y, x = stack.pixel.T[::-1] if swap else stack.pixel.T
    rotation, defocus, a, b = guess
    move_y = stack.wavelength * ((defocus + a) * y - b * x)
    move_x = stack.wavelength * ((defocus - a) * x - b * y)
    angle = np.deg2rad(rotation)
    turned = [
        np.cos(angle) * move_y - np.sin(angle) * move_x,
        np.cos(angle) * move_x + np.sin(angle) * move_y,
    ]
    return np.stack(turned, axis=1)


def aligned(stack: Stack, guess: Floats, swap: bool) -> tuple[Floats, Floats]:
    """Return the mean of all images (scan_y, scan_x) as they are, and each shifted back to where it belongs.

    Parameters
    ----------
    stack, guess, swap
        As for `transformed`.
    """
    moves = shifts(stack, guess, swap)
    q = [np.fft.fftfreq(n, stack.step) for n in stack.dark.shape]
    total = np.zeros(stack.dark.shape, complex)
    for index, (y, x) in enumerate(moves):
        ramp = np.exp(2j * np.pi * q[0] * y)[:, None] * np.exp(2j * np.pi * q[1] * x)
        total += np.fft.fft2(stack.images[..., index]) * ramp
    plain: Floats = stack.images.mean(axis=-1).astype(np.float64)
    together: Floats = np.fft.ifft2(total).real / len(moves)
    return plain, together


def _tapers(count: int, moves: Floats) -> Floats:
    """Return a taper (point, pixel) for each image, moved with it as far as the scan goes."""
    place = (np.arange(count) - (count - 1) / 2)[:, None]
    width = max(0.6 * count, count - 2 * float(np.abs(moves).max(initial=0.0)))
    moved = np.clip((place - moves) / (width + 1), -0.5, 0.5)
    rim = np.clip((count / 2 - np.abs(place)) / max(1.0, 0.08 * count), 0, 1)
    found: Floats = np.cos(np.pi * moved) ** 2 * np.sin(np.pi / 2 * rim) ** 2
    return found


def image(bands: Bands, spectrum: Complexes) -> Floats:
    """Return an image (scan_y, scan_x) of values at the frequencies, and their opposites; without a mean."""
    whole = np.zeros(bands.shape, complex)
    whole[bands.at[:, 0], bands.at[:, 1]] = spectrum
    whole[-bands.at[:, 0], -bands.at[:, 1]] = spectrum.conj()
    found: Floats = np.fft.ifft2(whole).real
    return found


def _taken(values: Floats, centers: Floats, offset: Floats, count: int, factor: int) -> Floats:
    """Return the disk of each pattern (point, count, count), its centre between pixels by linear steps."""
    found = np.empty((len(values), count, count))
    edge = np.array(values.shape[1:]) - 2
    for index, (pattern, center) in enumerate(zip(values, centers, strict=True)):
        weights, places = [], []
        for axis in (0, 1):
            place = np.clip(center[axis] + offset, 0, edge[axis] + 1 - 1e-9)
            whole = np.minimum(place.astype(int), edge[axis])
            weights.append(place - whole)
            places.append(whole)
        top = pattern[places[0]] * (1 - weights[0])[:, None] + pattern[places[0] + 1] * weights[0][:, None]
        part = top[:, places[1]] * (1 - weights[1]) + top[:, places[1] + 1] * weights[1]
        found[index] = part.reshape(count, factor, count, factor).sum(axis=(1, 3))
    return found


def _brightest(spectrum: Complexes, step: float, radius: float) -> tuple[NDArray[np.int64], float]:
    """Return the places (frequency, 2) with most contrast, one of each ± pair, and the noise."""
    shape = spectrum.shape[:2]
    order = [np.fft.fftfreq(n) * n for n in shape]
    ring = np.hypot(order[0][:, None], order[1])
    q = np.hypot(np.fft.fftfreq(shape[0], step)[:, None], np.fft.fftfreq(shape[1], step))
    power = (np.abs(spectrum) ** 2).mean(axis=-1)
    half = (order[0][:, None] > 0) | ((order[0][:, None] == 0) & (order[1] > 0))
    half = half & (np.abs(order[0][:, None]) < shape[0] / 2) & (np.abs(order[1]) < shape[1] / 2)
    usable = half & (ring >= 2.5) & (q < 1.9 * radius)
    beyond = q > 2.1 * radius
    noise = float(np.median(power[beyond if beyond.sum() > 20 else usable]))
    ranked = np.argwhere(usable)[np.argsort(power[usable])[::-1]]
    return ranked[:_FREQUENCIES].astype(np.int64), noise
