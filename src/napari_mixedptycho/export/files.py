"""A result as files that other programs open: EMD, TIFF, tables, recipe, NumPy."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.analysis import ColumnMotion, write_columns
from napari_mixedptycho.analysis.motion import finite
from napari_mixedptycho.analysis.table import cell, write_rows
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.export.findings import Findings
from napari_mixedptycho.io import Axis, Field, write_emd_fields, write_tiff
from napari_mixedptycho.result import Result

FORMATS = ("emd", "tiff", "csv", "recipe", "npz")
"""What `export` knows."""
USUAL = FORMATS[:4]


def export(findings: Findings, folder: str | os.PathLike[str], formats: Sequence[str] = USUAL) -> list[Path]:
    """Write a result in several formats into a folder, which is made when missing.

    Parameters
    ----------
    findings
        A result, measured.
    folder
        Where.
    formats
        Of `FORMATS`.

    Returns
    -------
    The files written.

    Raises
    ------
    InputError
        When there is no such format, or a file cannot be written.
    """
    place, result = Path(folder), findings.result
    writers: dict[str, Callable[[], list[Path]]] = {
        "emd": lambda: [export_emd(result, place / "result.emd")],
        "tiff": lambda: export_tiff(result, place),
        "csv": lambda: export_tables(findings, place),
        "recipe": lambda: [export_recipe(result, place / "recipe.toml")],
        "npz": lambda: [export_npz(result, place / "result.npz")],
    }
    for name in formats:
        if name not in writers:
            raise InputError(f"There is no format '{name}'; there are: {', '.join(FORMATS)}.")
    place.mkdir(parents=True, exist_ok=True)
    return [file for name in FORMATS if name in formats for file in writers[name]()]


def fields(result: Result) -> list[Field]:
    """Return the arrays of a result with their axes: y and x in the scan frame, Å."""
    y, x = (
        Axis(name, "Å", result.sampling, float(start))
        for name, start in zip("yx", result.origin, strict=True)
    )
    state, mode = Axis("state"), Axis("mode")
    depth = Axis("z", "Å", result.slice_spacing, result.slice_spacing / 2)
    probe = result.estimate.asnumpy().probe
    middle = tuple(
        Axis(name, "Å", result.sampling, -(n // 2) * result.sampling)
        for name, n in zip("yx", probe.shape[-2:], strict=True)
    )
    found = [
        Field("mean_phase", result.mean_phase(), "rad", (y, x)),
        Field("state_phases", result.projected_phase(), "rad", (state, y, x)),
        Field("phase_of_slices", result.phase(), "rad", (state, depth, y, x)),
        Field("spread_of_states", result.state_spread(), "rad", (y, x)),
        Field("probe_amplitude", np.abs(probe), "sqrt(electrons)", (mode, *middle)),
        Field("phase_of_probe", np.angle(probe), "rad", (mode, *middle)),
    ]
    if result.estimate.object.dtype.kind == "c":
        found.append(Field("modulus_of_slices", result.amplitude(), "", (state, depth, y, x)))
    return found


def export_emd(result: Result, path: Path) -> Path:
    """Write all arrays of a result, and its recipe, as EMD 1.0."""
    facts: dict[str, str | float] = {
        "name": result.name,
        "hash_of_data": result.data_hash,
        "recipe": result.recipe.to_toml(),
        "iterations": len(result.history),
    }
    facts |= {f"version_{name}": text for name, text in result.versions.items()}
    write_emd_fields(path, fields(result), facts)
    return path


def export_tiff(result: Result, folder: Path) -> list[Path]:
    """Write mean phase, states, slices and spread as TIFF with their pixel size."""
    files = []
    states = [f"state {index}" for index in range(result.estimate.states)]
    pages = [f"{state}, slice {index}" for state in states for index in range(result.estimate.slices)]
    labels = {"state_phases": states, "phase_of_slices": pages, "modulus_of_slices": pages}
    for field in fields(result):
        if "probe" not in field.name:
            write_tiff(folder / f"{field.name}.tif", field, labels.get(field.name))
            files.append(folder / f"{field.name}.tif")
    return files


def export_tables(findings: Findings, folder: Path) -> list[Path]:
    """Write ``columns.csv``, ``positions.csv`` (every column in every state) and ``summary.csv``."""
    files = [folder / name for name in ("columns.csv", "positions.csv", "summary.csv")]
    write_columns(files[0], findings.motion, findings.comparison, findings.verdict)
    write_rows(files[1], ["id", "state", "y (angstrom)", "x (angstrom)"], _positions(findings.motion))
    write_rows(files[2], ["quantity", "value", "unit"], summary(findings))
    return files


def _positions(motion: ColumnMotion) -> list[list[str]]:
    return [
        [str(number), str(state), *map(cell, motion.positions[state, column])]
        for column, number in enumerate(motion.numbers or range(motion.n_columns))
        for state in range(motion.n_states)
    ]


def summary(findings: Findings) -> list[list[str]]:
    """Return the numbers of a result that are one each: (quantity, value, unit)."""
    rows: list[list[str]] = []
    plain = {"n_columns", "n_states", "n_flagged", "n_matched", "n_missed", "n_extra"}
    numbers = dict(findings.motion.summary())
    if findings.comparison is not None:
        numbers |= findings.comparison.summary()
    for name, value in numbers.items():
        single = name in plain or "ratio" in name or "correlation" in name
        rows.append([name, cell(value), "" if single else "angstrom"])
    if findings.verdict is not None:
        verdict = findings.verdict
        rows += [["floor", cell(finite(verdict.floor)), "angstrom"]]
        rows += [["above_floor", cell(finite(verdict.above)), "angstrom"]]
        rows += [["motion_over_floor", cell(finite(verdict.ratio)), ""]]
        rows += [
            [f"motion_over_floor_{end}", cell(finite(value)), ""]
            for end, value in zip(("low", "high"), verdict.ratio_interval, strict=True)
        ]
        rows += [["resolved", str(int(verdict.resolved)), ""]]
    history = findings.result.history
    if len(history):
        rows += [["loss", cell(finite(history.loss[-1])), ""]]
        rows += [["loss_held_out", cell(finite(history.held_out[-1])), ""]] if history.held_out else []
    return rows


def export_recipe(result: Result, path: Path) -> Path:
    """Write the recipe that makes the result again."""
    path.write_text(result.recipe.to_toml(), encoding="utf-8")
    return path


def export_npz(result: Result, path: Path) -> Path:
    """Write the arrays of a result for NumPy: lengths in Å, (y, x), phases in rad."""
    arrays: dict[str, Any] = {field.name: field.values for field in fields(result)}
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            **arrays,
            scan_positions=result.geometry.to_angstroms(result.estimate.asnumpy().positions),
            sampling=result.sampling,
            origin=np.array(result.origin),
            slice_spacing=result.slice_spacing,
        )
    return path
