"""The virtual detector: measured pixels inside a larger computed far field.

The exit wave reaches further than the detector. On the bare grid it would alias, so the far field is
computed on a padded grid and only the measured pixels are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_mixedptycho._array import Array, namespace


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

    def _quadrants(self) -> list[tuple[slice, slice, slice, slice]]:
        positive = (self.size + 1) // 2
        near = (slice(0, positive), slice(0, positive))
        negative = self.size - positive
        far = (slice(self.padded - negative, self.padded), slice(positive, self.size))
        ends = (near, far) if negative else (near,)
        return [(a[0], b[0], a[1], b[1]) for a in ends for b in ends]

    def crop(self, field: Array) -> Array:
        """Return the measured pixels (…, size, size) of a field (…, padded, padded)."""
        if self.size == self.padded:
            return field
        measured = namespace(field).empty((*field.shape[:-2], self.size, self.size), dtype=field.dtype)
        for y, x, v, u in self._quadrants():
            measured[..., v, u] = field[..., y, x]
        return measured

    def embed(self, measured: Array) -> Array:
        """Return a field (…, padded, padded) that is zero outside the measured pixels; adjoint of `crop`."""
        if self.size == self.padded:
            return measured
        field = namespace(measured).zeros((*measured.shape[:-2], self.padded, self.padded), measured.dtype)
        for y, x, v, u in self._quadrants():
            field[..., y, x] = measured[..., v, u]
        return field
