"""Patterns that are empty, flooded or saturated, and pixels that measured nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.calibration.pixels import Moments, bad_pixels
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.stored import Stored, Survey, survey
from napari_mixedptycho.words import counted

Mask = NDArray[np.bool_]

_CERTAIN = 25.0
"""Electrons expected in a pixel that holds none: chance leaves it empty once in 10¹¹."""
_UNUSUAL = 10.0
"""A pattern so many times brighter or darker than the median is told."""


def first_look(
    patterns: NDArray[Any], name: str, unit: float | None, steps: tuple[int, int] = (1, 1)
) -> list[str]:
    """Return a sentence for each doubt about patterns as they are stored, without a recipe.

    Parameters
    ----------
    patterns, name, steps
        As for `doubtful_patterns`, but of any values.
    unit
        Electrons of one stored unit; None: unknown.
    """
    mean = patterns.mean(axis=(0, 1), dtype=np.float64)
    if not np.isfinite(mean).all():
        return ["Patterns hold NaN or infinite values; replace or mask them."]
    told, lowest = [], patterns.min()
    saturated = patterns.dtype.kind in "ui" and lowest == np.iinfo(patterns.dtype).max
    if lowest == patterns.max() and not saturated:
        return [f"Every value is {lowest:g}: no electron was recorded; is this the data set that you mean?"]
    if lowest < 0:
        told = [f"Patterns hold negative values ({lowest:.3g}); see the loss gaussian_poisson."]
    try:
        told += doubtful_patterns(patterns, name, steps)
    except InputError as error:
        told += [str(error)]
    count = patterns.shape[0] * patterns.shape[1]
    return told + dead_text(dead_pixels(mean, None, None if unit is None else unit * count))


def doubtful_patterns(
    patterns: NDArray[Any] | Stored,
    name: str,
    steps: tuple[int, int] = (1, 1),
    found: Survey | None = None,
) -> list[str]:
    """Return a sentence on patterns that are empty or flooded, and one on saturated pixels.

    Parameters
    ----------
    patterns
        (scan_y, scan_x, ky, kx), finite; zero where masked.
    name
        What to call the data.
    steps
        Scan rows and columns between these patterns, when they are a part of all.
    found
        What a pass over them told; None: look now.

    Raises
    ------
    InputError
        When half of the intensity lies in saturated pixels.
    """
    seen = survey(patterns) if found is None else found
    totals = seen.each
    usual, told = float(np.median(totals)), []
    for odd, words in (
        ((totals <= 0) | (totals < usual / _UNUSUAL), "less than a tenth"),
        (totals > usual * _UNUSUAL, "more than ten times"),
    ):
        if odd.any() and usual > 0:
            row, column = (int(i) for i in np.argwhere(odd)[0] * steps)
            empty = int((totals[odd] <= 0).sum())
            told.append(
                f"{int(odd.sum())} of {totals.size} patterns with {words} of the usual intensity"
                + (f", {empty} of them nothing at all" if empty else "")
                + f" (first: scan row {row}, column {column}); leave out such patterns with data.scan_region."
            )
    return told + _saturation_text(patterns, name, seen)


def _saturation_text(patterns: NDArray[Any] | Stored, name: str, seen: Survey) -> list[str]:
    """Look for a pile of pixels at the largest value, as a detector at its limit leaves; integers only."""
    if patterns.dtype.kind not in "ui":
        return []
    top = int(seen.highest)
    at_top = sum(int((row == top).sum()) for row in patterns)
    near = sum(int((row >= 0.95 * top).sum()) for row in patterns) - at_top if top >= 50 else 0
    below = seen.filled - at_top - near
    # Below a limit that is not the format's own (12 or 14 bits), values spread; a made-up disk has only one.
    piled = top >= 50 and at_top >= 20 and near < at_top < below
    if not (top == np.iinfo(patterns.dtype).max or piled):
        return []
    part = at_top * top / float(seen.each.sum())
    if part > 0.5:
        raise InputError(
            f"{name}: {part:.0%} of the intensity lies in pixels at the detector's limit, {top}: the "
            "patterns are saturated; record them with less beam, or mask what is saturated."
        )
    return [
        f"{at_top} values are at the detector's limit, {top}, with {part:.2g} of the intensity: they are "
        "saturated and too low; mask these pixels (data.mask)."
    ]


def dead_pixels(mean: NDArray[np.float64], mask: Mask | None, electrons: float | None) -> Mask:
    """Return the pixels (ky, kx) that hold nothing in any pattern while lit ones lie on both sides.

    Dead rows and columns, gaps between detector modules, the shadow of a beam stop: zeros that were never
    measured. A line that holds nothing at all is dead from end to end.

    Parameters
    ----------
    mean
        (ky, kx) mean pattern, zero where masked.
    mask
        Pixels that are measured; None: all.
    electrons
        In all patterns together, of one unit in the mean; None: unknown.
    """
    measured = np.ones(mean.shape, bool) if mask is None else mask
    total = np.where(measured, np.maximum(mean, 0), 0)
    if electrons is None:
        # The darkest pixel that is lit has seen at least one electron.
        enough = min(float(total.mean()), _CERTAIN * float(total.min(where=total > 0, initial=np.inf)))
    else:
        enough = _CERTAIN / electrons
    dark = measured & (mean == 0)
    dead: Mask = dark & (np.maximum(_both_sides(total), _both_sides(total.T).T) >= enough)
    for axis in (0, 1):
        line = dead.any(axis=axis, keepdims=True) & (total == 0).all(axis=axis, keepdims=True)
        dead |= line & dark
    return dead


def _both_sides(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each pixel (y, x) the lower of the nearest values above zero left and right; 0: none."""
    edge = values.shape[1]
    index = np.arange(edge)
    before = np.maximum.accumulate(np.where(values > 0, index, -1), axis=1)
    after = np.minimum.accumulate(np.where(values > 0, index, edge)[:, ::-1], axis=1)[:, ::-1]
    padded = np.pad(values, ((0, 0), (0, 1)))  # both -1 and the edge find a zero
    left, right = (np.take_along_axis(padded, i, axis=1) for i in (before, after))
    return np.minimum(left, right)


