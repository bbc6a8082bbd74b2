"""How far the states have moved apart, in the fields that displace them: one number for every iteration."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate

_BRIGHT = 90.0
"""Percentile of the projected phase above which a pixel counts as part of an atom."""


def motion_of_atoms(estimate: Estimate, width: float, field: tuple[slice, slice]) -> float:
    """Return the rms over atoms of the sd over states of their displacement, per axis, px.

    Displacement fields are averaged over each atom with the phase as weight, since between atoms nothing says
    what they are. It follows what `analysis.measure` finds for the columns, but needs none: it is for the way
    there, not for a figure to quote.

    Parameters
    ----------
    estimate
        Whose states are displaced copies; of free states and of a single one it is not known (NaN).
    width
        Gaussian sigma of the average, px: about that of an atom.
    field
        Rows and columns to look at.
    """
    fields = estimate.displacement
    if fields is None or estimate.states < 2:
        return float("nan")
    xp = namespace(fields)
    phase = estimate.object.mean(axis=0).sum(axis=0)
    weight = xp.maximum(phase - xp.percentile(phase[field], _BRIGHT), 0)
    blur = _gaussian(xp, weight.shape, width).astype(weight.dtype)
    held = _blurred(weight, blur)[field]
    most = float(held.max())
    if not most > 0:
        return float("nan")
    means = [_blurred(part * weight, blur)[..., field[0], field[1]] for part in fields]
    moved = xp.stack(means) / xp.maximum(held, 1e-6 * most)
    share = weight[field] / weight[field].sum(dtype="f8")
    variance = float((moved.var(axis=0) * share).sum(dtype="f8")) / 2
    return float(np.sqrt(max(variance, 0.0)))


def _gaussian(xp: ModuleType, shape: tuple[int, int], width: float) -> Array:
    """Return the factor in reciprocal space that blurs by a Gaussian of this sigma, px."""
    squares = xp.fft.fftfreq(shape[0])[:, None] ** 2 + xp.fft.rfftfreq(shape[1]) ** 2
    return xp.exp(-2 * np.pi**2 * width**2 * squares)


def _blurred(images: Array, factor: Array) -> Array:
    xp = namespace(images)
    return xp.fft.irfft2(xp.fft.rfft2(images) * factor, s=images.shape[-2:])
