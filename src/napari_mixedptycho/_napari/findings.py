"""From a result to columns, their motion and the comparison with the truth: the rooms below do the work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import ArrayLike

from napari_mixedptycho.analysis import (
    ColumnMotion,
    Comparison,
    MotionSettings,
    compare,
    measure,
    write_columns,
)
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.preprocess import truth_in
from napari_mixedptycho.result import Result


@dataclass(frozen=True)
class Findings:
    """What was found in a result.

    Attributes
    ----------
    result, settings
        In what, and how.
    motion
        The columns.
    comparison
        With the truth, when the data know it.
    note
        Why there is no comparison although there is a truth, or nothing.
    """

    result: Result
    settings: MotionSettings
    motion: ColumnMotion
    comparison: Comparison | None
    note: str

    @classmethod
    def of(
        cls,
        result: Result,
        dataset: Dataset | None,
        settings: MotionSettings,
        columns: ArrayLike | None = None,
        numbers: Sequence[int] | None = None,
    ) -> Findings:
        """Find the columns of a result, or measure given ones.

        Parameters
        ----------
        result, dataset
            The result, and what it was made from, when that is known.
        settings
            How to find and to measure.
        columns, numbers
            (N, 2) positions, Å, to measure instead of finding them, and their numbers.

        Raises
        ------
        InputError
            As `analysis.measure`.
        """
        motion, comparison, note = measure(result, settings, columns, numbers), None, ""
        region, rotation = result.recipe.data.scan_region, result.recipe.microscope.scan_rotation
        truth = None if dataset is None else truth_in(dataset, region, rotation)
        if truth is not None and motion.n_columns:
            try:
                comparison = compare(result, motion, truth, settings)
            except InputError as error:
                note = str(error)
        return cls(result, settings, motion, comparison, note)

    @property
    def numbers(self) -> tuple[int, ...]:
        """(N,) by which the columns are called; one that is removed leaves its number unused."""
        return self.motion.numbers or tuple(range(self.motion.n_columns))

    def export(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write ``columns.csv`` and the figures into a folder; returns the files."""
        # Matplotlib takes its time, and is needed here only.
        from napari_mixedptycho.analysis.figures import write_figures

        table = Path(folder) / "columns.csv"
        write_columns(table, self.motion, self.comparison)
        return [table, *write_figures(self.result, folder, self.motion, self.comparison)]
