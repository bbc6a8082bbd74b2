"""Where angles lie on the detector, and how the scan lies to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.binning import binned
from napari_mixedptycho.calibration.disk import find_disk
from napari_mixedptycho.dataset import Dataset, turning
from napari_mixedptycho.errors import InputError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Frame:
    """What must be known of detector and scan to give virtual images their units.

    Attributes
    ----------
    shape
        (ky, kx) px of a pattern.
    center
        Zero angle (y, x), px, at the middle of the scan.
    radius
        Of the bright-field disk, px.
    sampling, wavelength
        1/Å per px, Å; None: not known, and vectors stay in px.
    step
        Å between scan points; None: not known.
    rotation
        Degrees, of the scan's x axis from the detector's x axis towards its y axis.
    wander
        (2, 2) px: how the zero angle (y, x) moves per scan row, and per scan column; None: not at all.
    mask
        (ky, kx), True where a pixel is measured; None: all are.
    """

    shape: tuple[int, int]
    center: tuple[float, float]
    radius: float
    sampling: float | None = None
    wavelength: float | None = None
    step: float | None = None
    rotation: float = 0.0
    wander: Floats | None = None
    mask: Mask | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> Frame:
        """Take a data set's numbers: zero angle at ``n // 2`` and where descan puts it; reads no pattern."""
        size, descan = dataset.detector_size, dataset.descan
        middle = np.full(2, float(size // 2))
        if descan is not None:
            middle = middle + descan[0] + (np.array(dataset.scan_shape) - 1) / 2 @ descan[1:]
        return cls(
            (size, size),
            (float(middle[0]), float(middle[1])),
            dataset.semiangle * 1e-3 / dataset.wavelength / dataset.detector_sampling,
            dataset.detector_sampling,
            dataset.wavelength,
            dataset.scan_step,
            dataset.scan_rotation,
            None if descan is None else descan[1:],
            dataset.mask,
        )

    @classmethod
    def found(cls, mean: Floats, mask: Mask | None = None, *, edge: int | None = None) -> Frame:
        """Find the bright-field disk on a mean pattern (ky, kx) of which nothing else is known.

        Where there is none, the middle of the light stands for it.

        Parameters
        ----------
        mean, mask
            The pattern, and which of its pixels are measured.
        edge
            Look at so many pixels along each axis, about, for an answer at once: finer ones are added up.
        """
        shape = (int(mean.shape[0]), int(mean.shape[1]))
        there = np.isfinite(mean) if mask is None else np.isfinite(mean) & mask
        factor = max(1, min(shape) // edge) if edge else 1
        pattern, good = binned(np.where(there, mean, 0.0), factor), binned(~there, factor) == 0
        try:
            disk = find_disk(np.where(good, pattern, 0.0), good)
        except (InputError, ValueError, np.linalg.LinAlgError):
            return cls(shape, _middle(np.where(there, mean, 0.0)), min(shape) / 8, mask=mask)
        y, x = (factor * (axis.value + 0.5) - 0.5 for axis in disk.center)
        return cls(shape, (y, x), factor * disk.radius.value, mask=mask)

    @property
    def measured(self) -> Mask:
        """(ky, kx): pixels that count."""
        return np.ones(self.shape, bool) if self.mask is None else self.mask

    def angle(self, pixels: float) -> float:
        """Return the scattering angle, mrad, of a distance in px from the zero angle.

        Raises
        ------
        InputError
            When sampling or wavelength are not known.
        """
        return pixels * self.needed("sampling") * self.needed("wavelength") * 1e3

    def pixels(self, angle: float) -> float:
        """Return the distance in px from the zero angle of a scattering angle, mrad; errors as `angle`."""
        return angle / self.angle(1.0)

    def ring(self, inner: float, outer: float = np.inf) -> Mask:
        """Return the measured pixels (ky, kx) from `inner` to before `outer`, px from the zero angle."""
        return ring(self.shape, self.center, inner, outer) & self.measured

    def in_scan(self, vectors: Any) -> Floats:
        """Turn vectors (2, …) along the detector's y and x to the scan's y and x."""
        turned: Floats = np.tensordot(turning(self.rotation).T, np.asarray(vectors, np.float64), 1)
        return turned

    def needed(self, name: str) -> float:
        """Return one of the numbers that may be unknown.

        Raises
        ------
        InputError
            When it is.
        """
        value: float | None = getattr(self, name)
        if value is None:
            raise InputError(f"The {name} is not known; set it to see the images in their units.")
        return value


def ring(shape: tuple[int, int], center: tuple[float, float], inner: float, outer: float = np.inf) -> Mask:
    """Return the pixels (ky, kx) whose centres lie from `inner` to before `outer` of a point, all in px.

    Rings that meet share no pixel and leave none out, so that their images add up.
    """
    y, x = np.ogrid[: shape[0], : shape[1]]
    distance = np.hypot(y - center[0], x - center[1])
    found: Mask = (distance >= inner) & (distance < outer)
    return found


def _middle(pattern: Floats) -> tuple[float, float]:
    """Return the centre of mass (y, x), px, of what is positive; ``n // 2`` of an empty pattern."""
    light = np.clip(pattern, 0, None)
    total = float(light.sum())
    if not total > 0:
        return float(pattern.shape[0] // 2), float(pattern.shape[1] // 2)
    y, x = (np.arange(n, dtype=np.float64) for n in pattern.shape)
    return float(light.sum(axis=1) @ y / total), float(light.sum(axis=0) @ x / total)
