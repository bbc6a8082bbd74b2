"""``mixedptycho convert``: any data file, preprocessed, into HDF5 of ours, or into EMD 1.0."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.cli._layout import add_layout, contents_of
from napari_mixedptycho.cli._options import check_folder
from napari_mixedptycho.cli._preprocess import add_preprocessing, changed_contents, wished
from napari_mixedptycho.cli._work import Terminated, termination_as_interrupt
from napari_mixedptycho.dataset import check_units
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Contents, check_scan, write_emd, write_hdf5
from napari_mixedptycho.io.write import BLOCK
from napari_mixedptycho.stored import held
from napari_mixedptycho.words import duration, size

_TYPES = ("uint8", "uint16", "uint32", "int16", "int32", "float32", "float64")
_REFRESH, _PAUSE = 0.1, 5.0
"""Seconds between two lines of progress, in a terminal and elsewhere."""
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
        "or as EMD 1.0 (.emd), which py4DSTEM, HyperSpy and RosettaSciIO open; on the way they can be "
        "preprocessed. Some rows at a time are held in memory. The file appears under its name when it is "
        "complete.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="IN", help="data file, or sample:si_sigma9")
    parser.add_argument("out", type=Path, metavar="OUT", help="new file: .h5, .hdf5, or .emd")
    add_layout(parser)
    for name, (metavar, text) in _SET.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, metavar=metavar, help=text)
    parser.add_argument("--cast", choices=_TYPES, metavar="TYPE", help=f"number type: {', '.join(_TYPES)}")
    add_preprocessing(parser)
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
    data = wished(arguments)
    if data is not None:
        contents = changed_contents(contents, data)
    if arguments.cast is not None:
        contents = replace(contents, number_type=np.dtype(arguments.cast))
    for note in (*contents.notes, *_lost(contents, arguments.out)):
        _say(note, arguments)
    _say(_size(contents), arguments)
    with termination_as_interrupt():
        try:
            _write(write(contents, arguments.out), arguments)
        except KeyboardInterrupt as stop:
            _say(f"Stopped; {arguments.out} is not written.", arguments)
            return 143 if isinstance(stop, Terminated) else 130
    _say(f"{arguments.out} is written.", arguments)
    return 0


def _write(steps: Iterator[tuple[int, int]], arguments: argparse.Namespace) -> None:
    """Write all rows; a line that is redrawn in a terminal tells how far it is."""
    bar, began, last = sys.stderr.isatty() and not arguments.quiet, time.monotonic(), 0.0
    for done, rows in steps:
        now = time.monotonic()
        if now - last < (_REFRESH if bar else _PAUSE) and done < rows:
            continue
        last = now
        left = duration((now - began) / done * (rows - done))
        text = f"{done} of {rows} rows, {done / rows:.0%}" + (f", about {left} left" if done < rows else "")
        if bar:
            print(f"\r\x1b[K{text}", end="" if done < rows else "\n", file=sys.stderr, flush=True)
        else:
            _say(text, arguments)


def _size(contents: Contents) -> str:
    """Say what is written, and how much is held meanwhile."""
    rows, columns, high, wide = (int(n) for n in contents.patterns.shape)
    kind = contents.number_type or np.dtype(contents.patterns.dtype)
    whole = rows * columns * high * wide * kind.itemsize
    memory = 3 * max(BLOCK, held(contents.patterns))
    return (
        f"{rows} × {columns} patterns of {high} × {wide} px, {kind}, {size(whole)} before compression; about "
        f"{size(min(memory, 3 * whole))} of memory are used."
    )


def _lost(contents: Contents, out: Path) -> list[str]:
    """Say what EMD 1.0 has no place for."""
    there = {"mask": contents.mask, "descan": contents.descan, "skipped": contents.skipped}
    names = [name for name, value in there.items() if value is not None]
    if out.suffix.lower() != ".emd" or not names:
        return []
    return [f"EMD 1.0 has no place for: {', '.join(names)}; write .h5 to keep it."]


def _with_numbers(contents: Contents, arguments: argparse.Namespace) -> Contents:
    """Return the contents with the numbers of the command line."""
    given = {name: getattr(arguments, name) for name in _SET if getattr(arguments, name) is not None}
    energy = given.get("energy", contents.numbers.get("energy"))
    check_units(str(contents.path), given.get("energy"), given.get("semiangle"))
    stated = contents.with_energy(energy) if energy else dict(contents.numbers)
    return replace(contents, numbers={**stated, **given})


def _say(text: str, arguments: argparse.Namespace) -> None:
    if not arguments.quiet:
        print(text, file=sys.stderr, flush=True)
