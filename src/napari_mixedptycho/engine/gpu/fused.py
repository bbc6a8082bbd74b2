"""When the kernels are used: on a GPU, for what they know, once they were found right."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.gpu.device import Device
from napari_mixedptycho.engine.gpu.lane import Lane
from napari_mixedptycho.engine.gpu.launch import Cuda

if TYPE_CHECKING:
    from napari_mixedptycho.engine.view import Share, View

_TOLERANCE = 1e-3
_BRIGHTER = 1.1
_LOOKED_AT = 2


def evaluate(view: View, share: Share) -> bool:
    """Evaluate a lane with the kernels, if they can; return whether they did.

    Parameters
    ----------
    view
        The estimate; on the CPU nothing is done.
    share
        The lane's, empty.
    """
    xp = namespace(view.transmission)
    if xp is np or not known(view):
        return False
    kept = view.problem.kept
    if "device" not in kept:
        kept["device"] = Cuda(xp)
    kind = _kind(view)
    if kind not in kept:
        kept[kind] = proven(view, share, kept["device"])
    if kept[kind]:
        run(view, share, kept["device"])
    return bool(kept[kind])


def known(view: View) -> bool:
    """Whether the kernels know all of the model: single precision, patterns that are not shifted."""
    single = all(part.dtype == "c8" for part in (view.transmission, view.spectrum, view.flight.fixed))
    return single and view.loss is not None and view.camera.estimate.descan is None


def run(view: View, share: Share, device: Device) -> None:
    """Evaluate a lane, as many patterns at once as there is room for.

    Raises
    ------
    MemoryError
        When they do not fit; nothing has been computed then.
    """
    Lane(view, share, device, view.problem.room.patterns).run()


def _kind(view: View) -> Hashable:
    """Return what decides which kernels run, and how."""
    loss, estimate = view.loss, view.camera.estimate
    camera = [part is None for part in (estimate.blur, estimate.intensity, estimate.background)]
    tilts = 0 if view.flight.tilt is None else len(view.flight.tilt)
    return (view.transmission.shape, len(view.spectrum), loss, *camera, tilts, view.refined)


def proven(view: View, share: Share, device: Device) -> bool:
    """Compare the kernels with the portable path on a few patterns; warn where they differ.

    A beam that is a little too bright keeps the residual from being the small difference of large numbers.
    """
    bright = replace(view, spectrum=view.spectrum * np.float32(_BRIGHTER))
    some = share.indices[: min(_LOOKED_AT, view.problem.room.patterns)]
    expected, found = bright.share(some), bright.share(some)
    bright.portable(expected)
    try:
        run(bright, found, device)
        error = difference(found, expected)
        reason = f"they differ from the portable path by {error:.1e}"
    except MemoryError:
        raise
    except Exception as failure:  # noqa: BLE001 - whatever a compiler or driver raises, there is another way
        error, reason = np.inf, f"{type(failure).__name__}: {failure}"
    if error <= _TOLERANCE:
        return True
    warnings.warn(
        f"The fused GPU kernels are not used, which costs time only: {reason}.", RuntimeWarning, stacklevel=2
    )
    return False


def difference(found: Share, expected: Share) -> float:
    """Return the largest relative difference of loss and gradients, by length; NaN counts as infinite."""
    pairs: list[tuple[Array, Array]] = [(found.value, expected.value), (found.object, expected.object)]
    for one, other in ((found.sums, expected.sums), (found.each, expected.each)):
        if one.keys() != other.keys():
            return float("inf")
        pairs += [(one[name], other[name]) for name in one]
    errors = [_relative(asnumpy(one), asnumpy(other)) for one, other in pairs]
    return max(error if error == error else float("inf") for error in errors)


def _relative(found: Array, expected: Array) -> float:
    length = float(np.linalg.norm(np.ravel(expected).astype("c16")))
    error = float(np.linalg.norm(np.ravel(found).astype("c16") - np.ravel(expected)))
    return error / length if length else error
