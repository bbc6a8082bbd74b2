"""What an object pixel stands for: its transmission, and the pullback to the stored numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from napari_mixedptycho._array import Array, namespace

ObjectType = Literal["phase", "complex", "potential"]
"""``phase``: |O| = 1; ``complex``: free amplitude; ``potential``: phase that is nowhere negative."""

Pullback = Callable[[Array], Array]


def transmission(stored: Array) -> tuple[Array, Pullback]:
    """Return the complex transmission ``O = exp(iφ)`` of a stored object, and its pullback.

    Parameters
    ----------
    stored
        (state, slice, y, x): phase φ, rad, or complex O, which is returned as it is.

    Returns
    -------
    tuple
        O, and a function from ∂L/∂O (∂/∂Re + i·∂/∂Im) to the gradient of the stored numbers.
    """
    if stored.dtype.kind == "c":
        return stored, lambda gradient: gradient
    xp = namespace(stored)
    wave = xp.empty(stored.shape, dtype=xp.result_type(stored.dtype, xp.complex64))
    xp.cos(stored, out=wave.real)
    xp.sin(stored, out=wave.imag)

    def pullback(gradient: Array) -> Array:
        return wave.real * gradient.imag - wave.imag * gradient.real

    return wave, pullback


def project(stored: Array, kind: ObjectType) -> Array:
    """Return the nearest allowed object: a potential is nowhere negative; the others are free."""
    return namespace(stored).maximum(stored, 0) if kind == "potential" else stored
