"""``mixedptycho export``: a result as files that other programs open."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_mixedptycho.cli._findings import add_control, data_of, findings_of
from napari_mixedptycho.cli._options import check_folder
from napari_mixedptycho.export import FORMATS, USUAL, export
from napari_mixedptycho.result import Result


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "export",
        help="write a result for other programs: EMD, TIFF, CSV, recipe, NumPy",
        description="Write a result as EMD 1.0 (py4DSTEM, HyperSpy, RosettaSciIO), TIFF with pixel "
        "size (ImageJ), CSV of the columns, its recipe, and NumPy.",
        allow_abbrev=False,
    )
    parser.add_argument("result", type=Path, metavar="RESULT.h5")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write them (default: RESULT.export)"
    )
    parser.add_argument(
        "--format", action="append", choices=FORMATS, help=f"repeatable; default: {', '.join(USUAL)}"
    )
    add_control(parser)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    result = Result.load(arguments.result)
    folder = arguments.out or arguments.result.with_suffix(".export")
    findings = findings_of(result, data_of(result), arguments.control)
    check_folder(folder)
    for path in export(findings, folder, arguments.format or USUAL):
        print(path)
    return 0
