"""The centre of mass of each pattern: descan, the direction of the scan, and the integrated phase.

For a thin specimen it is the gradient of the phase, seen with the probe's intensity (Müller et al., *Nat.
Commun.* 5, 5653 (2014)); a gradient has no curl, which tells how the scan is turned against the detector.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.calibration.disk import Disk
from napari_mixedptycho.calibration.measured import Measured, jackknife
from napari_mixedptycho.calibration.pixels import Mending

Floats = NDArray[np.float64]
_REACH = 1.3
"""Radii of the disk within which the centre of mass is taken: beyond, there is more noise than deflection."""


@dataclass(frozen=True)
class Maps:
    """What single patterns tell.

    Attributes
    ----------
    center
        (2, scan_y, scan_x): centre of mass y, x, px from the disk's centre.
    dark
        (scan_y, scan_x): part of the intensity that lies outside the disk.
    """

    center: Floats
    dark: Floats


@dataclass(frozen=True)
class Descan:
    """The plane that patterns wander along while the beam scans.

    Attributes
    ----------
    slope
        (2, 2) px per scan point: of the centre's y, x (rows) with scan y, x (columns).
    error
        (2, 2): its standard uncertainty.
    offset
        (2,) px: the plane at the middle of the scan.
    """

    slope: Floats
    error: Floats
    offset: Floats

    def plane(self, shape: tuple[int, int]) -> Floats:
        """Return how far each pattern lies off, (2, scan_y, scan_x), px."""
        found: Floats = self.offset[:, None, None] + np.einsum("ij,jyx->iyx", self.slope, _from_middle(shape))
        return found


@dataclass(frozen=True)
class Curl:
    """How well each rotation explains the centres of mass as a gradient.

    Attributes
    ----------
    rotation
        Degrees, of the scan's x axis from the detector's x axis towards its y axis; ±180° are not told apart.
    transpose
        The detector's axes are swapped.
    angles
        (angle,) degrees, of the picture.
    straight, swapped
        (angle,): rms of the curl as a part of that of the vectors, for detectors as stored and transposed.
    """

    rotation: Measured
    transpose: bool
    angles: Floats
    straight: Floats
    swapped: Floats


def maps(rows: Iterable[NDArray[Any]], disk: Disk, bad: NDArray[np.bool_]) -> Maps:
    """Take the centre of mass and the dark field of every pattern, scan row after scan row."""
    y, x = (np.asarray(along) for along in np.indices(disk.pattern.shape))
    from_y, from_x = y - disk.center[0].value, x - disk.center[1].value
    ring: Floats = np.hypot(from_y, from_x) / disk.radius.value
    near, outside = ring < _REACH, (ring > 1 + 1.5 / disk.radius.value) & ~bad
    mend, centers, dark = Mending(bad & near), [], []
    for row in rows:
        values = mend(row)
        total = values[:, near].sum(axis=1)
        total = np.where(total > 0, total, np.inf)  # an empty pattern tells nothing
        centers.append([values[:, near] @ k[near] / total for k in (from_y, from_x)])
        dark.append(values[:, outside].sum(axis=1) / total)
    return Maps(np.stack(centers, axis=1).astype(np.float64), np.stack(dark))


def descan(center: Floats) -> Descan:
    """Fit a plane to centres of mass (2, scan_y, scan_x), px; far outliers are left out."""
    shape = (int(center.shape[1]), int(center.shape[2]))
    place = _from_middle(shape)
    usable = np.ones(shape, bool)
    for _ in range(3):
        left = center - np.einsum("ci,cyx->iyx", _plane(center, place, usable), _design(place))
        spread = 1.4826 * np.median(np.abs(left - np.median(left, axis=(1, 2), keepdims=True)), axis=(1, 2))
        usable = (np.abs(left) < 5 * spread[:, None, None] + 1e-12).all(axis=0)
    found = _plane(center, place, usable)
    error = jackknife(lambda kept: _plane(center, place, usable & kept), shape)
    return Descan(found[1:].T, error[1:].T, found[0])


def curl(vectors: Floats) -> Curl:
    """Find the rotation, and whether axes are swapped, for which vectors (2, scan_y, scan_x) have no curl.

    In Fourier space the curl is the part across the frequency: the angle that minimises it has a closed form,
    and noise counts the same at every frequency.
    """
    shape = (int(vectors.shape[1]), int(vectors.shape[2]))
    angles = np.arange(-90.0, 90.5, 1.0)
    curves, best = [], []
    for swap in (False, True):
        along, across = _parts(vectors[::-1] if swap else vectors, np.ones(shape, bool))
        whole = float((np.abs(along) ** 2 + np.abs(across) ** 2).sum())
        turn = np.deg2rad(angles)[:, None]
        rest = (np.abs(np.cos(turn) * across - np.sin(turn) * along) ** 2).sum(axis=1)
        curves.append(np.sqrt(rest / whole))
        best.append(_angle(along, across))
    swap = bool(curves[1].min() < curves[0].min())
    chosen = vectors[::-1] if swap else vectors

    def turned(kept: NDArray[np.bool_]) -> Floats:
        off = _angle(*_parts(chosen, kept)) - best[swap]
        return np.array([(off + 90) % 180 - 90])

    error = float(jackknife(turned, shape, 3)[0])
    return Curl(Measured(best[swap], error), swap, angles, curves[0], curves[1])


def integrated(gradient: Floats, step: float, sampling: float) -> Floats:
    """Return the phase (scan_y, scan_x), rad, whose gradient centres of mass (2, scan_y, scan_x), px, are.

    Parameters
    ----------
    gradient
        Along scan y and x.
    step, sampling
        Å between scan points, and 1/Å per detector pixel.
    """
    shape = gradient.shape[1:]
    q = np.stack(np.meshgrid(*[np.fft.fftfreq(2 * n, step) for n in shape], indexing="ij"))
    # Mirrored at the edges, so that no step across them is integrated.
    y = np.concatenate([gradient[0], -gradient[0][::-1]])
    y = np.concatenate([y, y[:, ::-1]], axis=1)
    x = np.concatenate([gradient[1], -gradient[1][:, ::-1]], axis=1)
    x = np.concatenate([x, x[::-1]], axis=0)
    square = (q**2).sum(axis=0)
    square[0, 0] = 1.0  # the mean, which is left out
    spectrum = (q[0] * np.fft.fft2(y) + q[1] * np.fft.fft2(x)) / (1j * square)
    phase = np.fft.ifft2(spectrum).real[: shape[0], : shape[1]] * sampling
    found: Floats = phase - phase.mean()
    return found


def _from_middle(shape: tuple[int, int]) -> Floats:
    place = np.indices(shape).astype(np.float64)
    return place - (np.array(shape)[:, None, None] - 1) / 2


def _design(place: Floats) -> Floats:
    return np.concatenate([np.ones((1, *place.shape[1:])), place])


def _plane(center: Floats, place: Floats, usable: NDArray[np.bool_]) -> Floats:
    """Return offset and slopes (3, 2)."""
    columns = _design(place)[:, usable].T
    found: Floats = np.linalg.lstsq(columns, center[:, usable].T, rcond=None)[0].astype(np.float64)
    return found


def _parts(vectors: Floats, kept: NDArray[np.bool_]) -> tuple[Any, Any]:
    """Return the parts of the spectrum along and across the frequency, of a tapered scan."""
    rows, columns = kept.shape
    taper = np.hanning(rows + 2)[1:-1, None] * np.hanning(columns + 2)[1:-1] * kept
    mean = (vectors * taper).sum(axis=(1, 2), keepdims=True) / max(taper.sum(), 1e-12)
    spectra = np.fft.fft2((vectors - mean) * taper)
    qy, qx = np.fft.fftfreq(rows)[:, None] * rows, np.fft.fftfreq(columns) * columns
    ring = np.hypot(qy, qx)
    far = ring >= 2.0  # nearer to zero the taper mixes directions
    y, x = (qy / np.maximum(ring, 1))[far], (np.broadcast_to(qx, ring.shape) / np.maximum(ring, 1))[far]
    return (y * spectra[0][far] + x * spectra[1][far], x * spectra[0][far] - y * spectra[1][far])


def _angle(along: Any, across: Any) -> float:
    """Return the angle, degrees within ±90, by which a gradient must be turned to give these parts."""
    mixed = 2 * float((along * across.conj()).real.sum())
    return float(np.rad2deg(0.5 * np.arctan2(mixed, float((np.abs(along) ** 2 - np.abs(across) ** 2).sum()))))
