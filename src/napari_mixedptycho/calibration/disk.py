"""The bright-field disk: where its centre is, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.optimize import least_squares
from scipy.special import erf

from napari_mixedptycho.calibration.measured import Measured
from napari_mixedptycho.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Disk:
    """The disk on the detector.

    Attributes
    ----------
    center
        (y, x), px of the pattern as it is stored.
    radius
        px: where half of the intensity is reached.
    edge
        Width of the edge (standard deviation), px.
    pattern, fitted
        (ky, kx): what was looked at, and the model; NaN where it was not compared.
    """

    center: tuple[Measured, Measured]
    radius: Measured
    edge: float
    pattern: Floats
    fitted: Floats

    def sampling(self, semiangle: float, wavelength: float) -> Measured:
        """Return 1/Å per pixel from the semi-angle (mrad) and the wavelength (Å)."""
        found = semiangle * 1e-3 / wavelength / self.radius.value
        return Measured(found, found * self.radius.error / self.radius.value)


def find_disk(pattern: Floats, good: NDArray[np.bool_] | None = None) -> Disk:
    """Fit a disk with a soft edge to a mean pattern.

    Inside, the intensity is a parabola in y and x; outside it decays with the square of the angle. Both
    are found by linear least squares for each trial of centre, radius and edge (variable projection; Golub &
    Pereyra, *SIAM J. Numer. Anal.* 10, 413 (1973)). The radius is that of half intensity, so that a pixel
    which the edge crosses counts by the part of it that is lit.

    Parameters
    ----------
    pattern
        (ky, kx), any unit.
    good
        Pixels to believe; None: all.

    Raises
    ------
    InputError
        When there is no disk of at least two pixels' radius.
    """
    trusted = np.ones(pattern.shape, bool) if good is None else good
    start = _rough(np.where(trusted, pattern, 0.0))
    y, x = (np.asarray(along) for along in np.indices(pattern.shape))
    distance = np.hypot(y - start[0], x - start[1])
    used = trusted & (np.abs(distance / start[2] - 1) < 0.45 + 2 / start[2])
    values = pattern[used] / pattern[used].max()
    places = np.stack([y[used], x[used]]).astype(float)

    def residual(parameters: Floats) -> Floats:
        left: Floats = _model(parameters, places, values) - values
        return left

    low = [start[0] - start[2], start[1] - start[2], 0.5 * start[2], 0.05]
    high = [start[0] + start[2], start[1] + start[2], 1.6 * start[2] + 1, max(1.0, 0.4 * start[2])]
    found = least_squares(residual, [*start, 0.4], bounds=(low, high), x_scale=[0.1, 0.1, 0.1, 0.1])
    center_y, center_x, radius, edge = (float(value) for value in found.x)
    left = float((found.fun**2).sum()) / max(values.size - 10, 1)
    errors = np.sqrt(np.maximum(np.diag(np.linalg.pinv(found.jac.T @ found.jac)), 0) * left)
    if radius < 2:
        raise InputError(f"The bright-field disk has a radius of {radius:.2g} px; at least 2 px are needed.")
    fitted = np.full(pattern.shape, np.nan)
    fitted[used] = _model(found.x, places, values) * pattern[used].max()
    center = (Measured(center_y, float(errors[0])), Measured(center_x, float(errors[1])))
    return Disk(center, Measured(radius, float(errors[2])), edge, pattern, fitted)


def _rough(pattern: Floats) -> tuple[float, float, float]:
    """Return centre y, x and radius from the largest bright area."""
    if not (np.isfinite(pattern).all() and pattern.max() > 0):
        raise InputError("The mean pattern holds NaN or nothing at all; there is no bright-field disk.")
    # A few bright pixels must not set the level: the disk's brightness is that of its own median.
    level = 0.5 * float(np.sort(pattern, axis=None)[-max(9, pattern.size // 200)])
    for _ in range(3):
        bright = pattern > level
        level = 0.5 * float(np.median(pattern[bright]))
    areas, _ = label(pattern > level)
    sizes = np.bincount(areas.ravel())[1:]
    chosen = areas == 1 + int(np.argmax(sizes))
    y, x = np.nonzero(chosen)
    return float(y.mean()), float(x.mean()), max(1.5, float(np.sqrt(chosen.sum() / np.pi)))


def _model(parameters: Floats, places: Floats, values: Floats) -> Floats:
    """Return the disk that fits best with these centre, radius and edge."""
    y, x = (places[0] - parameters[0]) / parameters[2], (places[1] - parameters[1]) / parameters[2]
    ring = np.hypot(y, x)
    lit = 0.5 * (1 + erf((1 - ring) * parameters[2] / (np.sqrt(2) * parameters[3])))
    one = np.ones_like(ring)
    inside = np.stack([one, y, x, y * y, x * x, y * x])
    # An outside that may do what it likes near the edge would take the edge's place.
    outside = np.stack([one, 1 / np.maximum(ring, 0.5) ** 2])
    columns = np.concatenate([inside * lit, outside * (1 - lit)]).T
    model: Floats = columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    return model
