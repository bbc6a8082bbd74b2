"""``mixedptycho compare``: two results of the same place, side by side."""

from __future__ import annotations

import argparse
import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.analysis import ColumnMotion, find_columns, measure
from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.analysis.distance import distances
from napari_mixedptycho.analysis.motion import finite
from napari_mixedptycho.analysis.pair import Pair, PairSettings, pair
from napari_mixedptycho.analysis.table import cell, write_rows
from napari_mixedptycho.cli._distance import apart
from napari_mixedptycho.cli._options import check_folder
from napari_mixedptycho.result import Result


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare",
        help="compare two results of the same place",
        description="Bring the mean phases of two results to the same place and compare them: difference, "
        "Fourier ring correlation, power, noise between the columns, motion of the same columns, and what "
        "differs in the recipes.",
        allow_abbrev=False,
    )
    parser.add_argument("one", type=Path, metavar="A.h5")
    parser.add_argument("other", type=Path, metavar="B.h5")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write rings.csv and compare.json here")
    parser.add_argument("--json", action="store_true", help="print JSON, lengths in Å")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    one, other = (Result.load(path) for path in (arguments.one, arguments.other))
    found = pair(one, other, PairSettings())
    both = measured(one, other, found)
    numbers = numbers_of(found) | moving(both) | {"same_data": one.data_hash == other.data_hash}
    if arguments.out is not None:
        check_folder(arguments.out)
        (arguments.out / "compare.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
        write_rings(arguments.out / "rings.csv", found)
        if both is not None:
            write_columns(arguments.out / "columns.csv", both, found.shift)
    print(json.dumps(numbers, indent=2) if arguments.json else sentences(numbers))
    return 0


def numbers_of(found: Pair) -> dict[str, Any]:
    """Return plain values for JSON; None for what is not known."""
    return {
        "shift": [float(step) for step in found.shift],
        "ramp": [float(slope) for slope in found.ramp],
        "difference": finite(found.difference),
        "resolution_frequency": found.resolution,
        "information_limit": found.information,
        "noise": [finite(value) for value in found.noise],
        "recipes": {name: list(values) for name, values in found.recipes.items()},
    }


def measured(one: Result, other: Result, found: Pair) -> tuple[ColumnMotion, ColumnMotion] | None:
    """Measure the columns of the first result in both; None when there are none."""
    columns = find_columns(one)
    if not len(columns):
        return None
    return measure(one, columns=columns), measure(other, columns=columns + found.shift)


def moving(both: tuple[ColumnMotion, ColumnMotion] | None) -> dict[str, Any]:
    """Return the motion, rms per axis, and how far both ensembles are from each other; lengths in Å."""
    if both is None:
        return {"motion": [None, None]}
    sizes = [finite(float(np.sqrt((motion.sd**2).mean()))) for motion in both]
    return {"motion": sizes} | distances(both[0].positions, both[1].positions).numbers()


def write_columns(path: Path, both: tuple[ColumnMotion, ColumnMotion], shift: Floats) -> None:
    """Write each column beside itself, in the frame of the first result, with the distances of both."""
    one, other = both
    found = distances(one.positions, other.positions)
    table: dict[str, Floats] = {}
    for name, motion, moved in (("a", one, 0.0), ("b", other, shift)):
        for axis, letter in enumerate("yx"):
            table[f"{letter}_{name} (angstrom)"] = (motion.mean - moved)[:, axis]
        for axis, letter in enumerate("yx"):
            table[f"sd_{letter}_{name} (angstrom)"] = motion.sd[:, axis]
    table |= found.table()
    rows = enumerate(zip(*table.values(), strict=True))
    write_rows(path, ["id", *table], ([str(index), *map(cell, row)] for index, row in rows))


def write_rings(path: Path, found: Pair) -> None:
    """Write agreement and power against spatial frequency."""
    header = [
        "frequency (1/angstrom)",
        "frc",
        "half_bit",
        "power_a (rad^2 angstrom^2)",
        "power_b (rad^2 angstrom^2)",
    ]
    curves = (found.agreement.frequency, found.agreement.value, found.half_bit.value)
    table = (*curves, *(power.value for power in found.power))
    write_rows(path, header, ([cell(value) for value in row] for row in zip_longest(*table)))


def sentences(numbers: dict[str, Any]) -> str:
    """Say it in words."""
    (down, right), noise, motion = numbers["shift"], numbers["noise"], numbers["motion"]
    limit = numbers["resolution_frequency"]
    lines = [
        f"B lies {down:+.3f} Å (y), {right:+.3f} Å (x) from A; without this and the ramp they differ by "
        f"{100 * numbers['difference']:.1f} % of A's contrast.",
        "They agree (Fourier ring correlation) at all frequencies of the grid."
        if limit is None
        else f"They agree (Fourier ring correlation) up to {limit:.2f} 1/Å, details of {1 / limit:.2f} Å."
        if limit > 0
        else "They do not agree (Fourier ring correlation) at any frequency.",
    ]
    if numbers["information_limit"]:
        lines.append(f"Information limit (half-bit): {numbers['information_limit']:.2f} 1/Å.")
    if numbers["same_data"]:
        lines.append("Both are of the same data and share its noise: this is agreement, not resolution.")
    if None not in noise:
        lines.append(
            f"Noise between the columns ÷ height of the columns: A {noise[0]:.3f}, B {noise[1]:.3f}."
        )
    if None not in motion:
        lines.append(f"Motion of the same columns: A {motion[0]:.4f} Å, B {motion[1]:.4f} Å.")
        lines.append(apart(numbers))
    rows = [f"  {name}: {values[0]} / {values[1]}" for name, values in numbers["recipes"].items()]
    return "\n".join([*lines, "The recipes are the same." if not rows else "Settings, A / B:", *rows])
