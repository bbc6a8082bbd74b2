"""``mixedptycho figures``: all figures of one or several results by one call."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_mixedptycho.cli._findings import add_control, data_of, findings_of
from napari_mixedptycho.cli._options import check_folder
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import Result

SUFFIXES = ("png", "svg", "pdf")


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "figures",
        help="draw all figures of one or several results",
        description="Draw mean phase, power spectrum, states, slices, probe, loss, spread, health, and the "
        "motion of the columns (beside truth and control where they are known), for paper and screen. Of "
        "several results each has a folder, and losses, power spectra and differences are drawn too.",
        allow_abbrev=False,
    )
    parser.add_argument("results", type=Path, metavar="RESULT.h5", nargs="+")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write them (default: RESULT.figures)"
    )
    parser.add_argument(
        "--format", action="append", choices=SUFFIXES, help="repeatable; default: png and svg"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="this figure alone (repeatable)"
    )
    add_control(parser)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    # Here, since matplotlib takes its time and is needed for figures alone.
    from napari_mixedptycho.analysis.figures import album, chosen, joint_album, write_album

    paths: list[Path] = arguments.results
    if arguments.control is not None and len(paths) > 1:
        raise InputError("--control is of one result; draw the figures of each result on its own.")
    results = [Result.load(path) for path in paths]
    folder = arguments.out or paths[0].with_suffix(".figures")
    plates = {folder: joint_album(dict(zip(names(paths), results, strict=True)))}
    for name, result in zip(names(paths), results, strict=True):
        place = folder / name if len(paths) > 1 else folder
        findings = findings_of(result, data_of(result), arguments.control)
        plates[place] = [*plates.get(place, []), *album(findings.subject)]
    everything = [plate for several in plates.values() for plate in several]
    known = {plate.name for plate in chosen(everything, arguments.only)}
    suffixes = [f".{suffix}" for suffix in arguments.format or SUFFIXES[:2]]
    check_folder(folder)
    for place, several in plates.items():
        wanted = [plate for plate in several if plate.name in known]
        for path in write_album(wanted, place, suffixes):
            print(path)
    return 0


def names(paths: Sequence[Path]) -> list[str]:
    """Return a short name for each file, different ones for different files."""
    short = [path.stem for path in paths]
    if len(set(short)) < len(short):
        short = [f"{path.resolve().parent.name}_{path.stem}" for path in paths]
    return [
        name if short.count(name) == 1 else f"{name}_{number}" for number, name in enumerate(short, start=1)
    ]
