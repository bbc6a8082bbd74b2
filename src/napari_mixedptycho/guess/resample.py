"""An estimate on another grid: other pixels, another part of the field, more or fewer slices.

Interpolation is by cosine and Fourier series, evaluated wherever the new pixels lie: exact for what the old
grid can hold, and cut off at the highest frequency that the new grid can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import unwrap_phase

Stored = NDArray[Any]
Floats = NDArray[np.float64]

_WRAPS = 2.5
"""A phase beyond this, rad, may have been wrapped."""


@dataclass(frozen=True)
class Grid:
    """Object pixels: (r, c) lies at ``origin + (r, c)·sampling``.

    Attributes
    ----------
    shape
        (y, x), px.
    sampling
        Å per pixel.
    origin
        (y, x) of pixel (0, 0), Å, in a frame that old and new grid share.
    """

    shape: tuple[int, int]
    sampling: float
    origin: tuple[float, float]

    def pixels(self, axis: int) -> Floats:
        """Return where the pixels of an axis lie, Å."""
        places: Floats = self.origin[axis] + np.arange(self.shape[axis], dtype=np.float64) * self.sampling
        return places


def object_to(stored: Stored, old: Grid, new: Grid, fill: Stored) -> Stored:
    """Return an object on another grid; a value stands for a place and stays as it is.

    Parameters
    ----------
    stored
        (…, y, x): phases, rad, or transmissions.
    old, new
        The grids.
    fill
        (…, 1, 1): what to expect where the old grid has nothing.

    Returns
    -------
    NDArray
        (…, y, x) on the new grid, of the same kind and precision.
    """
    weights, inside = [], []
    for axis in range(2):
        where = (new.pixels(axis) - old.origin[axis]) / old.sampling
        weights.append(_cosine(old.shape[axis], where, old.sampling / new.sampling))
        # A pixel reaches half its width around its centre; no more is known.
        inside.append((where > -0.5) & (where < old.shape[axis] - 0.5))
    kind = np.result_type(stored.dtype, np.float64)
    moved = weights[0] @ stored.astype(kind) @ weights[1].T
    known = inside[0][:, None] & inside[1]
    result: Stored = np.where(known, moved, fill).astype(stored.dtype)
    return result


def probe_to(probe: Stored, sampling: float, size: int, new_sampling: float) -> Stored:
    """Return probe modes in another window, with the electrons that belong there.

    Padding the detector adds empty frequencies and cropping it takes the outer ones away; a larger window
    is dark where the old one ended. Electrons per Å² stay as they are.

    Parameters
    ----------
    probe
        (mode, y, x), centred on pixel ``n // 2``, square root of electrons per pixel.
    sampling
        Å per pixel of the probe.
    size, new_sampling
        Edge, px, and Å per pixel of the new window.
    """
    edge = probe.shape[-1]
    where = (np.arange(size, dtype=np.float64) - size // 2) * (new_sampling / sampling)
    weights = _fourier(edge, where, sampling / new_sampling)
    # Beyond the old window its series would repeat itself.
    weights[(where < -(edge // 2) - 0.5) | (where > (edge - 1) // 2 + 0.5)] = 0
    moved = weights @ probe @ weights.T * (new_sampling / sampling)
    result: Stored = moved.astype(probe.dtype)
    return result


def slices_to(stored: Stored, count: int) -> Stored:
    """Return an object of another number of slices, of the same thickness together.

    Phase (and the logarithm of the modulus) is even within a slice; each new slice collects what lies in
    its depth, so that the projection stays as it is.

    Parameters
    ----------
    stored
        (state, slice, y, x): phases, rad, or transmissions.
    count
        Slices wanted.
    """
    slices = stored.shape[1]
    if count == slices:
        return stored
    old, new = np.arange(slices + 1) / slices, np.arange(count + 1) / count
    overlap = np.minimum(new[1:, None], old[1:]) - np.maximum(new[:-1, None], old[:-1])
    share = np.maximum(overlap, 0) * slices
    if stored.dtype.kind != "c":
        phases: Stored = np.einsum("ts,nsyx->ntyx", share, stored).astype(stored.dtype)
        return phases
    exponent = np.log(np.maximum(np.abs(stored), 1e-6)) + 1j * phase_of(stored)
    waves: Stored = np.exp(np.einsum("ts,nsyx->ntyx", share, exponent)).astype(stored.dtype)
    return waves


def phase_of(stored: Stored) -> NDArray[np.float32]:
    """Return the phase, rad, of transmissions (state, slice, y, x), without jumps where they can be seen.

    A slice whose phase comes near ±π is unwrapped from pixel to pixel; its constant part has no meaning.
    """
    phase: NDArray[np.float32] = np.angle(stored).astype(np.float32)
    for index in np.ndindex(*phase.shape[:2]):
        if np.abs(phase[index]).max() > _WRAPS and min(phase.shape[2:]) > 1:
            middle = np.angle(stored[index].mean())
            centred = np.angle(stored[index] * np.exp(-1j * middle))
            phase[index] = unwrap_phase(centred, rng=0) + middle  # type: ignore[no-untyped-call]
    return phase


def _cosine(size: int, where: Floats, fineness: float) -> Floats:
    """Return the matrix (new, old) of interpolation by a cosine series, which needs no periodic image.

    Parameters
    ----------
    size
        Old pixels.
    where
        (new,) places in old pixels.
    fineness
        New pixels per old one; below 1 the frequencies that no longer fit are left out.
    """
    k = np.arange(max(1, min(size, round(size * min(fineness, 1.0)))))
    here = np.cos(np.pi * np.outer(np.arange(size) + 0.5, k) / size)
    there = np.cos(np.pi * np.outer(where + 0.5, k) / size)
    weights: Floats = there * np.where(k, 2.0, 1.0) @ here.T / size
    return weights


def _fourier(size: int, where: Floats, fineness: float) -> NDArray[np.complex128]:
    """Return the matrix (new, old) of interpolation by a Fourier series about pixel ``size // 2``.

    `where` counts in old pixels from that pixel; `fineness` as for `_cosine`.
    """
    k = np.arange(size) - size // 2
    edge = size * min(fineness, 1.0) / 2
    k = k[(k >= -edge - 1e-9) & (k < edge - 1e-9)]
    here = np.exp(-2j * np.pi * np.outer(k, np.arange(size) - size // 2) / size)
    weights: NDArray[np.complex128] = np.exp(2j * np.pi * np.outer(where, k) / size) @ here / size
    return weights
