"""What an object pixel stands for: its transmission, and the pullback to the stored numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.displacement import displaced
from napari_mixedptycho.engine.estimate import Estimate

ObjectType = Literal["phase", "complex", "potential"]
"""``phase``: |O| = 1; ``complex``: free amplitude; ``potential``: phase that is nowhere negative."""

Pullback = Callable[[Array], dict[str, Array]]


def states(estimate: Estimate) -> Array:
    """Return every object state (state, slice, y, x) in its own right: phase, rad, or transmission."""
    if estimate.displacement is None:
        return estimate.object
    return displaced(estimate.object, estimate.displacement)[0]


def transmission(estimate: Estimate) -> tuple[Array, Pullback]:
    """Return the complex transmission ``O = exp(iφ)`` of every state, and its pullback.

    Returns
    -------
    tuple
        O (state, slice, y, x), and a function from ∂L/∂O (∂/∂Re + i·∂/∂Im) to the gradients of the object
        and, where states are displaced copies, of the displacements.
    """
    if estimate.displacement is None:
        wave, back = _wave(estimate.object)
        return wave, lambda gradient: {"object": back(gradient)}
    phases, place_back = displaced(estimate.object, estimate.displacement)
    wave, back = _wave(phases)

    def pullback(gradient: Array) -> dict[str, Array]:
        base, fields = place_back(back(gradient))
        return {"object": base, "displacement": fields}

    return wave, pullback


def _wave(stored: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Return exp(iφ) of phases; a complex object is a transmission already."""
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
