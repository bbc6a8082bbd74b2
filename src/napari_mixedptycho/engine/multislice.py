"""Multislice: incident wave and object patches to the detector, and back.

Gladyshev et al. (2023), eqs. 5-7, in the conventions of docs/conventions.md.

On the way back everything is the complex conjugate of a gradient: then the adjoint of a product is the same
product and that of a transform the same transform, and no array of its own is made for a conjugate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from napari_mixedptycho._array import Array, Transform, namespace, transform
from napari_mixedptycho.engine.detector import Detector


@dataclass(frozen=True)
class Watch:
    """What the pullback shall report on its way, beside the gradient of the incident waves.

    Attributes
    ----------
    object
        ``object(slice, gradient)`` receives the conjugate gradient (position, state, y, x) of each slice.
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
    incident: Array,
    patches: Sequence[Array],
    propagator: Array,
    ramp: Array | None = None,
    fourier: Transform = transform,
    detector: Detector | None = None,
) -> tuple[Array, Backward]:
    """Send waves through all slices to the detector: 2·slices − 1 transforms of each, and as many back.

    Parameters
    ----------
    incident
        (position, 1, mode, y, x): the probe at each scan position, shared by all states.
    patches
        One (position, state, 1, y, x) array per slice: the transmission under the probe.
    propagator
        (y, x), or (position, 1, 1, y, x): zero frequency in the corner; divided by the pixels of a wave,
        which makes up for transforms that are not scaled.
    ramp
        (position, 1, 1, y, x): what exit waves are multiplied by to shift the patterns; None: nothing.
    fourier
        What transforms.
    detector
        Whose measured pixels are all that is wanted of the far field; None: all of it.

    Returns
    -------
    tuple
        Far field (position, state, mode, ky, kx), the transform of the exit wave; and the pullback
        ``backward(gradient, watch)``, to be called once: from the conjugate gradient of the far field, which
        is overwritten, to that of the incident waves (position, mode, y, x).
    """
    waves = [incident]
    current = incident * patches[0]
    for patch in patches[1:]:
        current = fourier(current, False)
        current *= propagator
        current = fourier(current, True)
        waves.append(current)
        current = current * patch
    far, exit_back = _to_detector(current, ramp, fourier, detector or Detector(*current.shape[-2:]))

    def backward(gradient: Array, watch: Watch) -> Array:
        gradient = exit_back(gradient, watch)
        for index in reversed(range(len(patches))):
            if watch.object is not None:
                spent = waves[index] if index and watch.flight is None else None
                share = namespace(gradient).multiply(waves[index], gradient, out=spent)
                watch.object(index, _summed(share, 2))
            gradient *= patches[index]
            if index:
                gradient = fourier(gradient, True)
                if watch.flight is not None:
                    watch.flight(_phase_slope(gradient, fourier(waves[index].copy(), False)))
                gradient *= propagator
                gradient = fourier(gradient, False)
        return _summed(gradient, 1)

    return far, backward


def _to_detector(
    leaving: Array, ramp: Array | None, fourier: Transform, detector: Detector
) -> tuple[Array, Backward]:
    """Transform exit waves, after the ramp that shifts the patterns."""
    if ramp is None:
        return detector.far(leaving, fourier), lambda gradient, watch: detector.leaving(gradient, fourier)
    leaving = leaving * ramp

    def backward(gradient: Array, watch: Watch) -> Array:
        gradient = detector.leaving(gradient, fourier)
        if watch.exit is not None:
            watch.exit(-(gradient * leaving).imag.sum(axis=(1, 2)))
        gradient *= ramp
        return gradient

    return detector.far(leaving.copy(), fourier), backward


def _phase_slope(gradient: Array, spectrum: Array) -> Array:
    """Return ∂L/∂χ (position, ky, kx) from the transforms after a gap: conjugate gradient, and wave."""
    size = gradient.shape[-1]
    return -(gradient * spectrum).imag.sum(axis=(1, 2)) / size**2


def _summed(array: Array, axis: int) -> Array:
    """Sum over an axis; without a copy when it holds one entry."""
    return array.sum(axis=axis) if array.shape[axis] > 1 else array.squeeze(axis)
