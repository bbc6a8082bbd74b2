"""``mixedptycho info``: what a data or result file holds."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.analysis.motion import finite
from napari_mixedptycho.checks import first_look
from napari_mixedptycho.cli._layout import add_layout, contents_of
from napari_mixedptycho.cli._options import is_result
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import Contents, flyback_columns
from napari_mixedptycho.optics import wavelength
from napari_mixedptycho.result import Result
from napari_mixedptycho.words import counted, duration, size

_LOOK = 32
"""Rows and columns of the scan that are read, at most, to measure the dose and look for what is wrong."""
_BYTES = 2**28
"""What is read at most, but for the least of four patterns."""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "info",
        help="say what a data or result file holds",
        description="Say what a data or result file holds.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="data (also sample:si_sigma9) or result")
    add_layout(parser)
    parser.add_argument("--json", action="store_true", help="print JSON: Å, mrad, eV, electrons")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    path = Path(arguments.file)
    if path.is_file() and is_result(path):
        facts, lines = describe_result(Result.load(path), path)
    else:
        facts, lines = describe_data(contents_of(arguments))
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return 0
    print(f"{path}: {'a result' if facts['kind'] == 'result' else '4D-STEM data'}")
    width = max(len(line.name) for line in lines)
    for line in lines:
        print(f"  {line.name:<{width}}  {line.text}")
    return 0


@dataclass(frozen=True)
class Line:
    """A line of the description."""

    name: str
    text: str


def describe_data(contents: Contents) -> tuple[dict[str, Any], list[Line]]:
    """Describe a data file: plain values for JSON, and lines to read."""
    shape, numbers = tuple(int(n) for n in contents.patterns.shape), dict(contents.numbers)
    if "energy" in numbers:
        numbers = contents.with_energy(numbers["energy"])
    facts: dict[str, Any] = {
        "kind": "data",
        "file": str(contents.path),
        "name": contents.path.stem,
        "format": contents.format,
        "dataset": contents.key,
        "shape": list(shape),
        "dtype": str(contents.patterns.dtype),
        "bytes": int(np.prod(shape, dtype=object)) * contents.patterns.dtype.itemsize,
        "scan_known": contents.scan_known,
        "scan_shapes": [list(pair) for pair in contents.scan_shapes],
        "detector_angle": contents.detector_angle,
        "masked_pixels": 0 if contents.mask is None else int((~contents.mask).sum()),
        "notes": list(contents.notes),
    }
    facts |= {name: numbers.get(name) for name in _NUMBERS}
    facts |= _derived(numbers, shape) | _look(contents, numbers)
    facts["sources"] = {name: "file" for name in _NUMBERS if facts[name] is not None}
    facts["missing"] = [name for name in contents.missing if name not in numbers]
    truth = contents.truth
    facts["truth"] = truth and {
        "columns": len(truth.columns_mean),
        "columns_in_scan": int(truth.columns_in_scan.sum()),
        "snapshots": len(truth.atoms),
    }
    return facts, _data_lines(facts)


_NUMBERS = {
    "energy": "eV",
    "semiangle": "mrad",
    "scan_step": "Å",
    "detector_sampling": "1/Å",
    "defocus": "Å",
    "thickness": "Å",
    "electrons_per_unit": "electrons",
}


def _derived(numbers: Any, shape: tuple[int, ...]) -> dict[str, float | None]:
    energy, sampling = numbers.get("energy"), numbers.get("detector_sampling")
    wave = wavelength(energy) if energy and energy > 0 else None
    angle = 1e3 * wave * sampling * shape[-1] / 2 if wave and sampling else None
    return {"wavelength": wave, "max_angle": angle}


def _look(contents: Contents, numbers: dict[str, float]) -> dict[str, Any]:
    """Measure electrons per pattern and dose, and look for doubts, on a part of the scan when it is large."""
    try:
        some, steps = _some(contents.patterns)
        extra = flyback_columns(contents.patterns) if contents.scan_known else 0
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{contents.path}: the patterns cannot be read ({error}).") from None
    totals = some.sum(axis=(-2, -1), dtype=np.float64)
    total = float(np.mean(totals))
    unit, step = numbers.get("electrons_per_unit"), numbers.get("scan_step")
    electrons = total * unit if unit and np.isfinite(total) else None
    return {
        "mean_pattern_sum": total if np.isfinite(total) else None,
        "patterns_read": int(np.size(totals)),
        "warnings": [*first_look(some, contents.path.stem, unit, steps), *_flyback(contents, extra)],
        "electrons_per_pattern": electrons,
        "dose": electrons / step**2 if electrons and step else None,
    }


def _flyback(contents: Contents, extra: int) -> list[str]:
    """Say how to leave out columns that look like fly-back."""
    rows, columns = contents.patterns.shape[:2]
    region = f"[0, {rows}, 0, {columns - extra}]"
    return (
        [f"Looks like fly-back: the last {counted(extra, 'column')}; set data.scan_region={region}."]
        if extra
        else []
    )


def _some(patterns: Any) -> tuple[NDArray[Any], tuple[int, int]]:
    """Read patterns from all over the scan, or the first of a stack; with their distances in the scan."""
    pattern = patterns.dtype.itemsize * int(np.prod(patterns.shape[-2:], dtype=object))
    most = min(_LOOK, max(2, int((_BYTES / pattern) ** 0.5)))
    if len(patterns.shape) == 3:
        return np.asarray(patterns[: most * most])[None], (1, 1)
    rows, columns = patterns.shape[:2]
    steps = -(-rows // most), -(-columns // most)
    parts = [np.asarray(patterns[row, :: steps[1]]) for row in range(0, rows, steps[0])]
    return np.stack(parts), steps


def _data_lines(facts: dict[str, Any]) -> list[Line]:
    *scan, ky, kx = facts["shape"]
    step, sampling = facts["scan_step"], facts["detector_sampling"]
    lines = [
        Line("format", facts["format"]),
        Line("dataset", f"{facts['dataset'] or 'the file'}, {facts['dtype']}, {size(facts['bytes'])}"),
        Line("scan", _scan_text(scan, step, facts["scan_shapes"])),
        Line(
            "patterns",
            f"{ky} × {kx} px"
            + (f" of {sampling:.4g} 1/Å" if sampling else "")
            + (f" of {facts['detector_angle']:.4g} mrad" if facts["detector_angle"] and not sampling else "")
            + (f", up to {facts['max_angle']:.4g} mrad" if facts["max_angle"] else ""),
        ),
    ]
    lines += [
        Line(name, _absent(name) if facts[name] is None else f"{facts[name]:.6g} {_NUMBERS[name]}")
        for name in ("energy", "semiangle", "defocus", "thickness")
    ]
    lines.append(Line("dose", _dose_text(facts)))
    if facts["truth"]:
        truth = facts["truth"]
        lines.append(
            Line(
                "truth",
                f"{counted(truth['columns_in_scan'], 'column')} in the scan, "
                f"{counted(truth['snapshots'], 'snapshot')}",
            )
        )
    if facts["missing"]:
        lines.append(
            Line("missing", f"{', '.join(facts['missing'])}: set them in the recipe, section microscope")
        )
    lines += [Line("note", text) for text in facts["notes"]]
    return lines + [Line("warning", text) for text in facts["warnings"]]


def _scan_text(scan: list[int], step: float | None, likely: list[list[int]]) -> str:
    """Say how large the scan is, or which sizes would fit."""
    if len(scan) == 1:
        fitting = ", ".join(f"{rows} × {columns}" for rows, columns in likely)
        return (
            f"{counted(scan[0], 'pattern')}; rows and columns are not known (--scan-shape), likely: {fitting}"
        )
    rows, columns = scan
    if not step:
        return f"{rows} × {columns} points"
    field = f"{(rows - 1) * step:.4g} × {(columns - 1) * step:.4g} Å"
    return f"{rows} × {columns} points, {step:.4g} Å apart: {field}"


def _absent(name: str) -> str:
    return "not in the file" + (": set model.thickness in the recipe" if name == "thickness" else "")


def _dose_text(facts: dict[str, Any]) -> str:
    if facts["mean_pattern_sum"] is None:
        return "not known: patterns hold NaN or infinite values; replace or mask them"
    if facts["electrons_per_pattern"] is None:
        return f"not known (a pattern adds up to {facts['mean_pattern_sum']:.4g})"
    area = f", {facts['dose']:.4g} per Å²" if facts["dose"] else ""
    return f"{facts['electrons_per_pattern']:.4g} electrons per pattern{area}"


def describe_result(result: Result, path: Path) -> tuple[dict[str, Any], list[Line]]:
    """Describe a result file: plain values for JSON, and lines to read."""
    facts = {"kind": "result", "file": str(path), **_what(result), **_how_far(result)}
    return facts, _result_lines(facts)


def _what(result: Result) -> dict[str, Any]:
    """Return what was reconstructed from what."""
    estimate, recipe = result.estimate, result.recipe
    numbers = {name: getattr(recipe.microscope, name) for name in _NUMBERS if name != "thickness"}
    return {
        "name": result.name,
        "data_file": recipe.data.file,
        "data_hash": result.data_hash,
        "scan_shape": list(result.scan_shape),
        "shape": [estimate.states, *estimate.object.shape[1:]],
        "dtype": str(estimate.object.dtype),
        "states": estimate.states,
        "displaced": estimate.displacement is not None,
        "slices": estimate.slices,
        "probe_modes": estimate.modes,
        "object_type": recipe.model.object_type,
        "sampling": result.sampling,
        "slice_spacing": result.slice_spacing,
        "origin": list(result.origin),
        "found": list(result.instrument),
        **numbers,
        "thickness": recipe.model.thickness,
    }


def _how_far(result: Result) -> dict[str, Any]:
    """Return how far the reconstruction has come, and at what cost."""
    history, recipe = result.history, result.recipe
    stages = [
        {
            "name": stage.name,
            "iterations": stage.iterations,
            "done": history.stage.count(index),
            "states": recipe.states_of(stage),
        }
        for index, stage in enumerate(recipe.stages)
    ]
    return {
        "iterations": len(history),
        "iterations_wanted": recipe.iterations,
        "complete": result.complete,
        "stages": stages,
        "loss": history.loss[-1] if len(history) else None,
        "separation": history.separation[-1] if len(history) else None,
        "motion": finite(history.motion[-1]) if len(history) else None,
        "motion_drift": history.motion_drift,
        "evaluations": sum(history.evaluations),
        "seconds": sum(history.seconds),
        "seed": recipe.run.seed,
        "versions": dict(result.versions),
        "forgotten": list(result.forgotten),
    }


def _motion_lines(facts: dict[str, Any]) -> list[Line]:
    """Say how far atoms move, and whether that has settled; nothing where it is not known."""
    motion, drift = facts["motion"], facts["motion_drift"]
    if motion is None:
        return []
    told = "" if drift is None else f", {drift:+.4f} Å in the last quarter of its iterations"
    return [Line("motion", f"{motion:.4f} Å rms per axis of the atoms, to some 15 %{told}")]


_RESUME = " (go on with run --resume)"


def _result_lines(facts: dict[str, Any]) -> list[Line]:
    _, slices, rows, columns = facts["shape"]
    stages = ", ".join(f"{s['name']} {s['done']} of {s['iterations']}" for s in facts["stages"])
    kind = f"{facts['object_type']}, {facts['dtype']}" + (", displaced copies" if facts["displaced"] else "")
    loss = "none yet" if facts["loss"] is None else f"{facts['loss']:.6g}"
    return [
        Line("data", f"{facts['name']} ({facts['data_file']}, hash {facts['data_hash']})"),
        Line(
            "object",
            f"{counted(facts['states'], 'state')} × {counted(slices, 'slice')} × "
            f"{rows} × {columns} px, {kind}",
        ),
        Line("sampling", f"{facts['sampling']:.5g} Å per px, {facts['slice_spacing']:.4g} Å per slice"),
        Line("probe", counted(facts["probe_modes"], "mode")),
        Line("energy", f"{facts['energy']:.6g} eV"),
        Line("semiangle", f"{facts['semiangle']:.4g} mrad"),
        Line("defocus", f"{facts['defocus']:.4g} Å"),
        Line("scan", f"{facts['scan_shape'][0]} × {facts['scan_shape'][1]} points"),
        Line("iterations", f"{stages}{'' if facts['complete'] or facts['forgotten'] else _RESUME}"),
        Line("loss", loss),
        *_motion_lines(facts),
        *(Line("found", text) for text in facts["found"]),
        Line("cost", f"{facts['evaluations']:.4g} evaluations, {duration(facts['seconds'])}"),
        Line("versions", ", ".join(f"{name} {text}" for name, text in facts["versions"].items())),
        *(Line("left out", f"{key}, a setting of another version") for key in facts["forgotten"]),
    ]
