"""What several commands ask for, and how they open what they are given."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import h5py

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import data_path
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import FORMAT
from napari_mixedptycho.run_settings import Run


def positive(text: str) -> int:
    """Read a whole number of at least 1, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 1")
    return number


def numbers(text: str) -> tuple[int, ...]:
    """Read whole numbers of at least 1 with commas between them, for argparse."""
    return tuple(positive(part) for part in text.split(","))


def device(text: str) -> str:
    """Read where to compute, for argparse."""
    try:
        return Run.parse({"device": text}).device
    except InputError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is none of cpu, gpu, gpu:1 (the second), gpu:0,1 (both), auto"
        ) from None


def add_changes(parser: argparse.ArgumentParser) -> None:
    """Add the options that change a recipe."""
    add_set(parser, "change a setting, as in model.states=8 or stages.moving.iterations=30")
    parser.add_argument(
        "--scan-shape", nargs=2, type=positive, metavar=("ROWS", "COLUMNS"), help="data.scan_shape, in short"
    )
    parser.add_argument("--iterations", type=positive, metavar="N", help="iterations of the last stage")
    parser.add_argument("--device", type=device, help="cpu, gpu, gpu:1 (the second), gpu:0,1 (both) or auto")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")


def add_set(parser: argparse.ArgumentParser, words: str) -> None:
    """Add the option that changes one setting, any number of times."""
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="section.key=value",
        help=f"{words} (repeatable)",
    )


def changed(recipe: Recipe, arguments: argparse.Namespace) -> Recipe:
    """Return the recipe with what the options change."""
    for assignment in arguments.changes:
        recipe = recipe.with_set(assignment)
    if arguments.scan_shape is not None:
        recipe = recipe.with_set("data.scan_shape=[{},{}]".format(*arguments.scan_shape))
    if arguments.iterations is not None:
        recipe = recipe.with_iterations(arguments.iterations)
    if arguments.device is not None:
        recipe = recipe.with_set(f"run.device={arguments.device}")
    return recipe


def is_result(path: Path) -> bool:
    """Tell whether a file is a result of this package."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:
        return False


def check_out(out: Path, recipe: Recipe) -> None:
    """Refuse, before anything is computed, a place where the result could not or should not be written.

    Raises
    ------
    InputError
        When the folder cannot be written, or the file is there and is not a result.
    """
    if out.is_dir():
        raise InputError(f"{out}: this is a folder; give the name of the result file.")
    if out.exists() and data_path(recipe.data.file).resolve() == out.resolve():
        raise InputError(f"{out}: this is the data file; give another name for the result.")
    if out.exists() and out.stat().st_size and not is_result(out):
        raise InputError(f"{out}: this file is there and is not a result; give another name for the result.")
    check_folder(out.parent)


def check_folder(folder: Path) -> None:
    """Make a folder and write into it, or refuse.

    Raises
    ------
    InputError
        When that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{folder}: this folder cannot be written to ({reason}); choose another with --out."
        ) from None
