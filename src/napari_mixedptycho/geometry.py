"""How the object grid lies over the scanned field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Dataset, turning

_MARGIN = 3
"""Object pixels beyond the outermost window, so that refined positions can move."""


@dataclass(frozen=True)
class Geometry:
    """The object grid.

    Attributes
    ----------
    size
        Edge of the probe window and of the padded detector, px.
    sampling
        Å per object pixel.
    shape
        Object (y, x), px.
    origin
        Position (y, x) of object pixel (0, 0), Å, from the first scan point along the detector's axes.
    slice_spacing
        Å.
    """

    size: int
    sampling: float
    shape: tuple[int, int]
    origin: tuple[float, float]
    slice_spacing: float

    @classmethod
    def of(cls, dataset: Dataset, size: int, slice_spacing: float) -> Geometry:
        """Lay a grid whose windows of `size` px around all scan points fit in."""
        sampling = 1.0 / (size * dataset.detector_sampling)
        margin = size // 2 + _MARGIN
        points = scan_points(dataset)
        first, last = points.min(axis=0), points.max(axis=0)
        shape = np.ceil((last - first) / sampling).astype(int) + size + 2 * _MARGIN
        y, x = (float(start) - margin * sampling for start in first)
        return cls(size, sampling, (int(shape[0]), int(shape[1])), (y, x), slice_spacing)

    def positions(self, dataset: Dataset) -> NDArray[np.float64]:
        """Return the scan points (position, 2) on the object grid, px; row after row."""
        return self.to_pixels(scan_points(dataset))

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scan frame (…, 2), Å, to object pixels."""
        pixels: NDArray[np.float64] = (np.asarray(points) - self.origin) / self.sampling
        return pixels

    def to_angstroms(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Object pixels (…, 2) to the scan frame, Å."""
        points: NDArray[np.float64] = np.asarray(pixels) * self.sampling + self.origin
        return points


def scan_points(dataset: Dataset) -> NDArray[np.float64]:
    """Return the scan points (position, 2), Å from the first along the detector's axes; row after row."""
    grid = np.indices(dataset.scan_shape).reshape(2, -1).T.astype(np.float64) * dataset.scan_step
    return grid @ turning(dataset.scan_rotation).T if dataset.scan_rotation else grid


def scan_corners(shape: tuple[int, int], step: float, rotation: float) -> NDArray[np.float64]:
    """Return the scan's corners (4, 2), Å from the first point along the detector's axes, in turn.

    Parameters
    ----------
    shape, step, rotation
        Scan points, Å between them, and degrees by which the scan is turned (`dataset.turning`).
    """
    height, width = (n - 1 for n in shape)
    corners = np.array([[0, 0], [0, width], [height, width], [height, 0]]) * step
    found: NDArray[np.float64] = corners @ turning(rotation).T
    return found


def padded_size(dataset: Dataset, factor: float) -> int:
    """Return an even edge, px, of at least `factor` × the detector, with no prime factor above 5."""
    size = int(np.ceil(dataset.detector_size * factor - 1e-9))
    while size % 2 or not _smooth(size):
        size += 1
    return size


def _smooth(size: int) -> bool:
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    return size == 1
