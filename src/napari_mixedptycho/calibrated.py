"""What a calibration means for a data set and its recipe, in numbers and in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_mixedptycho.calibration import FEWEST, Calibration, Measured
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.recipe import Recipe

DISAGREE = 0.03
"""Part by which a measured number may differ from what the file states."""
UNSURE = 5.0
"""Standard deviations, below which the bright field's decision about 180° is doubtful."""
_ACCURATE = (2.0, 0.5)
"""Å of defocus and degrees of rotation, below which a difference is none, whatever the part."""
_LEAST_BETTER = 0.02
"""Part of the contrast by which the better transposition must explain more."""


def with_measured(bare: Dataset, found: Calibration, stated: float | None = None) -> Dataset:
    """Return the data set with what was measured on its patterns, as stored: not set right yet.

    Parameters
    ----------
    bare, found
        What is known without looking at patterns, and what they tell.
    stated
        Detector sampling that the file states, 1/Å; it stays if it agrees. None: it does not say.
    """
    sampling = found.sampling.value
    changes: dict[str, Any] = {}
    if stated is None or abs(sampling / stated - 1) > DISAGREE:
        changes["detector_sampling"] = sampling
    if found.rotation is not None:
        changes["scan_rotation"] = found.rotation.value
    if found.defocus is not None:
        # From the specimen's middle to its entrance.
        changes["defocus"] = found.defocus.value + (bare.thickness or 0) / 2
    if found.astigmatism is not None:
        changes |= {
            f"astigmatism_{axis}": _told(part) for axis, part in zip("ab", found.astigmatism, strict=True)
        }
    sources = {**bare.sources, **dict.fromkeys(changes, "measured")}
    return bare.replace(**changes, sources=sources)


def _told(value: Measured) -> float:
    """Return an astigmatism where it is more than its uncertainty, and than 2 Å, else zero."""
    return value.value if abs(value.value) > max(2 * value.error, 2.0) else 0.0