def dead_text(dead: Mask) -> list[str]:
    """Say which pixels (ky, kx) are dead."""
    if not dead.any():
        return []
    lines = [
        f"{name} {', '.join(str(i) for i in found[:5])}{' …' if len(found) > 5 else ''}"
        for name, axis in (("row", 1), ("column", 0))
        if len(found := np.flatnonzero(dead.sum(axis=axis) > dead.shape[axis] / 2))
    ]
    y, x = np.argwhere(dead)[0]
    where = " and ".join(lines) or f"first: row {y}, column {x}"
    many = counted(int(dead.sum()), "detector pixel")
    return [
        f"{many} with nothing in any pattern though lit ones lie on both sides ({where}): taken as not "
        "measured."
    ]


def hot_text(dataset: Dataset) -> list[str]:
    """Say when pixels of counted patterns shine as no optics explains."""
    unit, seen = dataset.electrons_per_unit, dataset.survey
    if unit is None or seen.count < 64:
        return []
    moments = Moments(seen.mean, np.maximum(seen.mean, 0) / unit, seen.each)
    hot = bad_pixels(moments).hot
    if not hot.any():
        return []
    y, x = np.argwhere(hot)[0]
    many = counted(int(hot.sum()), "detector pixel")
    return [
        f"{many} much brighter than the neighbours (first: row {y}, column {x}); if hot, "
        "leave such pixels out with data.bad_pixels=auto."
    ]


def mask_text(dataset: Dataset) -> list[str]:
    """Say when the mask hides what it should leave."""
    if dataset.mask is None:
        return []
    k = (np.arange(dataset.detector_size) - dataset.detector_size // 2) * dataset.detector_sampling
    disk = np.hypot(k[:, None], k) * dataset.wavelength * 1e3 <= dataset.semiangle
    left = float(dataset.mask[disk].mean())
    if left >= 0.5:
        return []
    return [
        f"The mask leaves only {left:.0%} of the probe's disk; nonzero must mean measured, and the zero "
        "angle lies at the centre."
    ]
