"""Each kernel of `kernels.cu` in NumPy, with the same arguments: what it computes, without how.

Arrays that a kernel writes are written in place. Their shapes here are those of their meaning, as the kernels
are told by a `Chunk`: waves (position, state, mode, y, x), incident waves (position, mode, y, x), the object
(state, slice, y, x), patterns (position, ky, kx), corners (position, 2), rows (position,) into patterns and
ramps, ramps (row, 2, size). Sums of the object's gradient are complex64, or int64 with a last axis of two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.detector import Detector
from napari_mixedptycho.engine.gpu.chunk import THREADS, Chunk

_TINY = np.finfo(np.float32).tiny


def _patches(image: Array, corners: Array, chunk: Chunk) -> Array:
    """Return one slice of the object under each window: (position, state, 1, y, x)."""
    windows = [image[:, chunk.slice, y : y + chunk.size, x : x + chunk.size] for y, x in corners]
    return np.stack(windows)[:, :, None]


def _ramps(ramps: Array, rows: Array) -> Array:
    """Return the factors (position, ky, kx)."""
    return ramps[rows, 0, :, None] * ramps[rows, 1, None, :]


def _per_block(values: Array) -> Array:
    """Sum (position, y, x) over the pixels of each block: (position, block)."""
    flat = values.reshape(len(values), -1)
    flat = np.pad(flat, ((0, 0), (0, -flat.shape[1] % THREADS)))
    return flat.reshape(len(values), -1, THREADS).sum(axis=2)


def shift(spectrum: Array, ramps: Array, rows: Array, waves: Array, chunk: Chunk) -> None:
    """Shift the beam to each position: waves (position, mode, ky, kx)."""
    waves[...] = spectrum * (_ramps(ramps, rows) * np.float32(chunk.factor))[:, None]


def enter(incident: Array, image: Array, corners: Array, waves: Array, chunk: Chunk) -> None:
    """Pass the first slice, all states with the same incident waves."""
    waves[...] = incident[:, None] * _patches(image, corners, chunk)


def transmit(incident: Array, image: Array, corners: Array, waves: Array, chunk: Chunk) -> None:
    """Pass one more slice."""
    waves[...] = incident * _patches(image, corners, chunk)


def propagate(waves: Array, propagator: Array, ramps: Array, rows: Array, chunk: Chunk) -> None:
    """Multiply spectra by the propagator, or its conjugate."""
    flight = propagator * _ramps(ramps, rows) if chunk.tilted else propagator[None]
    flight = np.conj(flight) if chunk.adjoint else flight
    waves *= (flight * np.float32(chunk.factor))[:, None, None]


def seen(patterns: Array, rows: Array, weight: Array, floors: Array, chunk: Chunk) -> None:
    """Put down the background of each pattern: a part of its electrons."""
    light = (weight * patterns[rows].astype(np.float32)).sum(axis=(1, 2))
    floors[...] = light * np.float32(chunk.electrons * chunk.background)


def compare(  # noqa: PLR0913 - the arguments of the kernel
    far: Array,
    patterns: Array,
    rows: Array,
    weight: Array,
    floors: Array,
    partial: Array,
    chunk: Chunk,
) -> None:
    """Compare with the patterns; the far field becomes its gradient, in units of the transform."""
    detector = Detector(chunk.detector, chunk.size)
    predicted = detector.crop(_power(far, chunk))
    measured = patterns[rows].astype(np.float32) * np.float32(chunk.electrons)
    values, slopes = _LOSSES[chunk.loss](predicted, measured, weight, floors[:, None, None])
    partial[..., 0] = _per_block(detector.embed(values))
    partial[..., 1] = _per_block(detector.embed(4 * slopes * slopes * predicted))
    if chunk.waves_wanted:
        weigh(far, detector.embed(slopes), chunk)


def _power(far: Array, chunk: Chunk) -> Array:
    powers = (far.real**2 + far.imag**2).sum(axis=(1, 2))
    return np.asarray(powers * np.float32(chunk.factor))


def power(far: Array, powers: Array, chunk: Chunk) -> None:
    """Sum |far field|² over states and modes: (position, ky, kx)."""
    powers[...] = _power(far, chunk)


def weigh(far: Array, slopes: Array, chunk: Chunk) -> None:
    """Turn the far field into its gradient, given that of its power (position, ky, kx)."""
    far *= (2 * np.float32(chunk.factor) * slopes)[:, None, None]


def back(incident: Array, gradient: Array, image: Array, corners: Array, total: Array, chunk: Chunk) -> None:
    """Take the gradient of the waves back through a slice, and add that of the slice to `total`."""
    if chunk.object_wanted:
        _accumulate(total, corners, (np.conj(incident) * gradient).sum(axis=2), chunk)
    gradient *= np.conj(_patches(image, corners, chunk))


def exit_back(
    incident: Array, gradient: Array, image: Array, corners: Array, total: Array, chunk: Chunk
) -> None:
    """Do the same at the first slice: the incident waves become their gradient, summed over states."""
    if chunk.object_wanted:
        # The kernel adds up so many modes before it adds to the sum.
        for first in range(0, chunk.modes, _TILE):
            part = slice(first, first + _TILE)
            product = np.conj(incident[:, None, part]) * gradient[:, :, part]
            _accumulate(total, corners, product.sum(axis=2), chunk)
    if chunk.waves_wanted:
        incident[...] = (gradient * np.conj(_patches(image, corners, chunk))).sum(axis=1)


def _accumulate(total: Array, corners: Array, parts: Array, chunk: Chunk) -> None:
    """Add the gradients (position, state, y, x) of one slice to the sum, floating or in fixed point."""
    if chunk.fixed:
        units = np.stack([parts.real, parts.imag], axis=-1) * np.float32(chunk.fixed)
        parts = np.rint(units).astype(np.int64)
    for (y, x), part in zip(corners, parts, strict=True):
        top, left = y - chunk.top, x - chunk.left
        total[:, chunk.slice, top : top + chunk.size, left : left + chunk.size] += part


def flight_slope(gradient: Array, spectrum: Array, slopes: Array, chunk: Chunk) -> None:
    """Add the gradient of the propagator's phase: (position, ky, kx)."""
    overlap = (gradient * np.conj(spectrum)).imag.sum(axis=(1, 2))
    slopes += np.float32(chunk.factor) * overlap


