"""A result, measured, with its control and its data where they are: for figures, export and report."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from napari_mixedptycho.analysis.recovery import Recovery
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.export import Findings
from napari_mixedptycho.io import load
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.preprocess import truth_in
from napari_mixedptycho.result import Result


def add_control(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the stationary control."""
    parser.add_argument(
        "--control",
        type=Path,
        metavar="CONTROL.h5",
        help="the stationary control of the result, as `mixedptycho control` writes it",
    )


def data_of(result: Result) -> Dataset | None:
    """Return the data of a result with their own numbers, or None when they have moved."""
    recipe = result.recipe
    try:
        return load(recipe.data.file, recipe.data.dataset, layout=recipe.data)
    except InputError:
        pass
    try:  # numbers that the file lacks stand in the recipe alone
        return open_dataset(recipe)
    except InputError:
        return None


def findings_of(result: Result, dataset: Dataset | None, control: Path | None = None) -> Findings:
    """Measure a result, beside its control, a planted motion and the truth of its data where there are any.

    Raises
    ------
    InputError
        When the control cannot be read, or is of another result.
    """
    data, rotation = result.recipe.data, result.recipe.microscope.scan_rotation
    truth = None if dataset is None else truth_in(dataset, data.scan_region, rotation)
    still = None if control is None else Result.load(control)
    if still is not None and still.geometry != result.geometry:
        raise InputError(
            f"{control}: this result lies on another grid than {result.name}; give the control.h5 that "
            "`mixedptycho control` made of it."
        )
    findings = Findings.of(result, still, truth)
    if control is None:
        return findings
    return replace(findings, recovery=Recovery.read(control.with_name("control.json")))
