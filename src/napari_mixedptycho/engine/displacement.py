"""Object states as displaced copies of one object: the motion itself is the unknown.

A state is ``φ(r − u)`` to second order in its displacement field u: atoms that move, and nothing else. Free
states need thousands of unknowns each and explain the noise of real doses with them; a displacement field is
smooth, so that counted data can carry it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType

import numpy as np

from napari_mixedptycho._array import Array, namespace

Pullback = Callable[[Array], tuple[Array, Array]]


def displaced(stored: Array, fields: Array) -> tuple[Array, Pullback]:
    """Displace an object: Taylor's series of ``φ(r − u)`` to second order.

    Parameters
    ----------
    stored
        (1, slice, y, x) phase, rad.
    fields
        (state, 2, y, x) displacement along y and x, px; the same in every slice: a column moves as a rod.

    Returns
    -------
    tuple
        Phases (state, slice, y, x); and the pullback, from their gradient to that of the object and of the
        displacements.
    """
    xp = namespace(stored)
    spectrum = xp.fft.rfft2(stored[0])
    filters = _derivatives(xp, stored.shape[-2:], spectrum.dtype.name)
    y, x, yy, xx, yx = (_inverse(spectrum * part, stored) for part in filters)
    uy, ux = fields[:, 0, None], fields[:, 1, None]
    phases = stored - uy * y - ux * x + (0.5 * uy * uy) * yy + (0.5 * ux * ux) * xx + (uy * ux) * yx

    def pullback(gradient: Array) -> tuple[Array, Array]:
        along_y = (gradient * (uy * yy + ux * yx - y)).sum(axis=1)
        along_x = (gradient * (ux * xx + uy * yx - x)).sum(axis=1)
        factors = (-uy, -ux, 0.5 * uy * uy, 0.5 * ux * ux, uy * ux)
        adjoint = sum(
            xp.conj(part) * xp.fft.rfft2((gradient * factor).sum(axis=0))
            for part, factor in zip(filters, factors, strict=True)
        )
        base = gradient.sum(axis=0) + _inverse(adjoint, stored)
        return base[None], xp.stack([along_y, along_x], axis=1)

    return phases, pullback


@functools.lru_cache(maxsize=1)
def _derivatives(xp: ModuleType, shape: tuple[int, int], precision: str) -> tuple[Array, ...]:
    """Return the factors of ∂y, ∂x, ∂yy, ∂xx, ∂yx in reciprocal space, 1/px and 1/px²; kept for the grid."""
    ky = 2j * np.pi * np.fft.fftfreq(shape[0])[:, None]
    kx = 2j * np.pi * np.fft.rfftfreq(shape[1])[None, :]
    # The highest frequency of an even edge has no sign, so its slope is zero.
    ky = np.where(np.isclose(np.abs(ky), np.pi), 0, ky)
    kx = np.where(np.isclose(np.abs(kx), np.pi), 0, kx)
    ones = np.ones((len(ky), kx.shape[1]))
    return tuple(xp.asarray((part * ones).astype(precision)) for part in (ky, kx, ky * ky, kx * kx, ky * kx))


def _inverse(spectrum: Array, like: Array) -> Array:
    xp = namespace(like)
    return xp.fft.irfft2(spectrum, s=like.shape[-2:]).astype(like.dtype)
