"""``mixedptycho calibrate``: what the patterns themselves tell of the instrument."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.calibration import Calibration, Measured, calibrate
from napari_mixedptycho.checks.verdicts import verdicts
from napari_mixedptycho.cli._layout import add_layout, contents_of
from napari_mixedptycho.cli._options import check_folder, positive
from napari_mixedptycho.cli.recipe import document, for_contents
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Contents, check_scan
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.stored import Stored

_DISAGREE = 0.03
_UNSURE = 3.0
"""Standard deviations, below which the decision about 180° is told as doubtful."""
_ASKED = {"energy": "--energy (eV)", "semiangle": "--semiangle (mrad)", "scan_step": "--scan-step (Å)"}


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "calibrate",
        help="measure disk, descan, rotation, flips, defocus and dose on the patterns",
        description="Measure on the patterns what the microscope did, and say whether they can be "
        "reconstructed.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="data (also sample:si_sigma9)")
    add_layout(parser)
    parser.add_argument("--semiangle", type=float, metavar="A", help="convergence semi-angle, mrad")
    parser.add_argument("--energy", type=float, metavar="E", help="electron energy, eV")
    parser.add_argument("--scan-step", type=float, metavar="A", help="between scan points, Å")
    parser.add_argument("--states", type=positive, default=8, metavar="N", help="object states wanted (8)")
    parser.add_argument("--resolution", type=float, metavar="D", help="wanted, Å")
    parser.add_argument("--json", action="store_true", help="print JSON: px, 1/Å, degrees, Å, electrons")
    parser.add_argument("--out", type=Path, metavar="DIR", help="draw what was seen into this folder")
    parser.add_argument("--write", type=Path, metavar="RECIPE.toml", help="write a recipe with these numbers")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    contents = contents_of(arguments)
    check_scan(contents)
    numbers = _numbers(contents, arguments)
    if arguments.write is not None and arguments.write.exists():
        raise InputError(f"{arguments.write}: this file is there already; give another name.")
    stated = numbers.pop("detector_sampling", None)
    known: dict[str, Any] = {"defocus": 0.0, **numbers}
    bare = Dataset(contents.patterns, **known, detector_sampling=stated or 1.0, name=contents.path.stem)
    unit = bare.electrons_per_unit
    rows = Stored.of(contents.patterns)
    found = calibrate(rows, bare.semiangle, bare.wavelength, bare.scan_step, unit)
    measured = _measured(bare, found, stated)
    facts = describe(found, measured, numbers, stated)
    facts["verdicts"] += verdicts(measured, arguments.states, arguments.resolution)
    if arguments.out is not None:
        _draw(found, arguments.out)
    if arguments.write is not None:
        _write(found, measured, contents, arguments)
    print(json.dumps(facts, indent=2, ensure_ascii=False) if arguments.json else table(facts))
    return 0


def _numbers(contents: Contents, arguments: argparse.Namespace) -> dict[str, float]:
    """Return what is known without looking at patterns, from the file and from the command line."""
    given = {name: getattr(arguments, name) for name in _ASKED}
    given = {name: value for name, value in given.items() if value is not None}
    energy = given.get("energy", contents.numbers.get("energy"))
    numbers = {**(contents.with_energy(energy) if energy else contents.numbers), **given}
    for name, option in _ASKED.items():
        if name not in numbers:
            raise InputError(f"{contents.path}: the file does not say {name}; give {option}.")
    return dict(numbers)


def _measured(bare: Dataset, found: Calibration, stated: float | None) -> Dataset:
    """Return the data set with what was measured; a sampling that the file states stays if it agrees."""
    sampling = found.sampling.value
    if stated is not None and abs(sampling / stated - 1) < _DISAGREE:
        sampling = stated
    changed = bare.replace(detector_sampling=sampling, scan_rotation=found.rotation.value)
    if found.defocus is None:
        return changed
    return changed.replace(defocus=found.defocus.value + (bare.thickness or 0) / 2)


def describe(
    found: Calibration, measured: Dataset, numbers: dict[str, float], stated: float | None
) -> dict[str, Any]:
    """Return plain values for JSON, uncertainties under ``…_error``, doubts under ``verdicts``."""
    y, x = found.disk.center
    facts: dict[str, Any] = {
        "disk_center_px": [y.value, x.value],
        "disk_center_px_error": [y.error, x.error],
        **_pair("disk_radius_px", found.disk.radius),
        **_pair("dk", found.sampling),
        "dk_file": stated,
        **_pair("rotation_deg", found.rotation),
        "transpose": found.orientation.transpose,
        "flip_y": found.orientation.flip_y,
        "flip_x": found.orientation.flip_x,
        "defocus_A": None if found.defocus is None else measured.defocus,
        "defocus_A_error": None if found.defocus is None else found.defocus.error,
        "defocus_A_file": numbers.get("defocus"),
    }
    if found.aberrations is not None and found.sign is not None:
        facts["astigmatism_A"] = list(found.aberrations.astigmatism)
        facts["astigmatism_A_error"] = [float(error) for error in found.aberrations.errors[2:]]
        facts["contrast_explained"] = found.aberrations.explained
        facts["contrast_explained_other_transposition"] = found.aberrations.other
        facts["sign_certainty"] = found.sign.certainty
    facts |= {
        **_pair("rotation_from_curl_deg", found.curl.rotation),
        "descan_px_per_point": found.descan.slope.ravel().tolist(),
        "descan_px_per_point_error": found.descan.error.ravel().tolist(),
        **_pair("dose_e_per_A2", found.dose),
        "hot_pixels": found.pixels.listed(),
        "dead_pixels": int(found.pixels.dead.sum()),
        "verdicts": _doubts(found, numbers, stated),
    }
    return facts


def _pair(name: str, value: Measured | None) -> dict[str, float | None]:
    if value is None:
        return {name: None, f"{name}_error": None}
    return {name: value.value, f"{name}_error": value.error if np.isfinite(value.error) else None}


def _doubts(found: Calibration, numbers: dict[str, float], stated: float | None) -> list[str]:
    """Say where measurement and file disagree, and what could not be decided."""
    told = []
    sampling = found.sampling.value
    if stated is not None and abs(sampling / stated - 1) > _DISAGREE:
        told.append(
            f"The file states {stated:.4g} 1/Å per pixel, but the disk says {sampling:.4g} "
            f"({sampling / stated - 1:+.1%}); check semi-angle and camera length."
        )
    if found.sign is None or found.aberrations is None:
        told.append("Too few scan points (8 along each axis are needed) to measure flips and defocus.")
        return told
    if abs(found.sign.certainty) < _UNSURE:
        told.append(
            f"Whether the detector is turned by 180° is unsure ({found.sign.certainty:.1f} σ): if "
            "atoms come out dark, negate both flips and the defocus."
        )
    better = found.aberrations.explained - found.aberrations.other
    if better < 0.02:
        told.append(
            f"Transposition is unsure: it changes what is explained by {better:.1%} only; scan a larger "
            "field or a thinner place."
        )
    before = numbers.get("defocus")
    if before and found.defocus is not None and before * found.defocus.value < 0 and abs(before) > 30:
        told.append(f"The file states a defocus of {before:.4g} Å; measured is {found.defocus.value:.4g} Å.")
    return told


def table(facts: dict[str, Any]) -> str:
    """Return the numbers to read."""
    y, x = facts["disk_center_px"]
    error = facts["disk_center_px_error"]
    lines = [("disk centre", f"row {y:.2f} ± {error[0]:.2f}, column {x:.2f} ± {error[1]:.2f} px")]
    names = (
        ("disk radius", "disk_radius_px", "px"),
        ("sampling", "dk", "1/Å per px"),
        ("scan rotation", "rotation_deg", "°"),
        ("  from the curl", "rotation_from_curl_deg", "° (±180, detector as stored)"),
        ("defocus", "defocus_A", "Å"),
        ("dose", "dose_e_per_A2", "e/Å²"),
    )
    for label, name, unit in names:
        value, error = facts[name], facts[f"{name}_error"]
        if value is None:
            lines.append((label, "not known"))
        else:
            spread = "" if error is None else f" ± {error:.2g}"
            lines.append((label, f"{value:.5g}{spread} {unit}"))
    flips = [name for name in ("transpose", "flip_y", "flip_x") if facts[name]]
    lines.insert(4, ("detector", ", ".join(flips) or "as stored"))
    if "astigmatism_A" in facts:
        pairs = zip(facts["astigmatism_A"], facts["astigmatism_A_error"], strict=True)
        lines.append(
            ("astigmatism", ", ".join(f"{value:.3g} ± {error:.2g}" for value, error in pairs) + " Å")
        )
    slopes = " ".join(f"{value:+.4f}" for value in facts["descan_px_per_point"])
    lines.append(("descan", f"{slopes} px per scan point (y: row, column; x: row, column)"))
    lines.append(("bad pixels", f"{len(facts['hot_pixels'])} hot, {facts['dead_pixels']} dead"))
    lines += [("verdict", text) for text in facts["verdicts"] or ["nothing stands in the way"]]
    width = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in lines)


def _draw(found: Calibration, folder: Path) -> None:
    # Here, since matplotlib takes its time and is needed for figures alone.
    from napari_mixedptycho.analysis.figures import calibration, save

    check_folder(folder)
    save(calibration.disk(found), folder / "disk.png")
    save(calibration.centre_of_mass(found), folder / "centre_of_mass.png")
    if found.bands is not None:
        save(calibration.bright_field(found), folder / "bright_field.png")


def _write(found: Calibration, measured: Dataset, contents: Contents, arguments: argparse.Namespace) -> None:
    """Write the recipe, and a mask beside it when there are bad pixels."""
    recipe, _ = for_contents(Recipe(), contents, arguments.file)
    place: Path = arguments.write
    check_folder(place.parent)
    values = recipe.for_dataset(measured).model_dump(mode="json")
    data, orientation = values["data"], found.orientation
    data |= {name: getattr(orientation, name) for name in ("transpose", "flip_y", "flip_x")}
    center = [round(c.value, 3) for c in found.disk.center]
    if max(abs(c - measured.detector_size // 2) for c in center) > 0.05:
        data["center"] = center
    slope = orientation.matrix @ found.descan.slope
    error = np.abs(orientation.matrix) @ found.descan.error
    if (np.abs(slope) > 3 * error).any() and np.abs(slope).max() * max(measured.scan_shape) > 0.05:
        data["descan"] = slope.ravel().round(6).tolist()
    if found.pixels.bad.any():
        mask = place.with_suffix(".mask.npy")
        np.save(mask, ~found.pixels.bad)
        data["mask"] = mask.name
    text = document(Recipe.parse(values, str(place)), ["Numbers measured by mixedptycho calibrate."])
    place.write_text(text, encoding="utf-8")
