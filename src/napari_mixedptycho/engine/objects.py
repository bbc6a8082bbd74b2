"""What an object pixel stands for: its transmission, and the pullback to the stored numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.displacement import displaced
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.occupancy import occupancy, occupancy_pullback

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

    Where states have weights, the first slice carries the square root of the occupancy: a state that is seen
    more often gives that much more light.

    Returns
    -------
    tuple
        O (state, slice, y, x), and a function from ∂L/∂O (∂/∂Re + i·∂/∂Im; may be overwritten) to the
        gradients of the object and, where there are any, of displacements and weights.
    """
    if estimate.displacement is None:
        wave, back = _wave(estimate.object)
        return _weighted(estimate, wave, lambda gradient: {"object": back(gradient)})
    phases, place_back = displaced(estimate.object, estimate.displacement)
    wave, back = _wave(phases)

    def pullback(gradient: Array) -> dict[str, Array]:
        base, fields = place_back(back(gradient))
        return {"object": base, "displacement": fields}

    return _weighted(estimate, wave, pullback)


def _weighted(estimate: Estimate, wave: Array, back: Pullback) -> tuple[Array, Pullback]:
    """Let each state's first slice carry the square root of its occupancy."""
    weights = estimate.weights
    if weights is None:
        return wave, back
    xp = namespace(wave)
    roots = np.sqrt(occupancy(weights))
    factors = xp.asarray(roots.astype(wave.real.dtype))[:, None, None]
    first = wave[:, 0]
    weighted = xp.concatenate([(first * factors)[:, None], wave[:, 1:]], axis=1)

    def pullback(gradient: Array) -> dict[str, Array]:
        # With O → √w·O: dL/d√w = Re Σ conj(g)·O, and d√w/dw = 1/(2√w).
        slopes = asnumpy(
            (first.real * gradient[:, 0].real + first.imag * gradient[:, 0].imag).sum(axis=(1, 2))
        )
        found = {"weights": occupancy_pullback(weights, slopes.astype(np.float64) / (2 * roots))}
        gradient[:, 0] *= factors
        return {**back(gradient), **found}

    return weighted, pullback


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
