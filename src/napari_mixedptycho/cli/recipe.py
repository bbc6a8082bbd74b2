"""``mixedptycho recipe``: a complete, commented recipe to start from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_mixedptycho import __version__
from napari_mixedptycho.cli._options import positive
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Contents, data_path, read_contents
from napari_mixedptycho.outlook import advised_slices
from napari_mixedptycho.recipe import Recipe


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "recipe",
        help="print a complete, commented recipe",
        description="Print a complete, commented recipe: every setting, its default and what it means.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--for",
        dest="data",
        metavar="DATA",
        help="data file (or sample:NAME) to name and to take numbers from",
    )
    parser.add_argument("--states", type=positive, metavar="N", help="object states")
    parser.add_argument("--slices", type=positive, metavar="S", help="slices of the object")
    parser.add_argument("--probe-modes", type=positive, metavar="M", help="probe modes")
    parser.add_argument("--out", type=Path, metavar="RECIPE.toml", help="write to this file instead")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    recipe = Recipe()
    notes: list[str] = []
    if arguments.data is not None:
        contents = read_contents(data_path(arguments.data))
        recipe, notes = for_contents(recipe, contents, arguments.data)
    wishes = {"states": arguments.states, "slices": arguments.slices, "probe_modes": arguments.probe_modes}
    for name, value in wishes.items():
        if value is not None:
            recipe = recipe.with_set(f"model.{name}={value}")
    if recipe.model.states == 1:  # one state has nothing to differ from
        still = tuple(stage for stage in recipe.stages if not stage.displaces)
        recipe = recipe.model_copy(update={"stages": still})
    text = document(recipe, notes)
    if arguments.out is None:
        print(text, end="")
        return 0
    try:
        with arguments.out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{arguments.out}: this file is there already; give another name.") from None
    except OSError as error:
        raise InputError(f"{arguments.out}: the recipe cannot be written ({error.strerror}).") from None
    return 0


def for_contents(recipe: Recipe, contents: Contents, file: str) -> tuple[Recipe, list[str]]:
    """Return the recipe with the file, its numbers and slices to suit, and what must still be said."""
    energy = contents.numbers.get("energy")
    numbers = contents.with_energy(energy) if energy else dict(contents.numbers)
    thickness = numbers.pop("thickness", None)
    place = file if file.startswith("sample:") else str(Path(file).resolve())
    model: dict[str, Any] = {"thickness": thickness}
    if thickness is not None:
        model["slices"] = advised_slices(thickness)
    values = recipe.model_dump(mode="json")
    values["data"]["file"] = place
    values["microscope"] |= numbers
    values["model"] |= {name: value for name, value in model.items() if value is not None}
    notes = [
        f"The file does not say {name}: set microscope.{name}."
        for name in contents.missing
        if name not in numbers
    ]
    if not contents.scan_known:
        rows, columns = contents.scan_shapes[0]
        notes.append(
            f"The file does not say the shape of the scan: set data.scan_shape, as [{rows}, {columns}]."
        )
    if thickness is None:
        notes.append("The file does not say how thick the specimen is: set model.thickness (Å).")
    if "defocus" not in numbers:
        notes.append("The file does not say the defocus: set microscope.defocus (Å), or 0 is taken.")
    if "electrons_per_unit" not in numbers:
        notes.append(
            "The file does not say the dose: set microscope.electrons_per_unit (electrons per stored unit), "
            "or stages do without their prior."
        )
    return Recipe.parse(values, str(contents.path)), notes


def document(recipe: Recipe, notes: list[str]) -> str:
    """Return the commented TOML text, `notes` first."""
    head = [f"For napari-mixedptycho {__version__}; run it with: mixedptycho run RECIPE.toml --out RESULT.h5"]
    lines = [f"# {note}" for note in (*head, "Lengths in Å, angles in mrad, energies in eV.", *notes)]
    return "\n".join(lines) + "\n\n" + recipe.to_toml(comments=True)
