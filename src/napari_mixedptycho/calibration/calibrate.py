"""All that the patterns themselves tell of the instrument."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.calibration.aberrations import Aberrations, fit_aberrations
from napari_mixedptycho.calibration.bright_field import Bands, Stack, bright_field
from napari_mixedptycho.calibration.centre_of_mass import Curl, Descan, Maps, curl, descan, maps
from napari_mixedptycho.calibration.disk import Disk, find_disk
from napari_mixedptycho.calibration.measured import Measured
from napari_mixedptycho.calibration.pixels import BadPixels, Moments, bad_pixels, mended, moments
from napari_mixedptycho.calibration.sign import Sign, sign
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.orientation import Orientation

_FEWEST = 8
"""Scan points along an axis, below which nothing can be said about direction and defocus."""


@dataclass(frozen=True)
class Calibration:
    """What was found; pixels are those of the patterns as stored.

    Attributes
    ----------
    pixels, moments
        Hot and dead pixels, and the mean pattern.
    disk
        Centre and radius.
    sampling
        1/Å per pixel, from the semi-angle.
    maps, descan
        Centre of mass and dark field of every pattern, and the plane of the former, px.
    curl
        Rotation from the centre of mass.
    bands, aberrations, sign
        Bright field, what it says, and whether its phase is upright; None: too few scan points.
    rotation
        Degrees, of the scan's x axis from the detector's (set right) towards its y axis; −45 to 45.
    orientation
        How the stored patterns must be set right.
    defocus
        Å, from the middle of the specimen to the crossover below it.
    dose
        Electrons per Å²; None: not known.
    """

    pixels: BadPixels
    moments: Moments
    disk: Disk
    sampling: Measured
    maps: Maps
    descan: Descan
    curl: Curl
    bands: Bands | None
    aberrations: Aberrations | None
    sign: Sign | None
    rotation: Measured
    orientation: Orientation
    defocus: Measured | None
    dose: Measured | None


def calibrate(
    rows: Iterable[NDArray[Any]],
    semiangle: float,
    wavelength: float,
    step: float,
    electrons_per_unit: float | None = None,
) -> Calibration:
    """Estimate whatever the patterns tell of the instrument.

    Parameters
    ----------
    rows
        Patterns, scan row (scan_x, ky, kx) after scan row; gone through three times.
    semiangle, wavelength, step
        mrad, Å, Å between scan points.
    electrons_per_unit
        Electrons of one stored unit; None: unknown.

    Raises
    ------
    InputError
        When there is no bright-field disk, or patterns hold NaN.
    """
    seen = moments(rows)
    if not np.isfinite(seen.mean).all():
        raise InputError("The patterns hold NaN or infinite values; replace or mask them.")
    pixels = bad_pixels(seen)
    disk = find_disk(mended(seen.mean, pixels.bad), ~pixels.bad)
    sampling = disk.sampling(semiangle, wavelength)
    found = maps(rows, disk, pixels.bad)
    slope = descan(found.center)
    shape = (int(found.dark.shape[0]), int(found.dark.shape[1]))
    plane = slope.plane(shape)
    turned = curl(found.center - plane)
    bands = aberrations = evidence = None
    rotation, transpose, defocus = turned.rotation, turned.transpose, None
    if min(shape) >= _FEWEST:
        optics, wander = (wavelength, step, sampling.value), plane - slope.offset[:, None, None]
        bands, aberrations, evidence = _upright(
            bright_field(rows, found.dark, disk, pixels.bad, wander, optics)
        )
        rotation, defocus = (
            Measured(float(value), float(error))
            for value, error in zip(aberrations.parameters[:2], aberrations.errors[:2], strict=True)
        )
        transpose = aberrations.transpose
    angle, orientation = set_right(rotation.value, transpose)
    best = (bands, aberrations, evidence, Measured(angle, rotation.error), orientation, defocus)
    dose = _dose(seen, step, electrons_per_unit)
    return Calibration(pixels, seen, disk, sampling, found, slope, turned, *best, dose)


def _upright(stack: Stack) -> tuple[Bands, Aberrations, Sign]:
    """Return what the bright field says, turned so that atoms are bright."""
    found, bands = fit_aberrations(stack)
    evidence = sign(bands, found)
    if evidence.positive:
        return bands, found, evidence
    found = found.reversed()
    return bands, found, sign(bands, found)


def set_right(rotation: float, transpose: bool) -> tuple[float, Orientation]:
    """Return rotation and transposition as a rotation of at most 45° and one of eight orientations.

    Turning the scan by a quarter is the same as turning the detector back by one.
    """
    quarters = round(rotation / 90)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])  # (y, x): a quarter from y towards x
    matrix = np.linalg.matrix_power(turn, quarters % 4) @ Orientation(transpose).matrix
    return rotation - 90 * quarters, Orientation.of(matrix.round())


def _dose(seen: Moments, step: float, unit: float | None) -> Measured | None:
    if unit is None:
        return None
    each = seen.totals * unit / step**2
    return Measured(float(each.mean()), float(each.std() / np.sqrt(each.size)))
