"""How columns move together, as the command ``columns`` tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.analysis import (
    Amplitudes,
    ColumnMotion,
    Correlations,
    CorrelationSettings,
    correlations,
    mean_frequency,
    neighbour_amplitudes,
)
from napari_mixedptycho.analysis.table import cell, write_rows
from napari_mixedptycho.words import counted

Ensembles = Mapping[str, NDArray[np.float64]]


def pairs_of(
    motion: ColumnMotion, mass: float | None, temperature: float, beside: Ensembles | None = None
) -> dict[str, Any]:
    """Return correlations and neighbours' motion as plain values for JSON.

    Parameters
    ----------
    motion
        Of the columns; flagged ones are left out.
    beside
        Name → (state, N, 2) positions, Å, of the same columns elsewhere (the control, the truth; NaN where a
        column is not known), of which the same statistics stand beside; fewer than three states are left out.
    mass
        Of a whole column, u; None: no frequencies.
    temperature
        K.

    Raises
    ------
    InputError
        With fewer than three states or two columns.
    """
    positions = motion.positions[:, ~motion.flagged]
    found = correlations(positions)
    values: dict[str, Any] = {
        "single_pair": found.single_pair,
        "correlations": _classes(found),
        "neighbours": _neighbours(neighbour_amplitudes(positions), mass, temperature),
    }
    for name, places in (beside or {}).items():
        known = ~motion.flagged & np.isfinite(places).all(axis=(0, 2))
        if len(places) > 2 and known.sum() > 1:
            _add(values, name, places[:, known])
    return values


def _add(values: dict[str, Any], name: str, positions: NDArray[np.float64]) -> None:
    """Add the same statistics of other positions, under their name."""
    few = CorrelationSettings(draws=20)  # values alone are told
    found, near = correlations(positions, few), neighbour_amplitudes(positions, few)
    classes = {int(edge): index for index, edge in enumerate(np.rint(found.edges[:, 0]))}
    for row in values["correlations"]:
        index = classes.get(int(row["distance"]))
        for kind in ("longitudinal", "transverse"):
            row[f"{kind}_{name}"] = None if index is None else float(getattr(found, kind).value[index])
    for kind, one in values["neighbours"].items():
        if isinstance(one, dict):
            one[f"rms_{name}"] = float(np.sqrt(getattr(near, kind).value[0]))


def _classes(found: Correlations) -> list[dict[str, Any]]:
    rows = []
    for index, distance in enumerate(found.distance):
        row: dict[str, Any] = {"distance": float(distance), "pairs": int(found.pairs[index])}
        for name in ("longitudinal", "transverse"):
            part = getattr(found, name)
            row[name] = float(part.value[index])
            row[f"{name}_chance_low"], row[f"{name}_chance_high"] = (float(end) for end in part.chance[index])
            row[f"{name}_p"] = float(part.p[index])
        rows.append(row)
    return rows


def _neighbours(found: Amplitudes, mass: float | None, temperature: float) -> dict[str, Any]:
    values: dict[str, Any] = {"pairs": len(found.pairs)}
    for entry in fields(found)[1:]:
        part = getattr(found, entry.name)
        squares = (float(part.value[0]), *(float(end) for end in part.interval[0]))
        sizes = [float(np.sqrt(square)) for square in squares]
        one: dict[str, Any] = dict(zip(("rms", "rms_low", "rms_high"), sizes, strict=True))
        one["significant"] = bool(part.significant[0])
        if mass is not None:
            middle, high, low = (mean_frequency(square, mass, temperature) for square in squares)
            one |= {"frequency": middle, "frequency_low": low, "frequency_high": high}
        values[entry.name] = {name: _plain(value) for name, value in one.items()}
    return values


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool) or np.isfinite(value) else None


def write_pairs(path: Path, found: dict[str, Any]) -> None:
    """Write the correlations against distance as CSV."""
    rows = found["correlations"]
    header = ["distance (angstrom)", *list(rows[0])[1:]]
    write_rows(path, header, ([cell(value) for value in row.values()] for row in rows))


def sentences(found: dict[str, Any]) -> str:
    """Say it in words; an asterisk marks what shuffled states do not give."""
    lines = [f"Pairs of columns (one pair alone: |r| < {found['single_pair']:.2f} is nothing):"]
    for row in found["correlations"]:
        told = [
            f"{name} r = {row[name]:+.2f}{_star(row, name)}{_others(row, name, '+.2f')}"
            for name in ("longitudinal", "transverse")
        ]
        lines.append(f"  {row['distance']:.1f} Å, {counted(row['pairs'], 'pair')}: {', '.join(told)}")
    for name, one in found["neighbours"].items():
        if not isinstance(one, dict):
            continue
        words = name.replace("_", " ", 1).replace("_", "-")
        text = f"  neighbours, {words}: {one['rms']:.4f} Å{'*' if one['significant'] else ''}"
        text += _others(one, "rms", ".4f")
        if one.get("frequency") is not None:
            low, high = (_told(one[key]) for key in ("frequency_low", "frequency_high"))
            text += f", {one['frequency']:.1f} THz ({low} to {high})"
        lines.append(text)
    lines.append("* outside what shuffled states give; what the start brought along is not excluded by that.")
    if "longitudinal_control" not in found["correlations"][0]:
        lines.append("  Only a control (--control) excludes it: what shows there too is not the specimen's.")
    return "\n".join(lines)


def _others(row: dict[str, Any], name: str, form: str) -> str:
    """Say the same number of the control and of the truth, where they are known."""
    told = [
        f"{other} {row[f'{name}_{other}']:{form}}"
        for other in ("control", "truth")
        if row.get(f"{name}_{other}") is not None
    ]
    return f" ({', '.join(told)})" if told else ""


def _star(row: dict[str, Any], name: str) -> str:
    return "" if row[f"{name}_chance_low"] <= row[name] <= row[f"{name}_chance_high"] else "*"


def _told(value: float | None) -> str:
    return "∞" if value is None else f"{value:.1f}"
