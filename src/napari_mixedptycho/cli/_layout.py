"""Options of the commands that open a data file: what the file does not say of how it is laid out."""

from __future__ import annotations

import argparse
from typing import get_args

from napari_mixedptycho.cli._options import positive
from napari_mixedptycho.io import Contents, Layout, data_path, read_contents
from napari_mixedptycho.io.layout import Axes, NumberType
from napari_mixedptycho.recipe import Data

_OPTIONS = ("scan_shape", "detector_shape", "axes", "number_type", "skip_bytes", "frame_gap")


def add_layout(parser: argparse.ArgumentParser) -> None:
    """Add the options; each is a setting of the recipe's section ``data`` too."""
    parser.add_argument("--dataset", metavar="KEY", help="path of the dataset inside a data file")
    parser.add_argument(
        "--scan-shape",
        nargs=2,
        type=positive,
        metavar=("ROWS", "COLUMNS"),
        help="of a file that holds a mere stack of patterns; more columns (fly-back) are left out",
    )
    parser.add_argument("--axes", choices=get_args(Axes), help="what the four axes are")
    parser.add_argument(
        "--detector-shape", nargs=2, type=positive, metavar=("ROWS", "COLUMNS"), help="of a raw binary file"
    )
    parser.add_argument("--number-type", choices=get_args(NumberType), help="of a raw binary file")
    parser.add_argument("--skip-bytes", type=int, metavar="N", help="header of a raw binary file")
    parser.add_argument("--frame-gap", type=int, metavar="N", help="bytes between patterns of a raw file")


def contents_of(arguments: argparse.Namespace, data: Data | None = None) -> Contents:
    """Open the data file of a command line.

    Parameters
    ----------
    arguments
        With the options of `add_layout`.
    data
        Of a recipe: its file, and what the options leave open; None: the file of the command line.

    Raises
    ------
    InputError
        As `read_contents` does, and when an option is out of range.
    """
    given = {name: getattr(arguments, name) for name in _OPTIONS}
    known = {} if data is None else data.model_dump(mode="json", include=set(Layout.model_fields))
    known |= {name: value for name, value in given.items() if value is not None}
    layout, key = Layout.parse(known, "options"), arguments.dataset
    if data is None:
        return read_contents(data_path(arguments.file), key, layout)
    return read_contents(data_path(data.file), key or data.dataset, layout)
