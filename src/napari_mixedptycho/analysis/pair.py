"""Two results of the same place: how far apart, how alike at which detail, how noisy, made how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree
from skimage.registration import phase_cross_correlation

from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.analysis.motion import find_columns, scan_positions
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result
from napari_mixedptycho.settings import Settings

_HANN = 18 / 35
"""Independent Fourier coefficients along an axis of which a Hann window leaves so many: (Σw²)²/(n·Σw⁴)."""


class PairSettings(Settings):
    """How two results are compared."""

    threshold: float = Field(
        1 / 7,
        gt=0,
        lt=1,
        description="The Fourier ring correlation at which two images no longer agree; 1/7 is usual for "
        "images of independent halves of the data.",
    )
    clear: float = Field(
        0.7, gt=0, le=20, description="Farther than this from every column, Å, what varies counts as noise."
    )


@dataclass(frozen=True)
class Rings:
    """Means over rings of equal spatial frequency.

    Attributes
    ----------
    frequency
        (ring,) 1/Å.
    value
        (ring,).
    """

    frequency: Floats
    value: Floats


@dataclass(frozen=True)
class Pair:
    """The mean phases of two results, brought to the same place.

    Attributes
    ----------
    sampling, origin
        Pixel, Å, and position (y, x) of the first pixel in the scan frame of the first result, Å.
    one, other
        (y, x) mean projected phases inside the scanned field, rad; the other one moved onto the first, both
        without mean and slope.
    shift
        (2,) by which the other lies farther along y and x, Å.
    ramp
        (2,) slope of the other's phase against the first's, rad/Å.
    agreement
        Fourier ring correlation.
    resolution
        Frequency, 1/Å, at which it first falls below the threshold; None where it never does.
    half_bit
        The half-bit threshold of each ring of `agreement`.
    information
        Frequency, 1/Å, at which the ring correlation first falls below it: the information limit; None where
        it never does.
    power
        Of both, rad² Å².
    noise
        Of both: sd between the columns ÷ median height of the columns; NaN without columns.
    recipes
        The settings in which they differ, with both values.
    """

    sampling: float
    origin: tuple[float, float]
    one: Floats
    other: Floats
    shift: Floats
    ramp: Floats
    agreement: Rings
    resolution: float | None
    half_bit: Rings
    information: float | None
    power: tuple[Rings, Rings]
    noise: tuple[float, float]
    recipes: Mapping[str, tuple[Any, Any]]

    @property
    def difference(self) -> float:
        """Rms of the difference ÷ rms of the first."""
        return float(np.sqrt(((self.other - self.one) ** 2).mean() / (self.one**2).mean()))


def pair(one: Result, other: Result, settings: PairSettings | None = None) -> Pair:
    """Compare the mean phases of two results of the same place.

    Ptychography leaves a common shift and a phase ramp open; both are taken out.

    Parameters
    ----------
    one, other
        Pixels may differ; the scan frame must be the same but for a small shift.
    settings
        What counts as agreement and as noise.

    Raises
    ------
    InputError
        When they share less than 16 × 16 pixels.
    """
    chosen = settings or PairSettings()
    first, corner = _inside(one)
    there = _on(other, first.shape, corner, one.sampling)
    missing = ~np.isfinite(there)
    if missing.mean() > 0.5 or min(first.shape) < 16:
        raise InputError(
            f"{one.name} and {other.name} share too little of the scanned field to be compared; are they of "
            "the same place?"
        )
    first, ramp_one = _flat(first)
    window = np.outer(*(np.hanning(n) for n in first.shape))
    still = np.where(missing, 0.0, _flat(np.where(missing, np.nanmean(there), there))[0])
    found, *_ = phase_cross_correlation(  # type: ignore[no-untyped-call]
        first * window, still * window, upsample_factor=50, normalization=None
    )
    shift = -np.asarray(found, dtype=np.float64) * one.sampling
    there = _on(other, first.shape, corner, one.sampling, shift)
    there = np.where(np.isfinite(there), there, np.nanmean(there))
    second, ramp_other = _flat(there)
    agreement = ring_correlation(first, second, one.sampling)
    limit = half_bit(first.shape, one.sampling)
    return Pair(
        one.sampling,
        (float(corner[0]), float(corner[1])),
        first,
        second,
        shift,
        (ramp_other - ramp_one) / one.sampling,
        agreement,
        _falls_below(agreement, chosen.threshold),
        limit,
        _falls_below(agreement, limit.value),
        (power_spectrum(first, one.sampling), power_spectrum(second, one.sampling)),
        (noise(one, chosen.clear), noise(other, chosen.clear)),
        differing(one.recipe, other.recipe),
    )


def ring_correlation(one: Floats, other: Floats, sampling: float) -> Rings:
    """Return the Fourier ring correlation of two images (y, x): 1 of equal ones, near 0 of unrelated ones.

    ``Σ F₁·F₂* / √(Σ|F₁|²·Σ|F₂|²)`` over rings, of images faded out at the border (Saxton & Baumeister, J.
    Microsc. 127, 127, 1982).
    """
    left, right = (_spectrum(image) for image in (one, other))
    frequency, label = _rings(one.shape, sampling)
    product, first, second = (
        np.bincount(label, part.ravel())
        for part in ((left * right.conj()).real, np.abs(left) ** 2, np.abs(right) ** 2)
    )
    scale = np.sqrt(first * second)
    value = np.where(scale > 0, product / np.where(scale > 0, scale, 1.0), 0.0)
    return Rings(frequency, value[: len(frequency)])


def half_bit(shape: tuple[int, ...], sampling: float) -> Rings:
    """Return the ring correlation at which half a bit of information is left per pixel of the spectrum.

    ``(0.2071 + 1.9102/√n) / (1.2071 + 0.9102/√n)`` with n independent pixels in the ring (van Heel & Schatz,
    J. Struct. Biol. 151, 250, 2005, eq. 17). Of a real image half of them are; the border that is faded out
    (Hann) leaves 18/35 of them along the ring, which is one pixel thick.

    Parameters
    ----------
    shape, sampling
        Of the images (y, x), and their pixel, Å.
    """
    frequency, label = _rings(shape, sampling)
    count = np.bincount(label)[: len(frequency)] / 2
    few = 1 / np.sqrt(np.maximum(count * _HANN, 1.0))
    return Rings(frequency, (0.2071 + 1.9102 * few) / (1.2071 + 0.9102 * few))


def _falls_below(rings: Rings, threshold: Floats | float) -> float | None:
    """Return the first frequency, but 0, at which rings lie below a threshold; None: nowhere."""
    below = np.flatnonzero(rings.value < threshold)
    return float(rings.frequency[below[0]]) if len(below) else None


def power_spectrum(image: Floats, sampling: float) -> Rings:
    """Return the mean power per ring of an image (y, x), rad² Å² for rad and Å."""
    power = np.abs(_spectrum(image)) ** 2 * sampling**2 / image.size
    frequency, label = _rings(image.shape, sampling)
    total, count = np.bincount(label, power.ravel()), np.bincount(label)
    return Rings(frequency, (total / count)[: len(frequency)])


def noise(result: Result, clear: float = 0.7) -> float:
    """Return the sd of the mean phase between the columns ÷ their median height; NaN where there are none.

    Between columns the phase of a crystal is smooth and low; a paraboloid is taken out, and what still varies
    there is noise.
    """
    columns = find_columns(result)
    if len(columns) < 3:
        return float("nan")
    phase, corner = _inside(result)
    grid = np.moveaxis(np.indices(phase.shape), 0, -1).reshape(-1, 2) * result.sampling + corner
    distance, _ = cKDTree(columns).query(grid)
    low, high = columns.min(axis=0), columns.max(axis=0)
    among = ((grid >= low) & (grid <= high)).all(axis=1)
    between, values = among & (distance > clear), phase.ravel()
    if between.sum() < 12:
        return float("nan")
    y, x = (grid[between] - grid.mean(axis=0)).T
    terms = np.stack([np.ones_like(y), y, x, y * y, y * x, x * x], axis=1)
    rest = values[between] - terms @ np.linalg.lstsq(terms, values[between], rcond=None)[0]
    height = np.median(values[distance < result.sampling]) - np.median(values[between])
    return float(rest.std() / height) if height > 0 else float("nan")


def differing(one: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """Return the settings in which two recipes differ, by their dotted names; None where one has none."""
    left, right = (_leaves(recipe.model_dump(mode="json")) for recipe in (one, other))
    names = [*left, *(name for name in right if name not in left)]
    both = {name: (left.get(name), right.get(name)) for name in names}
    return {name: values for name, values in both.items() if values[0] != values[1]}


def _leaves(node: Any, name: str = "") -> dict[str, Any]:
    if isinstance(node, dict):
        parts = [(str(key), part) for key, part in node.items()]
    elif isinstance(node, list) and any(isinstance(part, dict) for part in node):
        parts = [(str(number), part) for number, part in enumerate(node)]
    else:
        return {name: node}
    return {
        key: leaf for step, part in parts for key, leaf in _leaves(part, f"{name}.{step}".strip(".")).items()
    }


def _inside(result: Result) -> tuple[Floats, Floats]:
    """Return the mean phase inside the scanned field, and where its first pixel lies, Å."""
    scan, origin = scan_positions(result), np.array(result.origin)
    phase = np.asarray(result.mean_phase(), dtype=np.float64)
    low = np.maximum(np.ceil((scan.min(axis=0) - origin) / result.sampling).astype(int), 0)
    high = np.floor((scan.max(axis=0) - origin) / result.sampling).astype(int) + 1
    return phase[low[0] : high[0], low[1] : high[1]], origin + low * result.sampling


def _on(
    result: Result, shape: tuple[int, ...], corner: Floats, sampling: float, shift: Floats | float = 0.0
) -> Floats:
    """Return the mean phase of a result at other pixels, moved back by a shift, Å; NaN where it has none."""
    at = np.moveaxis(np.indices(shape), 0, -1) * sampling + corner + shift
    pixels = (at - np.array(result.origin)) / result.sampling
    phase = np.asarray(result.mean_phase(), dtype=np.float64)
    found = map_coordinates(phase, np.moveaxis(pixels, -1, 0), order=3, mode="mirror")
    outside = ((pixels < 0) | (pixels > np.array(phase.shape) - 1)).any(axis=-1)
    return np.where(outside, np.nan, found)


def _flat(image: Floats) -> tuple[Floats, Floats]:
    """Return an image without mean and slope, and the slope (y, x) per pixel."""
    y, x = (part.ravel() for part in np.indices(image.shape, dtype=np.float64))
    terms = np.stack([np.ones_like(y), y, x], axis=1)
    numbers = np.linalg.lstsq(terms, image.ravel(), rcond=None)[0]
    return image - (terms @ numbers).reshape(image.shape), np.asarray(numbers[1:])


def _spectrum(image: Floats) -> NDArray[np.complex128]:
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in image.shape))
    return np.asarray(np.fft.fft2((image - image.mean()) * window / np.sqrt((window**2).mean())))


def _rings(shape: tuple[int, ...], sampling: float) -> tuple[Floats, NDArray[np.int64]]:
    """Return the frequencies of the rings up to the edge of the grid, 1/Å, and the ring of every pixel."""
    step = 1.0 / (min(shape) * sampling)
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n, sampling) for n in shape), indexing="ij"))
    label = np.rint(radius / step).astype(np.int64).ravel()
    count = min(shape) // 2 + 1
    return np.asarray(np.arange(count) * step, dtype=np.float64), label