def calibrated(recipe: Recipe, measured: Dataset, found: Calibration) -> Recipe:
    """Return the recipe with the measured numbers, and how the detector must be set right.

    Bad pixels are a file of their own: see `Calibration.pixels` and ``data.mask``.

    Parameters
    ----------
    recipe, measured, found
        What is wanted, the data set of `with_measured`, and its calibration.
    """
    values = recipe.for_dataset(measured).model_dump(mode="json")
    data, orientation = values["data"], found.orientation
    data |= {name: getattr(orientation, name) for name in ("transpose", "flip_y", "flip_x")}
    center = [round(c.value, 3) for c in found.disk.center]
    wander = found.slope
    away = max(abs(c - measured.detector_size // 2) for c in center) > 0.05
    data["center"] = center if away else None
    data["descan"] = None
    if wander is not None:
        slope, error = wander
        sure = bool((np.abs(slope) > 3 * error).any())
        if sure and np.abs(slope).max() * max(measured.scan_shape) > 0.05:
            data["descan"] = slope.ravel().round(6).tolist()
    return Recipe.parse(values, "calibration")


def facts(found: Calibration, measured: Dataset, numbers: Mapping[str, float]) -> dict[str, Any]:
    """Return plain values for JSON: uncertainties under ``…_error``, what is missing under `not_measured`.

    Parameters
    ----------
    found, measured
        The calibration, and the data set with it (`with_measured`).
    numbers
        What the file (or the user) states.
    """
    y, x = found.disk.center
    focus = None if found.defocus is None else Measured(measured.defocus, found.defocus.error)
    values: dict[str, Any] = {
        "disk_center_px": [y.value, x.value],
        "disk_center_px_error": [_finite(y.error), _finite(x.error)],
        **_pair("disk_radius_px", found.disk.radius),
        **_pair("dk", found.sampling),
        "dk_file": numbers.get("detector_sampling"),
        **_pair("rotation_deg", found.rotation),
        "transpose": found.orientation.transpose,
        "flip_y": found.orientation.flip_y,
        "flip_x": found.orientation.flip_x,
        **_pair("defocus_A", focus),
        "defocus_A_file": numbers.get("defocus"),
        **_pairs("astigmatism_A", found.astigmatism),
        "contrast_explained": found.aberrations and found.aberrations.explained,
        "contrast_explained_other_transposition": found.aberrations and found.aberrations.other,
        "sign_certainty": found.sign and found.sign.certainty,
        **_pair("rotation_from_curl_deg", None if found.curl is None else found.curl.rotation),
    }
    slope = None if found.descan is None else found.descan
    values["descan_px_per_point"] = None if slope is None else slope.slope.ravel().tolist()
    values["descan_px_per_point_error"] = None if slope is None else slope.error.ravel().tolist()
    values |= {
        **_pair("dose_e_per_A2", found.dose),
        "hot_pixels": found.pixels.listed(),
        "dead_pixels": int(found.pixels.dead.sum()),
        "masked_pixels": found.masked,
        "not_measured": not_measured(found, measured),
    }
    return values


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _pair(name: str, value: Measured | None) -> dict[str, Any]:
    if value is None:
        return {name: None, f"{name}_error": None}
    return {name: value.value, f"{name}_error": _finite(value.error)}


def _pairs(name: str, values: tuple[Measured, ...] | None) -> dict[str, Any]:
    if values is None:
        return {name: None, f"{name}_error": None}
    return {name: [v.value for v in values], f"{name}_error": [_finite(v.error) for v in values]}


def not_measured(found: Calibration, measured: Dataset) -> dict[str, str]:
    """Return why a number cannot be measured, for each such number."""
    reasons = {}
    if found.dose is None:
        reasons["dose_e_per_A2"] = "electrons per stored unit are not known"
    elif np.isnan(found.dose.error):
        reasons["dose_e_per_A2_error"] = "there is one pattern only"
    if found.rotation is None:
        rows, columns = measured.scan_shape
        few = f"{rows} × {columns} scan points; at least {FEWEST} along each axis are needed"
        names = ("rotation_deg", "transpose", "flip_y", "flip_x", "defocus_A", "astigmatism_A")
        reasons |= dict.fromkeys((*names, "rotation_from_curl_deg", "descan_px_per_point"), few)
    return reasons


def doubts(found: Calibration, measured: Dataset, numbers: Mapping[str, float]) -> list[str]:
    """Say where measurement and file disagree by more than 3 %, and what could not be decided.

    Parameters
    ----------
    found, measured, numbers
        As for `facts`.
    """
    told = _disagreements(found, measured, numbers)
    if found.sign is None or found.aberrations is None:
        return [*told, "Too few scan points (8 along each axis are needed) to measure flips and defocus."]
    if abs(found.sign.certainty) < UNSURE:
        told.append(
            "The bright field leaves unsure whether the detector is turned by 180° "
            f"({found.sign.certainty:.1f} σ): if atoms come out dark, negate both flips, defocus and "
            "astigmatism."
        )
    better = found.aberrations.explained - found.aberrations.other
    if better < _LEAST_BETTER:
        told.append(
            f"Transposition is unsure: it changes what is explained by {better:.1%} only; scan a larger "
            "field or a thinner place."
        )
    return told


def _disagreements(found: Calibration, measured: Dataset, numbers: Mapping[str, float]) -> list[str]:
    """Compare with what the file states; a difference within two uncertainties is none."""
    told = []
    stated, sampling = numbers.get("detector_sampling"), found.sampling.value
    if stated is not None and abs(sampling / stated - 1) > DISAGREE:
        told.append(
            f"The file states {stated:.4g} 1/Å per pixel, but the disk says {sampling:.4g} "
            f"({sampling / stated - 1:+.1%}); check semi-angle and camera length."
        )
    focus = numbers.get("defocus")
    if focus is not None and found.defocus is not None:
        off = measured.defocus - focus
        if abs(off) > max(DISAGREE * abs(focus), 2 * found.defocus.error, _ACCURATE[0]):
            part = f" ({off / focus:+.1%})" if focus else ""
            told.append(
                f"The file states a defocus of {focus:.4g} Å; measured is {measured.defocus:.4g} ± "
                f"{found.defocus.error:.2g} Å{part}."
            )
    turn = numbers.get("scan_rotation")
    if turn is not None and found.rotation is not None:
        off = (found.rotation.value - turn + 45) % 90 - 45  # quarters are told as flips
        if abs(off) > max(DISAGREE * abs(turn), 2 * found.rotation.error, _ACCURATE[1]):
            told.append(
                f"The file states a scan rotation of {turn:.4g}°; measured is {found.rotation.value:.4g} ± "
                f"{found.rotation.error:.2g}° (and the flips told here)."
            )
    return told
