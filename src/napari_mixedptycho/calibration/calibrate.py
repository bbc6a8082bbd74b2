"""All that the patterns themselves tell of the instrument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.calibration.aberrations import Aberrations, Tell, fit_aberrations, silent
from napari_mixedptycho.calibration.bright_field import Bands, Stack, bright_field
from napari_mixedptycho.calibration.centre_of_mass import Curl, Descan, Maps, curl, descan, maps
from napari_mixedptycho.calibration.disk import Disk, find_disk
from napari_mixedptycho.calibration.measured import Measured
from napari_mixedptycho.calibration.pixels import BadPixels, Mending, Moments, bad_pixels, moments
from napari_mixedptycho.calibration.sign import Sign, sign
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.stored import Stored

FEWEST = 8
"""Scan points along an axis, below which nothing can be said about direction, defocus and descan."""
_PASSES = 3
"""How often `calibrate` goes through the patterns."""


@dataclass(frozen=True)
class Calibration:
    """What was found; pixels are those of the patterns as stored.

    Attributes
    ----------
    pixels, moments
        Hot and dead pixels among those that are measured, and the mean pattern, zero where nothing is.
    disk
        Centre and radius.
    sampling
        1/Å per pixel, from the semi-angle.
    maps
        Centre of mass and dark field of every pattern, px.
    dose
        Electrons per Å²; None: not known.
    descan
        Plane of the centres of mass, px.
    curl
        Rotation from the centre of mass.
    stack, bands, aberrations, sign
        Bright field, its transform, what it says, and whether its phase is upright.
    rotation
        Degrees, of the scan's x axis from the detector's (set right) towards its y axis; −45 to 45.
    orientation
        How the stored patterns must be set right; as they are where that cannot be measured.
    defocus
        Å, from the middle of the specimen to the crossover below it.
    astigmatism
        C12a, C12b, Å, on the detector set right.

    mask
        (ky, kx), True where the data set had a measured pixel; None: everywhere.

    From `descan` to `astigmatism` None (and the orientation as stored): too few scan points (`FEWEST`).
    """

    pixels: BadPixels
    moments: Moments
    disk: Disk
    sampling: Measured
    maps: Maps
    dose: Measured | None
    descan: Descan | None = None
    curl: Curl | None = None
    stack: Stack | None = None
    bands: Bands | None = None
    aberrations: Aberrations | None = None
    sign: Sign | None = None
    rotation: Measured | None = None
    orientation: Orientation = field(default_factory=Orientation)
    defocus: Measured | None = None
    astigmatism: tuple[Measured, Measured] | None = None
    mask: NDArray[np.bool_] | None = None

    @property
    def bad(self) -> NDArray[np.bool_]:
        """(ky, kx): pixels that had no say, since they are hot, dead, or masked."""
        return _unbelieved(self.pixels, self.mask)

    @property
    def masked(self) -> int:
        """How many pixels the data set left out."""
        return 0 if self.mask is None else int((~self.mask).sum())

    @property
    def slope(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Descan on the detector set right, px of ky, kx (rows) per scan row, column, and its uncertainty."""
        if self.descan is None:
            return None
        matrix = self.orientation.matrix
        return matrix @ self.descan.slope, np.abs(matrix) @ self.descan.error

    def upside_down(self) -> Calibration:
        """Return the same with the detector turned by 180°, which inverts phase, defocus and astigmatism.

        The bright field leaves that open; what is measured otherwise stays.
        """
        turned = Orientation.of(-self.orientation.matrix)
        aberrations = None if self.aberrations is None else self.aberrations.reversed()
        evidence = None if self.sign is None else self.sign.inverted()
        pair = self.astigmatism
        return replace(
            self,
            orientation=turned,
            aberrations=aberrations,
            sign=evidence,
            defocus=None if self.defocus is None else self.defocus.negated(),
            astigmatism=None if pair is None else (pair[0].negated(), pair[1].negated()),
        )


