"""The table of the columns, as comma-separated values."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from napari_mixedptycho.analysis.floor import Verdict
from napari_mixedptycho.analysis.motion import ColumnMotion
from napari_mixedptycho.analysis.truth import Comparison
from napari_mixedptycho.analysis.vibration import b_factor, ellipses
from napari_mixedptycho.errors import InputError


def write_columns(
    path: str | os.PathLike[str],
    motion: ColumnMotion,
    comparison: Comparison | None = None,
    verdict: Verdict | None = None,
    atoms: int | None = None,
) -> None:
    """Write one row per column, units in the header; with a truth, its columns too (empty where unmatched).

    Parameters
    ----------
    path
        The file to write; its folder is made when missing.
    motion
        The measured columns.
    comparison
        The same columns against the truth.
    verdict
        The same columns against their stationary control.
    atoms
        Atoms in a column; None: not known.
    """
    table = columns_table(motion, comparison, verdict, atoms)
    write_rows(path, list(table), zip(*table.values(), strict=True))


def write_rows(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table as comma-separated values; its folder is made when missing."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def cell(value: float | None) -> str:
    """Return a number as tables hold it: six digits that count, nothing where there is none."""
    return "" if value is None or np.isnan(value) else f"{value:.6g}"


def columns_table(
    motion: ColumnMotion,
    comparison: Comparison | None = None,
    verdict: Verdict | None = None,
    atoms: int | None = None,
) -> dict[str, list[str]]:
    """Return the table as header → one text per column; lengths in Å, in the scan frame.

    ``u_rms`` is the rms displacement per axis, ``B`` the factor 8π²·u_rms² of the column's centre (a column
    of atoms that move on their own has a larger one, see `vibration.b_factor`), ``B_independent`` that of an
    atom where the `atoms` of a column move on their own, ``ellipse_…`` the 1σ ellipse.

    ``id`` is the number drawn on the figures. ``true_…`` is measured by the same centroid on the rendered
    truth, in the frame of the truth; ``atoms_…`` are the means of the true positions themselves. 1 under
    ``flagged``, ``edge`` and ``overlap``: held at its farthest, near the rim of the scan, window cut by a
    neighbour's.
    """
    count = motion.n_columns
    table = {"id": [str(number) for number in motion.numbers or range(count)]}
    numbers: dict[str, np.ndarray] = {}
    for axis, name in enumerate("yx"):
        numbers[f"{name} (angstrom)"] = motion.mean[:, axis]
    for axis, name in enumerate("yx"):
        numbers[f"sd_{name} (angstrom)"] = motion.sd[:, axis]
        numbers[f"sd_{name}_low (angstrom)"] = motion.sd_interval[:, axis, 0]
        numbers[f"sd_{name}_high (angstrom)"] = motion.sd_interval[:, axis, 1]
        numbers[f"standard_error_{name} (angstrom)"] = motion.standard_error[:, axis]
    numbers["cov_yx (angstrom^2)"] = motion.covariance[:, 0, 1]
    numbers |= _size(motion)
    if atoms is not None:
        numbers["B_independent (angstrom^2)"] = b_factor(motion.u_rms, atoms, together=0.0)
    if verdict is not None:
        numbers["floor (angstrom)"] = verdict.column_floor
        numbers["above_floor (angstrom)"] = verdict.column_above
        for end, name in enumerate(("low", "high")):
            numbers[f"above_floor_{name} (angstrom)"] = verdict.column_above_interval[:, end]
        numbers["B_above_floor (angstrom^2)"] = b_factor(verdict.column_above)
    if comparison is not None:
        numbers |= _truth(comparison, count)
    table |= {name: [cell(value) for value in values] for name, values in numbers.items()}
    flags = {"flagged": motion.flagged, "edge": motion.edge, "overlap": motion.overlap}
    table |= {name: [str(int(f)) for f in flag] for name, flag in flags.items() if flag is not None}
    return table


def _size(motion: ColumnMotion) -> dict[str, np.ndarray]:
    """Return u_rms, B and the ellipse of each column."""
    shape = ellipses(motion.covariance)
    return {
        "u_rms (angstrom)": motion.u_rms,
        "B (angstrom^2)": b_factor(motion.u_rms),
        "ellipse_major (angstrom)": shape.major,
        "ellipse_minor (angstrom)": shape.minor,
        "ellipse_angle (degree)": shape.angle,
    }


def _truth(comparison: Comparison, count: int) -> dict[str, np.ndarray]:
    rendered, atoms = comparison.rendered, comparison.atoms
    sources = {"true": rendered.true_mean, "true_sd": rendered.true_sd}
    sources |= {"atoms": atoms.true_mean, "atoms_sd": atoms.true_sd}
    numbers = {}
    for prefix, values in sources.items():
        for axis, name in enumerate("yx"):
            filled = np.full(count, np.nan)
            filled[comparison.found] = values[:, axis]
            numbers[f"{prefix}_{name} (angstrom)"] = filled
    for name, values in comparison.distances.table().items():
        numbers[name] = np.full(count, np.nan)
        numbers[name][comparison.found] = values
    return numbers


def read_columns(path: str | os.PathLike[str]) -> tuple[np.ndarray, tuple[int, ...]]:
    """Read columns from a table that `write_columns` wrote, whatever was changed in it by hand.

    Parameters
    ----------
    path
        The file; of it the columns ``id``, ``y (angstrom)`` and ``x (angstrom)`` are read.

    Returns
    -------
    tuple
        (N, 2) positions (y, x), Å, and their numbers; lines without a number get new ones.

    Raises
    ------
    InputError
        When the file cannot be read or lacks these columns, or a number stands twice.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        at = np.array([[float(row["y (angstrom)"]), float(row["x (angstrom)"])] for row in rows]).reshape(
            -1, 2
        )
        stated = [int(row["id"]) if (row.get("id") or "").strip() else None for row in rows]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the table cannot be read ({error}).") from None
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{path}: each line must state 'y (angstrom)' and 'x (angstrom)' as numbers, and 'id' as a whole "
            "number or nothing."
        ) from None
    known = [number for number in stated if number is not None]
    if len(set(known)) < len(known):
        raise InputError(f"{path}: an id stands twice; remove one of the lines, or its id.")
    new = iter(range(max(known, default=-1) + 1, max(known, default=-1) + 1 + len(stated)))
    return at, tuple(next(new) if number is None else number for number in stated)
