"""``mixedptycho figures``: all figures of a result by one call."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_mixedptycho.cli._options import check_folder
from napari_mixedptycho.cli._truth import known_truth
from napari_mixedptycho.cli.columns import analyse
from napari_mixedptycho.result import Result

SUFFIXES = ("png", "svg", "pdf")


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "figures",
        help="draw all figures of a result",
        description="Draw the mean phase with its columns, the states, the power spectrum, the loss and the "
        "motion of the columns (beside the truth where it is known), for paper and screen.",
        allow_abbrev=False,
    )
    parser.add_argument("result", type=Path, metavar="RESULT.h5")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write them (default: RESULT.figures)"
    )
    parser.add_argument(
        "--format", action="append", choices=SUFFIXES, help="repeatable; default: png and svg"
    )
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    # Here, since matplotlib takes its time and is needed for figures alone.
    from napari_mixedptycho.analysis.figures import write_figures

    result = Result.load(arguments.result)
    folder = arguments.out or arguments.result.with_suffix(".figures")
    check_folder(folder)
    found = analyse(result, known_truth(result, None))
    for suffix in arguments.format or SUFFIXES[:2]:
        for path in write_figures(result, folder, found.motion, found.comparison, f".{suffix}"):
            print(path)
    return 0
