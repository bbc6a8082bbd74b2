"""``mixedptycho columns``: where the columns are, and how far they move."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.analysis import (
    ColumnMotion,
    Comparison,
    MotionSettings,
    Verdict,
    b_factor,
    compare,
    find_columns,
    judge,
    measure,
    proposed_radius,
    read_columns,
    write_columns,
)
from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.cli._distance import apart
from napari_mixedptycho.cli._options import add_set, check_folder, positive
from napari_mixedptycho.cli._pairs import pairs_of, sentences, write_pairs
from napari_mixedptycho.cli._truth import add_truth, truth_for
from napari_mixedptycho.dataset import Truth
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import Result
from napari_mixedptycho.words import counted


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "columns",
        help="measure the atomic columns of a result and their motion",
        description="Find the atomic columns inside the scanned field of a result and measure their motion "
        "over the object states. Simulated data are compared with their truth.",
        allow_abbrev=False,
    )
    parser.add_argument("result", type=Path, metavar="RESULT.h5")
    add_truth(parser)
    parser.add_argument(
        "--control",
        type=Path,
        metavar="CONTROL.h5",
        help="the control's result (see `mixedptycho control`): the motion above it, and its pairs",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write columns.csv and the figures here")
    parser.add_argument(
        "--columns",
        type=Path,
        metavar="FILE.csv",
        help="measure these columns, which keep their id, instead of finding them: a table as --out writes "
        "it, with lines removed, moved or added (no id: a new one)",
    )
    parser.add_argument(
        "--radius",
        metavar="A",
        help="of the window in Å, or auto: 0.3 of the distance of near neighbours (default: 0.4)",
    )
    add_set(parser, "change how columns are found or measured, as in finder.threshold=0.15")
    parser.add_argument("--pairs", action="store_true", help="also how columns move together, against chance")
    parser.add_argument(
        "--mass",
        type=float,
        metavar="U",
        help="mass of all atoms of a column, u: adds mean frequencies to --pairs",
    )
    parser.add_argument(
        "--atoms",
        type=positive,
        metavar="N",
        help="atoms in a column: adds the B factor of an atom on its own",
    )
    parser.add_argument("--temperature", type=float, default=300.0, metavar="K", help="default: 300")
    parser.add_argument("--json", action="store_true", help="print JSON, lengths in Å")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    result = Result.load(arguments.result)
    found = _found(arguments, result)
    together = None
    if arguments.pairs or arguments.mass is not None:
        together = pairs_of(found.motion, arguments.mass, arguments.temperature, found.beside())
    if arguments.out is not None:
        write(result, found, arguments.out, arguments.atoms)
        if together is not None:
            write_pairs(arguments.out / "pairs.csv", together)
    if arguments.json:
        print(json.dumps(found.numbers() | found.b_factors(arguments.atoms) | (together or {}), indent=2))
    else:
        print(found.sentence(arguments.atoms))
        if together is not None:
            print(sentences(together))
    return 0


def _found(arguments: argparse.Namespace, result: Result) -> Found:
    """Measure the columns, beside truth and control where these are known."""
    columns, numbers = (None, None) if arguments.columns is None else read_columns(arguments.columns)
    settings = _settings(result, arguments, columns)
    motion = measure(result, settings, columns, numbers)
    found = analyse(result, truth_for(result, arguments), settings, motion)
    if found.note is not None:
        if arguments.truth is not None:
            raise InputError(found.note)
        print(f"Not compared with the truth: {found.note}", file=sys.stderr)
    if arguments.control is None or not motion.n_columns:
        return found
    return found.above(Result.load(arguments.control), settings)


@dataclass(frozen=True)
class Found:
    """The columns of a result, compared with the truth where it is known; a note when that fails."""

    motion: ColumnMotion
    comparison: Comparison | None = None
    note: str | None = None
    floor: ColumnMotion | None = None
    verdict: Verdict | None = None

    def above(self, control: Result, settings: MotionSettings) -> Found:
        """Return the same with the motion of these columns in the control, and what it leaves."""
        floor = measure(control, settings, self.motion.columns)
        return replace(self, floor=floor, verdict=judge(self.motion, floor))

    def beside(self) -> dict[str, NDArray[np.float64]]:
        """Return the positions (state, N, 2) of the same columns in the control and in truth, where known."""
        found = {} if self.floor is None else {"control": self.floor.positions}
        if self.comparison is not None:
            true = self.comparison.true_positions
            every = np.full((len(true), *self.motion.positions.shape[1:]), np.nan)
            every[:, self.comparison.found] = true
            found["truth"] = every
        return found

    def numbers(self) -> dict[str, Any]:
        """Return plain numbers for JSON; with truth, those of the columns that were matched."""
        found: dict[str, Any] = dict(self.motion.summary())
        if self.comparison is not None:
            found |= self.comparison.summary() | self.comparison.distances.numbers()
        return found if self.verdict is None else self.verdict.numbers() | found

    def b_factors(self, atoms: int | None) -> dict[str, float]:
        """Return B, Å², of columns' centres and of atoms on their own; nothing without columns."""
        if not self.motion.n_columns:
            return {}
        size = self.motion.rms
        found = {"B": float(b_factor(size))}
        return found if atoms is None else found | {"B_independent": float(b_factor(size, atoms, 0.0))}

    def sentence(self, atoms: int | None = None) -> str:
        """Say it in words; with the atoms of a column, the B factor of one of them."""
        motion, comparison = self.motion, self.comparison
        if motion.n_columns == 0:
            return "No columns were found inside the scanned field."
        text = (
            f"{counted(motion.n_columns, 'column')} in {counted(motion.n_states, 'state')}: "
            f"rms motion {motion.sd_y:.4f} Å (y), {motion.sd_x:.4f} Å (x)"
        )
        if motion.n_states == 1:
            text += " (one state shows no motion: set model.states)"
        if motion.flagged.any():
            text += f"; {int(motion.flagged.sum())} of them not to be trusted (held at their farthest)"
        for flag, why in ((motion.edge, "near the rim of the scan"), (motion.overlap, "with a cut window")):
            if flag is not None and flag.any():
                text += f"; {int(flag.sum())} {why}"
        if atoms is not None:
            low, high = self.b_factors(atoms).values()
            text += (
                f".\nB of an atom: {low:.2f} Å² if the {atoms} atoms of a column move as one, {high:.2f} Å² "
                "if each moves on its own"
            )
        if self.verdict is not None:
            text += f".\n{self.verdict.sentence().rstrip('.')}"
        return f"{text}." if comparison is None else f"{text}.\n{_beside_truth(comparison)}"


