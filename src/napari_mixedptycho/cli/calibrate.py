"""``mixedptycho calibrate``: what the patterns themselves tell of the instrument."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.calibrated import UNSURE, calibrated, doubts, facts, with_measured
from napari_mixedptycho.calibration import Calibration, calibrate
from napari_mixedptycho.checks.verdicts import verdicts
from napari_mixedptycho.cli._layout import add_layout, contents_of
from napari_mixedptycho.cli._options import check_folder, positive
from napari_mixedptycho.cli.recipe import document, for_contents
from napari_mixedptycho.data_settings import Preprocess
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Contents, check_scan, squared
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.preprocess import measured_only
from napari_mixedptycho.recipe import Data, Recipe
from napari_mixedptycho.thumbnails import orientation_thumbnails, ranked, settled

_ASKED = {"energy": "--energy (eV)", "semiangle": "--semiangle (mrad)", "scan_step": "--scan-step (Å)"}
_MASKS = {"mask": "FILE", "masked_pixels": "LIST"}
_OF_RECIPE = (*_ASKED, "electrons_per_unit")
"""Numbers of a recipe that are taken; the others are measured."""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "calibrate",
        help="measure disk, descan, rotation, flips, defocus and dose on the patterns",
        description="Measure on the patterns what the microscope did, and say whether they can be "
        "reconstructed.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        help="data (also sample:si_sigma9), or a recipe (.toml): the data that it names, with its numbers, "
        "without the detector pixels that it leaves out",
    )
    add_layout(parser)
    parser.add_argument("--semiangle", type=float, metavar="A", help="convergence semi-angle, mrad")
    parser.add_argument("--energy", type=float, metavar="E", help="electron energy, eV")
    parser.add_argument("--scan-step", type=float, metavar="A", help="between scan points, Å")
    for name, metavar in _MASKS.items():
        text = Preprocess.model_fields[name].description
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=text)
    parser.add_argument("--states", type=positive, default=8, metavar="N", help="object states wanted (8)")
    parser.add_argument("--resolution", type=float, metavar="D", help="wanted, Å")
    parser.add_argument("--json", action="store_true", help="print JSON: px, 1/Å, degrees, Å, electrons")
    parser.add_argument("--out", type=Path, metavar="DIR", help="draw what was seen into this folder")
    parser.add_argument(
        "--thumbnails",
        type=Path,
        metavar="DIR",
        help="reconstruct the middle of the scan quickly in all eight orientations and draw them",
    )
    parser.add_argument("--write", type=Path, metavar="RECIPE.toml", help="write a recipe with these numbers")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    recipe = Recipe.read(Path(arguments.file)) if arguments.file.lower().endswith(".toml") else None
    contents = contents_of(arguments, None if recipe is None else recipe.data)
    check_scan(contents)
    wish = _wish(arguments, recipe)
    patterns, mask = squared(contents, wish)  # as `run` does
    contents = replace(contents, patterns=patterns, mask=mask)
    numbers = _numbers(contents, arguments, recipe)
    if arguments.write is not None and arguments.write.exists():
        raise InputError(f"{arguments.write}: this file is there already; give another name.")
    name = contents.path.stem
    opened = Dataset(contents.patterns, **_complete(numbers), name=name, mask=contents.mask)
    bare = measured_only(opened, wish)
    found = calibrate(bare)
    found, notes = _sure(bare, found, numbers)
    measured = with_measured(bare, found, numbers.get("detector_sampling"))
    told = facts(found, measured, numbers)
    told["verdicts"] = [
        *doubts(found, measured, numbers),
        *notes,
        *verdicts(measured, arguments.states, arguments.resolution),
    ]
    if arguments.out is not None:
        _draw(found, measured, arguments.out)
    if arguments.thumbnails is not None:
        told["thumbnails"] = _thumbnails(found, measured, arguments.thumbnails)
    if arguments.write is not None:
        if recipe is None:
            recipe, _ = for_contents(Recipe(), contents, arguments.file)
        _write(
            found, measured, recipe.model_copy(update={"data": _named(recipe.data, wish)}), arguments.write
        )
    print(json.dumps(told, indent=2, ensure_ascii=False) if arguments.json else table(told))
    return 0


def _wish(arguments: argparse.Namespace, recipe: Recipe | None) -> Data:
    """Return the recipe's section data with the masks of the command line."""
    given = {name: getattr(arguments, name) for name in _MASKS if getattr(arguments, name) is not None}
    if "mask" in given:  # a recipe may come to lie in another folder
        given["mask"] = str(Path(given["mask"]).resolve())
    known = {} if recipe is None else recipe.data.model_dump(mode="json")
    return Data.parse(known | given, "options")


def _named(data: Data, wish: Data) -> Data:
    """Return the section with the masks that were heeded."""
    return data.model_copy(update={name: getattr(wish, name) for name in _MASKS})


def _complete(numbers: dict[str, float]) -> dict[str, Any]:
    """Return the numbers of a data set, with stand-ins for those that will be measured."""
    return {"defocus": 0.0, "detector_sampling": 1.0, **numbers}


def _sure(bare: Dataset, found: Calibration, numbers: dict[str, float]) -> tuple[Calibration, list[str]]:
    """Let a quick reconstruction decide about 180° where the bright field does not."""
    if found.sign is None or abs(found.sign.certainty) >= UNSURE:
        return found, []
    measured = with_measured(bare, found, numbers.get("detector_sampling"))
    try:
        found, look = settled(measured, found)
    except InputError:  # no reconstruction is possible, as the verdicts will say
        return found, []
    return found, [
        f"A quick reconstruction decided about 180°: the skewness of its phase is {abs(look.lean):.2f}, and "
        "would have the other sign; look at --thumbnails."
    ]


