"""``mixedptycho convert``: any data file into HDF5 of ours, or into EMD 1.0."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_mixedptycho.cli._layout import add_layout, contents_of
from napari_mixedptycho.cli._options import check_folder
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Contents, check_scan, write_emd, write_hdf5

_SET = {
    "energy": ("EV", "electron energy, eV"),
    "semiangle": ("MRAD", "convergence semi-angle, mrad"),
    "scan_step": ("A", "distance between scan points, Å"),
    "detector_sampling": ("DK", "1/Å per detector pixel"),
    "defocus": ("A", "Å; positive: crossover below the entrance surface"),
    "thickness": ("A", "specimen thickness, Å"),
}


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "convert",
        help="write a data file of any format as HDF5 or EMD 1.0",
        description="Write the patterns of a data file, and all that is known of them, as HDF5 of ours (.h5) "
        "or as EMD 1.0 (.emd), which py4DSTEM, HyperSpy and RosettaSciIO open. Some rows at a time are held "
        "in memory.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="IN", help="data file, or sample:si_sigma9")
    parser.add_argument("out", type=Path, metavar="OUT", help="new file: .h5, .hdf5, or .emd")
    add_layout(parser)
    for name, (metavar, text) in _SET.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, metavar=metavar, help=text)
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    write = {".h5": write_hdf5, ".hdf5": write_hdf5, ".emd": write_emd}.get(arguments.out.suffix.lower())
    if write is None:
        raise InputError(f"{arguments.out}: give a name that ends with .h5 or .emd.")
    if arguments.out.exists():
        raise InputError(f"{arguments.out}: this file is there already; give another name.")
    contents = _with_numbers(contents_of(arguments), arguments)
    check_scan(contents)
    check_folder(arguments.out.parent)
    say = _nothing if arguments.quiet else _say
    for note in contents.notes:
        say(f"{note}\n")
    for done, rows in write(contents, arguments.out):
        say(f"\r{done} of {rows} rows")
    say(f"\n{arguments.out} is written.\n")
    return 0


def _with_numbers(contents: Contents, arguments: argparse.Namespace) -> Contents:
    """Return the contents with the numbers of the command line."""
    given = {name: getattr(arguments, name) for name in _SET if getattr(arguments, name) is not None}
    energy = given.get("energy", contents.numbers.get("energy"))
    stated = contents.with_energy(energy) if energy else dict(contents.numbers)
    return replace(contents, numbers={**stated, **given})


def _say(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)


def _nothing(text: str) -> None:
    """Say nothing."""