def unshift(gradient: Array, ramps: Array, rows: Array, total: Array, chunk: Chunk) -> None:
    """Add the gradient of the beam's spectrum (mode, ky, kx), from those of the shifted ones."""
    total += np.float32(chunk.factor) * (gradient * np.conj(_ramps(ramps, rows))[:, None]).sum(axis=0)


def shift_slope(
    gradient: Array, spectrum: Array, ramps: Array, rows: Array, partial: Array, chunk: Chunk
) -> None:
    """Put down the gradient of each position, along y and x, by blocks of pixels."""
    shifted = spectrum * _ramps(ramps, rows)[:, None]
    overlap = (shifted * np.conj(gradient)).imag.sum(axis=1) * np.float32(2 * np.pi * chunk.factor)
    k = np.fft.fftfreq(chunk.size).astype(np.float32)
    partial[..., 0] = _per_block(overlap * k[:, None])
    partial[..., 1] = _per_block(overlap * k)


Floats = NDArray[np.float32]
_TILE = 4


def _intensity(predicted: Floats, measured: Floats, weight: Floats, floor: Floats) -> tuple[Floats, Floats]:
    residual = (predicted - measured) * weight
    return residual * residual, 2 * residual


def _amplitude(predicted: Floats, measured: Floats, weight: Floats, floor: Floats) -> tuple[Floats, Floats]:
    amplitude = np.sqrt(predicted)
    residual = amplitude - np.sqrt(measured)
    return weight * residual * residual, weight * residual / (amplitude + np.sqrt(_TINY))


def _poisson(predicted: Floats, measured: Floats, weight: Floats, floor: Floats) -> tuple[Floats, Floats]:
    model = predicted + floor + _TINY
    excess = (measured - model) / model
    log = np.log1p(np.maximum(excess, np.float32(-1 + 1e-7)))
    return weight * model * ((1 + excess) * log - excess), -weight * excess


_LOSSES = (_intensity, _amplitude, _poisson)
