"""``mixedptycho report``: a result on one page."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import Any

from napari_mixedptycho.cli._findings import add_control, data_of, findings_of
from napari_mixedptycho.cli._options import check_folder, is_result
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.export import report, write_report
from napari_mixedptycho.result import Result


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "report",
        help="write a result, its figures and whether to believe it as one page of HTML",
        description="Write one page of HTML that needs nothing else and prints on A4: the data and where "
        "each number came from, the settings, the figures, the columns with intervals, the control's "
        "verdict, alarms, software, and the commands that make it again.",
        allow_abbrev=False,
    )
    parser.add_argument("result", type=Path, metavar="RESULT.h5")
    add_control(parser)
    parser.add_argument(
        "--out", type=Path, metavar="PAGE.html", help="where to write it (default: RESULT.report.html)"
    )
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    out = arguments.out or arguments.result.with_suffix(".report.html")
    if out.is_dir() or is_result(out) or out.suffix.lower() not in {".html", ".htm"}:
        raise InputError(f"{out}: give a file name that ends with .html.")
    result = Result.load(arguments.result)
    dataset = data_of(result)
    findings = findings_of(result, dataset, arguments.control)
    check_folder(out.parent)
    files = {"result": str(arguments.result), "report": str(out)}
    if arguments.control is not None:
        files["control"] = str(arguments.control)
    today = datetime.date.today().isoformat()
    print(write_report(out, report(findings, dataset, files, today)))
    return 0
