"""Multislice: incident wave and object patches to the detector, and back.

Gladyshev et al. (2023), eqs. 5-7, in the conventions of docs/conventions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from napari_mixedptycho._array import Array, fft2, ifft2, namespace


@dataclass(frozen=True)
class Watch:
    """What the pullback shall report on its way, beside the gradient of the incident waves.

    Attributes
    ----------
    object
        ``object(slice, gradient)`` receives the gradient (position, state, y, x) of each slice.
    flight
        Receives, for each gap, ∂L/∂χ (position, ky, kx): the gradient of the propagator's phase.
    exit
        Receives ``Im(gradient · conj(exit wave))`` (position, y, x), as `Camera.descan_slope` wants it.
    """

    object: Callable[[int, Array], None] | None = None
    flight: Callable[[Array], None] | None = None
    exit: Callable[[Array], None] | None = None


Backward = Callable[[Array, Watch], Array]


def far_field(
    incident: Array, patches: Sequence[Array], propagator: Array, ramp: Array | None = None
) -> tuple[Array, Backward]:
    """Send waves through all slices to the detector.

    Costs 2·slices − 1 transforms per position, state and mode, and as many backward.

    Parameters
    ----------
    incident
        (position, 1, mode, y, x): the probe at each scan position, shared by all states.
    patches
        One (position, state, 1, y, x) array per slice: the transmission under the probe.
    propagator
        (y, x), or (position, 1, 1, y, x): zero frequency in the corner.
    ramp
        (position, 1, 1, y, x): what exit waves are multiplied by to shift the patterns; None: nothing.

    Returns
    -------
    tuple
        Far field (position, state, mode, ky, kx), unitary transform of the exit wave; and the pullback
        ``backward(gradient, watch)``: it overwrites the far-field gradient, reports what `watch` asks for,
        and returns the gradient of the incident waves (position, mode, y, x).
    """
    waves = [incident]
    current = incident * patches[0]
    for patch in patches[1:]:
        current = fft2(current)
        current *= propagator
        current = ifft2(current)
        waves.append(current)
        current = current * patch
    far, exit_back = _to_detector(current, ramp)

    def backward(gradient: Array, watch: Watch) -> Array:
        xp = namespace(gradient)
        gradient = exit_back(gradient, watch)
        for index in reversed(range(len(patches))):
            if watch.object is not None:
                share = xp.conj(waves[index])
                share = xp.multiply(share, gradient, out=share if share.shape == gradient.shape else None)
                watch.object(index, _summed(share, 2))
            gradient *= xp.conj(patches[index])
            if index:
                gradient = fft2(gradient)
                if watch.flight is not None:
                    watch.flight(_phase_slope(gradient, waves[index]))
                gradient *= xp.conj(propagator)
                gradient = ifft2(gradient)
        return _summed(gradient, 1)

    return far, backward


def _to_detector(leaving: Array, ramp: Array | None) -> tuple[Array, Backward]:
    """Transform exit waves, after the ramp that shifts the patterns."""
    if ramp is None:
        return fft2(leaving, unitary=True), lambda gradient, watch: ifft2(gradient, unitary=True)
    leaving = leaving * ramp

    def backward(gradient: Array, watch: Watch) -> Array:
        xp = namespace(gradient)
        gradient = ifft2(gradient, unitary=True)
        if watch.exit is not None:
            watch.exit((gradient * xp.conj(leaving)).imag.sum(axis=(1, 2)))
        gradient *= xp.conj(ramp)
        return gradient

    return fft2(leaving.copy(), unitary=True), backward


def _phase_slope(gradient: Array, wave: Array) -> Array:
    """Return ∂L/∂χ (position, ky, kx) from the transformed gradient after a gap and the wave there."""
    spectrum = fft2(wave.copy())
    size = gradient.shape[-1]
    return (gradient * namespace(gradient).conj(spectrum)).imag.sum(axis=(1, 2)) / size**2


def _summed(array: Array, axis: int) -> Array:
    """Sum over an axis; without a copy when it holds one entry."""
    return array.sum(axis=axis) if array.shape[axis] > 1 else array.squeeze(axis)
