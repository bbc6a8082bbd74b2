"""How a detector's axes lie: transposed, upside down, left to right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways a square detector can be read out.

    Attributes
    ----------
    transpose
        Swap ky and kx, first.
    flip_y, flip_x
        Then turn ky, or kx, about the zero angle.
    """

    transpose: bool = False
    flip_y: bool = False
    flip_x: bool = False

    @classmethod
    def of(cls, matrix: NDArray[np.float64]) -> Orientation:
        """Return the orientation of a matrix (2, 2) of 0, 1 and −1."""
        return cls(bool(matrix[0, 0] == 0), bool(matrix[0].sum() < 0), bool(matrix[1].sum() < 0))

    @property
    def straight(self) -> bool:
        """Tell whether there is nothing to do."""
        return self == Orientation()

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(2, 2): from stored (ky, kx) to right ones."""
        axes = np.array([[0.0, 1.0], [1.0, 0.0]]) if self.transpose else np.eye(2)
        signs = np.diag([-1.0 if self.flip_y else 1.0, -1.0 if self.flip_x else 1.0])
        found: NDArray[np.float64] = signs @ axes
        return found

    def applied(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return images (…, ky, kx) set right; zero angle at ``n // 2`` before and after.

        With an even number of pixels the outermost line has no counterpart: see `measured`.
        """
        found = np.swapaxes(images, -1, -2) if self.transpose else images
        for axis, flip in ((-2, self.flip_y), (-1, self.flip_x)):
            if flip:
                found = np.roll(np.flip(found, axis), 1 - found.shape[axis] % 2, axis)
        return found

    def undone(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return the images (…, ky, kx) that `applied` sets right."""
        back = Orientation.of(self.matrix.T)  # which is its inverse
        return back.applied(images)

    def measured(self, size: int) -> NDArray[np.bool_]:
        """Return the pixels (size, size) that are measured once the detector is set right."""
        found = np.ones((size, size), bool)
        if size % 2 == 0:
            found[0] &= not self.flip_y
            found[:, 0] &= not self.flip_x
        return found


@dataclass(frozen=True)
class Oriented:
    """Patterns of a file, set right when they are read.

    Attributes
    ----------
    source
        (scan_y, scan_x, ky, kx): an HDF5 dataset, a memory map, or an array.
    orientation
        How its detector lies.
    shift
        Pixels (y, x) of the stored pattern by which its centre lies off ``n // 2``.
    """

    source: Any
    orientation: Orientation
    shift: tuple[int, int] = (0, 0)

    @property
    def shape(self) -> tuple[int, ...]:
        """(scan_y, scan_x, ky, kx)."""
        return tuple(self.source.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored."""
        stored: np.dtype[Any] = np.dtype(self.source.dtype)
        return stored

    def __getitem__(self, where: tuple[Any, ...]) -> NDArray[Any]:
        """Read scan points, and cut the detector once it is set right."""
        *points, ky, kx = where
        stored = np.asarray(self.source[(*points, slice(None), slice(None))])
        return self.orientation.applied(centred(stored, self.shift))[..., ky, kx]


def centred(images: NDArray[Any], shift: tuple[int, int]) -> NDArray[Any]:
    """Return images (…, ky, kx) whose pixel ``n // 2 + shift`` has come to ``n // 2``; zero where none is."""
    if shift == (0, 0):
        return images
    found = np.zeros_like(images)
    target, origin = [], []
    for size, by in zip(images.shape[-2:], shift, strict=True):
        target.append(slice(max(0, -by), size - max(0, by)))
        origin.append(slice(max(0, by), size - max(0, -by)))
    found[..., target[0], target[1]] = images[..., origin[0], origin[1]]
    return found
