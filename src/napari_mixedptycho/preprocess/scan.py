"""Which scan points are used."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_mixedptycho.data_settings import numbered
from napari_mixedptycho.dataset import Dataset, Truth
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.preprocess.change import Thinned
from napari_mixedptycho.stored import Stored

Region = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last scan point."""


def cut_scan(dataset: Dataset, region: Region, name: str = "scan_region") -> Dataset:
    """Return the part of the scan in a region, which is the setting `name`; the truth moves into its frame.

    Raises
    ------
    InputError
        When the region does not lie in the scan.
    """
    top, bottom, left, right = region
    rows, columns = dataset.scan_shape
    if not (0 <= top < bottom <= rows and 0 <= left < right <= columns):
        raise InputError(f"data.{name} is {region}; the scan has {rows} rows and {columns} columns.")
    if isinstance(dataset.patterns, Stored):
        patterns: Any = dataset.patterns.cut(*region)
    else:
        patterns = np.asarray(dataset.patterns[top:bottom, left:right])
    skipped = None if dataset.skipped is None else dataset.skipped[top:bottom, left:right]
    descan = dataset.descan
    if descan is not None:
        descan = np.concatenate([descan[:1] + np.array([[top, left]]) @ descan[1:], descan[1:]])
    truth = truth_in(dataset, region, 0.0)
    return dataset.replace(patterns=patterns, truth=truth, skipped=skipped, descan=descan)


def thin_scan(dataset: Dataset, every: int) -> Dataset:
    """Return every n-th point of every n-th row of the scan; its step grows."""
    if every == 1:
        return dataset
    if isinstance(dataset.patterns, Stored):
        patterns: Any = Stored.of(Thinned(dataset.patterns, every))
    else:
        patterns = np.asarray(dataset.patterns[::every, ::every])
    skipped, descan = dataset.skipped, dataset.descan
    if descan is not None:
        descan = np.concatenate([descan[:1], every * descan[1:]])
    return dataset.replace(
        patterns=patterns,
        scan_step=dataset.scan_step * every,
        skipped=None if skipped is None else skipped[::every, ::every],
        descan=descan,
        stated={"scan_step": dataset.scan_step, **dataset.stated},
    )


def skip_points(dataset: Dataset, rows: str | None, columns: str | None) -> Dataset:
    """Return the data set with some rows and columns of its scan not used; they keep their places.

    A scan with gaps stays a grid, so that the points behind a gap lie where they were recorded.

    Parameters
    ----------
    dataset
        The whole scan.
    rows, columns
        Numbers and ranges, as in ``10-12, 40``; None: none.

    Raises
    ------
    InputError
        When nothing is left.
    """
    if rows is None and columns is None:
        return dataset
    down, along = dataset.scan_shape
    skipped = numbered(rows, down)[:, None] | numbered(columns, along)
    if skipped.all():
        raise InputError(f"{dataset.name}: data.skip_rows and data.skip_columns leave no pattern.")
    if dataset.skipped is not None:
        skipped = skipped | dataset.skipped
    return dataset.replace(skipped=skipped if skipped.any() else None)


def truth_in(dataset: Dataset, region: Region | None, rotation: float | None = None) -> Truth | None:
    """Return the truth, if known, where a reconstruction of a region of the scan lies.

    Parameters
    ----------
    dataset
        Its truth lies along the scan.
    region
        Of the scan, whose first point is the origin; None: all of it.
    rotation
        Degrees by which the scan is turned, as the reconstruction took it; None: as the data set says.
    """
    truth = dataset.truth
    if truth is None:
        return None
    if region is not None:
        top, bottom, left, right = region
        start = np.array([top, left]) * dataset.scan_step
        extent = np.array([bottom - top - 1, right - left - 1]) * dataset.scan_step
        truth = truth.cut(start, extent)
    return truth.turned(dataset.scan_rotation if rotation is None else rotation)
