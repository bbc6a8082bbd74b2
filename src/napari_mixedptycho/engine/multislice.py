"""Multislice: incident wave and object patches to the detector, and back.

Gladyshev et al. (2023), eqs. 5-7, in the conventions of docs/conventions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from napari_mixedptycho._array import Array, fft2, ifft2, namespace

Backward = Callable[[Array, Callable[[int, Array], None] | None], Array]


def far_field(incident: Array, patches: Sequence[Array], propagator: Array) -> tuple[Array, Backward]:
    """Send waves through all slices to the detector.

    Costs 2·slices − 1 transforms per position, state and mode, and as many backward.

    Parameters
    ----------
    incident
        (position, 1, mode, y, x): the probe at each scan position, shared by all states.
    patches
        One (position, state, 1, y, x) array per slice: the transmission under the probe.
    propagator
        (y, x): zero frequency in the corner.

    Returns
    -------
    tuple
        Far field (position, state, mode, ky, kx), unitary transform of the exit wave; and the pullback
        ``backward(gradient, sink)``: it overwrites the far-field gradient, hands each slice's object
        gradient (position, state, y, x) to ``sink(slice, gradient)`` (unless that is None), and returns
        the gradient of the incident waves (position, mode, y, x).
    """
    waves = [incident]
    current = incident * patches[0]
    for patch in patches[1:]:
        current = fft2(current)
        current *= propagator
        current = ifft2(current)
        waves.append(current)
        current = current * patch
    far = fft2(current, unitary=True)

    def backward(gradient: Array, sink: Callable[[int, Array], None] | None) -> Array:
        xp = namespace(gradient)
        gradient = ifft2(gradient, unitary=True)
        for index in reversed(range(len(patches))):
            if sink is not None:
                share = xp.conj(waves[index])
                share = xp.multiply(share, gradient, out=share if share.shape == gradient.shape else None)
                sink(index, _summed(share, 2))
            gradient *= xp.conj(patches[index])
            if index:
                gradient = fft2(gradient)
                gradient *= xp.conj(propagator)
                gradient = ifft2(gradient)
        return _summed(gradient, 1)

    return far, backward


def _summed(array: Array, axis: int) -> Array:
    """Sum over an axis; without a copy when it holds one entry."""
    return array.sum(axis=axis) if array.shape[axis] > 1 else array.squeeze(axis)