def _thumbnails(found: Calibration, measured: Dataset, folder: Path) -> dict[str, Any]:
    """Draw the eight orientations, and return what they tell."""
    from napari_mixedptycho.analysis.figures import save
    from napari_mixedptycho.analysis.figures.thumbnails import thumbnails

    check_folder(folder)
    looks = []
    for look in orientation_thumbnails(measured, found):
        looks.append(look)
        print(f"{len(looks)} of 8: {look.label}, loss {look.loss:.4g}", file=sys.stderr, flush=True)
    choice = ranked(looks)
    images = [(look.phase, look.sampling) for look in choice.ordered]
    save(thumbnails(images, choice.labels, choice.sentence), folder / "thumbnails.png")
    names = ("loss", "sharpness", "lean")
    return {
        "winner": _flips(choice.winner.orientation),
        "agrees": choice.winner.orientation == found.orientation,
        "sentence": choice.sentence,
        "margin": choice.margin,
        "lean_margin": choice.lean,
        "ordered": [
            _flips(look.orientation)
            | {"defocus_A": look.defocus}
            | {name: getattr(look, name) for name in names}
            for look in choice.ordered
        ],
    }


def _flips(orientation: Orientation) -> dict[str, Any]:
    return {name: getattr(orientation, name) for name in ("transpose", "flip_y", "flip_x")}


def _numbers(contents: Contents, arguments: argparse.Namespace, recipe: Recipe | None) -> dict[str, float]:
    """Return what is known without looking at patterns, from the file, the recipe and the command line."""
    own = {} if recipe is None else {name: getattr(recipe.microscope, name) for name in _OF_RECIPE}
    typed = {name: getattr(arguments, name) for name in _ASKED if getattr(arguments, name) is not None}
    given = {name: value for name, value in (own | typed).items() if value is not None}
    energy = given.get("energy", contents.numbers.get("energy"))
    numbers = {**(contents.with_energy(energy) if energy else contents.numbers), **given}
    missing = [name for name in _ASKED if name not in numbers]
    if missing:
        options = ", ".join(_ASKED[name] for name in missing)
        raise InputError(f"{contents.path}: the file does not say {', '.join(missing)}; give {options}.")
    return dict(numbers)


_ROWS = (
    ("disk radius", "disk_radius_px", "px"),
    ("sampling", "dk", "1/Å per px"),
    ("scan rotation", "rotation_deg", "°"),
    ("  from the curl", "rotation_from_curl_deg", "° (±180, detector as stored)"),
    ("defocus", "defocus_A", "Å"),
    ("astigmatism", "astigmatism_A", "Å (C12a, C12b)"),
    ("descan", "descan_px_per_point", "px per scan point (y: row, column; x: row, column)"),
    ("dose", "dose_e_per_A2", "e/Å²"),
)


def table(told: dict[str, Any]) -> str:
    """Return the numbers to read."""
    missing = told["not_measured"]
    lines = [("disk centre", _quantity(told, "disk_center_px", "px (row, column)", ".2f"))]
    for label, name, unit in _ROWS:
        text = f"not measured: {missing[name]}" if name in missing else _quantity(told, name, unit)
        lines.append((label, text))
    flips = ", ".join(name for name in ("transpose", "flip_y", "flip_x") if told[name])
    if "flip_y" in missing:
        flips = f"not measured: {missing['flip_y']}"
    lines.insert(4, ("detector", flips or "as stored"))
    masked = f", {told['masked_pixels']} masked" if told["masked_pixels"] else ""
    lines.append(("bad pixels", f"{len(told['hot_pixels'])} hot, {told['dead_pixels']} dead{masked}"))
    if "thumbnails" in told:
        looks = told["thumbnails"]
        same = "" if looks["agrees"] else " This is another orientation than the one measured."
        lines.append(("thumbnails", looks["sentence"] + same))
    lines += [("verdict", text) for text in told["verdicts"] or ["nothing stands in the way"]]
    width = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in lines)


def _quantity(told: dict[str, Any], name: str, unit: str, form: str = ".5g") -> str:
    """Return a number, or some, with uncertainty and unit."""
    values, errors = (
        entry if isinstance(entry, list) else [entry] for entry in (told[name], told[f"{name}_error"])
    )
    form = form if len(values) < 4 else "+.4f"
    parts = [
        f"{value:{form}}" + ("" if error is None else f" ± {error:.2g}")
        for value, error in zip(values, errors, strict=True)
    ]
    return f"{', '.join(parts)} {unit}"


def _draw(found: Calibration, measured: Dataset, folder: Path) -> None:
    # Here, since matplotlib takes its time and is needed for figures alone.
    from napari_mixedptycho.analysis.figures import calibration, save

    check_folder(folder)
    for name, figure in calibration.pictures(found, measured.scan_step):
        save(figure, folder / f"{name}.png")


def _write(found: Calibration, measured: Dataset, recipe: Recipe, place: Path) -> None:
    """Write the recipe, and a mask beside it when there are bad pixels."""
    check_folder(place.parent)
    if found.rotation is not None:  # else what the recipe said of it would outlive a measured nought
        earlier = dict.fromkeys(("scan_rotation", "astigmatism_a", "astigmatism_b"))
        recipe = recipe.model_copy(update={"microscope": recipe.microscope.model_copy(update=earlier)})
    recipe = calibrated(recipe, measured, found)
    if found.pixels.bad.any():
        mask = place.with_suffix(".mask.npy")
        np.save(mask, ~found.bad)
        recipe = recipe.with_set(f'data.mask="{mask.name}"')
    text = document(recipe, ["Numbers measured by mixedptycho calibrate."])
    place.write_text(text, encoding="utf-8")