def calibrate(dataset: Dataset, told: Tell = silent, read: Tell = silent) -> Calibration:
    """Estimate whatever the patterns tell of the instrument.

    Parameters
    ----------
    dataset
        Patterns as stored, not set right, which are gone through three times, row by row; semi-angle,
        energy, scan step and, for the dose, electrons of one stored unit. Pixels that its mask leaves out
        have no say.
    told
        Hears, after the patterns were read, which part of the fit is done; may raise to end it.
    read
        Hears which part of the reading is done; may raise to end it.

    Raises
    ------
    InputError
        When there is no bright-field disk, the mask hides too much of it, or patterns hold NaN.
    """
    rows = _Rows(dataset, read)
    seen = moments(rows)
    if not np.isfinite(seen.mean).all():
        raise InputError("The patterns hold NaN or infinite values; replace or mask them.")
    pixels = bad_pixels(seen, dataset.mask)
    bad = _unbelieved(pixels, dataset.mask)
    disk = find_disk(Mending(bad)(seen.mean), ~bad)
    sampling = disk.sampling(dataset.semiangle, dataset.wavelength)
    found = maps(rows, disk, bad)
    dose = _dose(seen, dataset.scan_step, dataset.electrons_per_unit)
    begun = Calibration(pixels, seen, disk, sampling, found, dose, mask=dataset.mask)
    if min(dataset.scan_shape) < FEWEST:
        return begun
    return _directed(begun, rows, (dataset.wavelength, dataset.scan_step, sampling.value), told)


def _unbelieved(pixels: BadPixels, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    return pixels.bad if mask is None else pixels.bad | ~mask


class _Rows:
    """Rows of patterns, zero where nothing was measured, that tell how many of them were read."""

    def __init__(self, dataset: Dataset, read: Tell) -> None:
        patterns = dataset.patterns
        stored = patterns if isinstance(patterns, Stored) else Stored.of(patterns)
        self._rows = stored if dataset.mask is None else stored.masked(dataset.mask)
        self._read, self._done = read, 0

    def __iter__(self) -> Iterator[NDArray[Any]]:
        for row in self._rows:
            yield row
            self._done += 1
            self._read(min(self._done / (_PASSES * len(self._rows)), 1.0))


def _directed(
    begun: Calibration, rows: Iterable[NDArray[Any]], optics: tuple[float, float, float], told: Tell
) -> Calibration:
    """Return the calibration with what takes many scan points: descan, direction, focus.

    `optics` are wavelength (Å), scan step (Å) and detector sampling (1/Å).
    """
    found = begun.maps
    slope = descan(found.center)
    plane = slope.plane((int(found.dark.shape[0]), int(found.dark.shape[1])))
    wander = plane - slope.offset[:, None, None]
    stack = bright_field(rows, found.dark, begun.disk, begun.bad, wander, optics)
    bands, best, evidence = _upright(stack, told)
    angle, orientation = set_right(best.rotation, best.transpose)
    # A quarter turn of the detector takes C12 to −C12.
    quarters = round(best.rotation / 90)
    values = best.parameters * np.array([1, 1, (-1) ** quarters, (-1) ** quarters])
    errors = _honest(best)
    _, defocus, *pair = (Measured(float(v), float(e)) for v, e in zip(values, errors, strict=True))
    return replace(
        begun,
        descan=slope,
        curl=curl(found.center - plane),
        stack=stack,
        bands=bands,
        aberrations=best,
        sign=evidence,
        rotation=Measured(angle, float(errors[0])),
        orientation=orientation,
        defocus=defocus,
        astigmatism=(pair[0], pair[1]),
    )


def _honest(found: Aberrations) -> NDArray[np.float64]:
    """Return standard uncertainties of rotation, defocus, C12a, C12b that hold more than counting noise.

    What a first-order model leaves out is not noise. Chosen so that the errors of 60 simulated scans are
    what is stated (docs/calibration.md).
    """
    focus = np.hypot(0.015 * found.defocus, 0.5)
    errors: NDArray[np.float64] = np.hypot(2 * found.errors, np.array([0.05, focus, focus, focus]))
    return errors


def _upright(stack: Stack, told: Tell) -> tuple[Bands, Aberrations, Sign]:
    """Return what the bright field says, turned so that atoms are bright."""
    found, bands = fit_aberrations(stack, told=told)
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
    error = float(each.std() / np.sqrt(each.size)) if each.size > 1 else np.nan
    return Measured(float(each.mean()), error)
