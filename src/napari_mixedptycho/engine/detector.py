"""The virtual detector: measured pixels inside a larger computed far field.

The exit wave reaches further than the detector. On the bare grid it would alias, so the far field is
computed on a padded grid and only the measured pixels are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from napari_mixedptycho._array import Array, Transform, namespace, transform, transform_along


@dataclass(frozen=True)
class Detector:
    """Maps between the computed far field and the measured pixels, zero angle in the corner of both.

    Attributes
    ----------
    size
        Edge of a measured pattern, px.
    padded
        Edge of the computed far field, px; at least `size`.
    """

    size: int
    padded: int

    def far(self, leaving: Array, fourier: Transform) -> Array:
        """Return the measured pixels (…, size, size) of the transform of exit waves, which are overwritten.

        SciPy is spared the rows along x that are not measured. FFTW gains nothing by it, and on a GPU one
        plan in place costs less than two with a copy between them.
        """
        if self.size == self.padded or fourier is not transform or not isinstance(leaving, np.ndarray):
            return self.crop(fourier(leaving, False))
        return self._cut(transform_along(self._cut(transform_along(leaving, -2), -2), -1), -1)

    def leaving(self, gradient: Array, fourier: Transform) -> Array:
        """Return the same for the conjugate of a gradient: from the measured pixels to the exit waves."""
        if self.size == self.padded or fourier is not transform or not isinstance(gradient, np.ndarray):
            return fourier(self.embed(gradient), False)
        columns = transform_along(self._filled(gradient, -2), -2)
        return transform_along(self._filled(columns, -1), -1)

    def _ends(self) -> list[tuple[slice, slice]]:
        """Return where frequencies from 0 up, and those below 0, lie along an axis: measured, computed."""
        positive = (self.size + 1) // 2
        near = slice(0, positive)
        far = slice(self.padded - self.size + positive, self.padded)
        return [(near, near), (slice(positive, self.size), far)]

    def _cut(self, field: Array, axis: int) -> Array:
        """Return what is measured along one axis."""
        shape = list(field.shape)
        shape[axis] = self.size
        measured = np.empty(shape, field.dtype)
        for here, there in self._ends():
            measured[_along(axis, here)] = field[_along(axis, there)]
        return measured

    def _filled(self, measured: Array, axis: int) -> Array:
        """Return a field that is zero outside what is measured along one axis."""
        shape = list(measured.shape)
        shape[axis] = self.padded
        field = np.zeros(shape, measured.dtype)
        for here, there in self._ends():
            field[_along(axis, there)] = measured[_along(axis, here)]
        return field

    def crop(self, field: Array) -> Array:
        """Return the measured pixels (…, size, size) of a field (…, padded, padded), or of these alone."""
        if self.size == field.shape[-1]:
            return field
        measured = namespace(field).empty((*field.shape[:-2], self.size, self.size), dtype=field.dtype)
        for (v, y), (u, x) in product(self._ends(), repeat=2):
            measured[..., v, u] = field[..., y, x]
        return measured

    def embed(self, measured: Array) -> Array:
        """Return a field (…, padded, padded) that is zero outside the measured pixels; adjoint of `crop`."""
        if self.size == self.padded:
            return measured
        field = namespace(measured).zeros((*measured.shape[:-2], self.padded, self.padded), measured.dtype)
        for (v, y), (u, x) in product(self._ends(), repeat=2):
            field[..., y, x] = measured[..., v, u]
        return field


def _along(axis: int, part: slice) -> tuple[Any, ...]:
    """Return the index of a part along one of the last two axes, -2 or -1."""
    return (..., part, *(slice(None),) * (-1 - axis))