def _beside_truth(comparison: Comparison) -> str:
    true = comparison.rendered
    text = f"The truth, for {comparison.n_columns} of them: "
    if true.stationary:
        text += "nothing moves, so that this motion is error"
    else:
        text += f"{true.true_sd_y:.4f} Å (y), {true.true_sd_x:.4f} Å (x)"
    if true.sd_ratio is not None:
        text += f"; measured / true {true.sd_ratio:.2f}"
    if true.sd_correlation is not None:
        text += f", correlation over columns {true.sd_correlation:.2f}"
    text += f"; mean positions are off by {true.mean_position_error:.4f} Å"
    if comparison.n_missed or comparison.n_extra:
        text += f"; {comparison.n_missed} missed, {comparison.n_extra} too many"
    return f"{text}.\n{apart(comparison.distances.numbers())}"


def _settings(result: Result, arguments: argparse.Namespace, columns: Floats | None) -> MotionSettings:
    """Return how to find and to measure, as the options say."""
    settings = MotionSettings()
    for change in arguments.changes:
        settings = settings.with_set(change)
    if arguments.radius is None:
        return settings
    if arguments.radius == "auto":
        there = find_columns(result, settings.finder) if columns is None else columns
        return settings.with_set(f"centroid.radius={proposed_radius(there):.4f}")
    try:
        return settings.with_set(f"centroid.radius={float(arguments.radius)}")
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"--radius {arguments.radius}: give Å, or auto.") from None


def analyse(
    result: Result,
    truth: Truth | None,
    settings: MotionSettings | None = None,
    motion: ColumnMotion | None = None,
) -> Found:
    """Find and measure the columns of a result, and compare them with a truth in its frame."""
    motion = measure(result, settings) if motion is None else motion
    if truth is None or motion.n_columns == 0:
        return Found(motion)
    try:
        return Found(motion, compare(result, motion, truth, settings))
    except InputError as error:  # too early, or it went wrong: nothing resembles the truth
        return Found(motion, note=str(error))


def write(result: Result, found: Found, folder: Path, atoms: int | None = None) -> list[Path]:
    """Write ``columns.csv`` and the figures; return the files.

    Raises
    ------
    InputError
        When the folder cannot be written.
    """
    # Here, since matplotlib takes its time and is needed for figures alone.
    from napari_mixedptycho.analysis.figures import write_figures

    check_folder(folder)
    table = folder / "columns.csv"
    write_columns(table, found.motion, found.comparison, found.verdict, atoms)
    return [table, *write_figures(result, folder, found.motion, found.comparison)]
