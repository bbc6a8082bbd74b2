"""What a result is compared with: the truth of its data, a structure or trajectory, or another result."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_mixedptycho.analysis import find_columns, measure, scan_positions
from napari_mixedptycho.analysis.known import truth_of_motion, truth_of_structure
from napari_mixedptycho.cli._options import is_result
from napari_mixedptycho.dataset import Truth
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import data_path, load
from napari_mixedptycho.io.files import SUFFIXES
from napari_mixedptycho.preprocess import truth_in
from napari_mixedptycho.result import Result
from napari_mixedptycho.simulate import CRYSTALS, open_structure
from napari_mixedptycho.words import counted


def add_truth(parser: argparse.ArgumentParser) -> None:
    """Add the options that name what is known."""
    parser.add_argument(
        "--truth",
        metavar="FILE",
        help="what is known: a data file (or sample:NAME) with truth, another result, a structure or "
        "trajectory that ASE reads, or a built-in crystal, which are turned and shifted to fit (default: the "
        "result's own data, when they know it)",
    )
    parser.add_argument(
        "--species", nargs="+", metavar="El", help="elements of a structure that are columns (default: all)"
    )
    parser.add_argument(
        "--axis", choices=("x", "y", "z"), default="z", help="of a structure, along the beam (default: z)"
    )


def truth_for(result: Result, arguments: argparse.Namespace) -> Truth | None:
    """Return what the options name, in the frame of the result; None where nothing is known.

    Raises
    ------
    InputError
        When what is named cannot be read, knows nothing, or does not fit.
    """
    name: str | None = arguments.truth
    if name is None or name.startswith("sample:"):
        return known_truth(result, name)
    path = Path(name)
    if path.is_file() and is_result(path):
        return truth_of_motion(measure(Result.load(path)))
    if name not in CRYSTALS and path.suffix.lower() in SUFFIXES:
        return known_truth(result, name)
    structure = open_structure(name, axis=arguments.axis)
    found, scan = find_columns(result), scan_positions(result)
    truth, placement = truth_of_structure(structure, found, scan, arguments.species or ())
    print(
        f"{structure.name} is turned by {placement.rotation:.2f}° and lies on {placement.matched} of "
        f"{counted(len(found), 'column')} to {placement.distance:.3f} Å.",
        file=sys.stderr,
    )
    return truth


def known_truth(result: Result, file: str | None) -> Truth | None:
    """Return the truth of a file, or of the result's own data when they are here and know it."""
    data, rotation = result.recipe.data, result.recipe.microscope.scan_rotation
    if file is not None:
        dataset = load(data_path(file))
        if dataset.truth is None:
            raise InputError(f"{file}: this file does not know the truth (it has no group 'truth').")
        return truth_in(dataset, data.scan_region, rotation)
    try:
        dataset = load(data.file, data.dataset, layout=data)
    except InputError:  # moved or elsewhere: the result stands on its own
        return None
    return truth_in(dataset, data.scan_region, rotation)
