"""Vector algebra over the refined unknowns; sums do not depend on the number of threads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.estimate import Blocks


def dot(a: Blocks, b: Blocks) -> float:
    """Return the real inner product, complex numbers taken as pairs of reals."""
    # In the order of the names: a memory read back from a file holds them in another one.
    return sum(_dot(a[name], b[name]) for name in sorted(a))


def dots(a: Blocks, b: Blocks) -> dict[str, float]:
    """Return the real inner product of each unknown by itself."""
    return {name: _dot(a[name], b[name]) for name in a}


def _dot(a: Array, b: Array) -> float:
    # Not vdot: the linear algebra library splits its sum by threads.
    if a.dtype.kind == "c":
        return float((a.real * b.real).sum(dtype="f8") + (a.imag * b.imag).sum(dtype="f8"))
    return float((a * b).sum(dtype="f8"))


def beside(a: Blocks, b: Blocks) -> Blocks:
    """Return a with its arrays where those of b lie: on the host or the device."""
    return {name: _moved(part, b[name]) for name, part in a.items()}


def _moved(part: Array, other: Array) -> Array:
    to = namespace(other)
    if namespace(part) is to:
        return part
    return asnumpy(part) if to is np else to.asarray(part)


def add(a: Blocks, b: Blocks, factor: float = 1.0) -> dict[str, Array]:
    """Return a + factor·b, of the precision of a."""
    return {name: a[name] + a[name].real.dtype.type(factor) * b[name] for name in a}


def scale(a: Blocks, factor: float) -> dict[str, Array]:
    """Return factor·a, of the precision of a."""
    return {name: part.real.dtype.type(factor) * part for name, part in a.items()}


def scale_each(a: Blocks, factors: Mapping[str, float], factor: float = 1.0) -> dict[str, Array]:
    """Return each unknown of a times its own factor, and all times `factor`."""
    return {name: part.real.dtype.type(factors[name] * factor) * part for name, part in a.items()}
