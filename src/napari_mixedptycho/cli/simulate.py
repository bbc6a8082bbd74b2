"""``mixedptycho simulate``: patterns of a known specimen, to learn from and to plan an experiment with."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.checks.verdicts import verdicts
from napari_mixedptycho.cli._options import add_set, check_folder, device, positive
from napari_mixedptycho.cli._progress import Display
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.simulate import (
    CRYSTALS,
    PRESETS,
    Simulation,
    SimulationSettings,
    diffuse,
    open_structure,
    prepare_simulation,
    preset,
    write_simulation,
)
from napari_mixedptycho.words import counted, duration, size

_LOOK = 16
"""Rows and columns of the scan that are read again, at most, to judge the data."""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    crystals = "; ".join(f"{name} ({crystal.title})" for name, crystal in CRYSTALS.items())
    parser: argparse.ArgumentParser = commands.add_parser(
        "simulate",
        help="simulate data of a known specimen, to learn and to plan",
        description="Simulate the patterns of a crystal whose atoms move, with the truth beside them: every "
        f"command can be tried on data of which the answer is known. Built-in crystals: {crystals}.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "structure",
        nargs="?",
        metavar="STRUCTURE",
        help="a built-in crystal, a structure or trajectory that ASE reads (.cif, .xyz, .traj, …), or a data "
        "file with truth (also sample:si_sigma9)",
    )
    parser.add_argument("--out", type=Path, metavar="DATA.h5", help="the new file")
    parser.add_argument(
        "--like",
        choices=tuple(PRESETS),
        help="; ".join(f"{name}: {entry.title}" for name, entry in PRESETS.items()),
    )
    parser.add_argument(
        "--settings", type=Path, metavar="FILE.toml", help="settings as --print-settings writes them"
    )
    add_set(parser, "change a setting, as in specimen.motion.u_rms=0.06 or scan.rotation=20")
    parser.add_argument(
        "--dose", metavar="E", help="beam.dose in short: electrons per Å², or none (no noise)"
    )
    parser.add_argument(
        "--scan-shape", nargs=2, type=positive, metavar=("ROWS", "COLUMNS"), help="scan.shape in short"
    )
    parser.add_argument("--element", metavar="Si", help="of a data file whose truth does not name it")
    parser.add_argument(
        "--axis", choices=("x", "y", "z"), default="z", help="of the structure, along the beam"
    )
    parser.add_argument("--device", type=device, help="cpu, gpu, gpu:1 (the second) or auto")
    parser.add_argument("--print-settings", action="store_true", help="print all settings, explained; stop")
    parser.add_argument("--json", action="store_true", help="print JSON: Å, mrad, eV, electrons")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors and what was made")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    name, settings = _wish(arguments)
    if arguments.print_settings:
        print(settings.to_toml(comments=True), end="")
        return 0
    if name is None:
        raise InputError(f"Name a structure file, or a built-in crystal: {', '.join(CRYSTALS)}.")
    _check_out(arguments.out)
    structure = open_structure(name, arguments.element, arguments.axis)
    simulation, plan = prepare_simulation(settings, structure), diffuse(settings, structure)
    display = Display(quiet=arguments.quiet)
    display.say(headline(simulation))
    _write(simulation, arguments.out, display)
    numbers = described(simulation, arguments.out) | {
        "scattered_by_motion": plan.share,
        "scattered_by_motion_per_column": plan.per_column,
        "forecast": plan.sentence(),
    }
    print(json.dumps(numbers, indent=2, ensure_ascii=False) if arguments.json else sentences(numbers))
    return 0


def _wish(arguments: argparse.Namespace) -> tuple[str | None, SimulationSettings]:
    """Return the structure's name and the settings that the options ask for."""
    name, settings = preset(arguments.like) if arguments.like else (None, SimulationSettings())
    if arguments.settings is not None:
        try:
            text = arguments.settings.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{arguments.settings}: the settings cannot be read ({error}).") from None
        settings = SimulationSettings.from_toml(text, str(arguments.settings))
    if arguments.dose is not None:
        settings = settings.with_set(f"beam.dose={_number(arguments.dose)}")
    if arguments.scan_shape is not None:
        settings = settings.with_set("scan.shape=[{},{}]".format(*arguments.scan_shape))
    if arguments.device is not None:
        settings = settings.with_set(f"device={arguments.device}")
    for change in arguments.changes:
        settings = settings.with_set(change)
    return arguments.structure or name, settings


def _number(text: str) -> str:
    """Return a dose as TOML has it: 1e6 and 1000000 are floats here."""
    try:
        return "none" if text == "none" else repr(float(text))
    except ValueError:
        raise InputError(f"--dose {text}: give electrons per Å², as 1e6, or none.") from None


def _check_out(out: Path | None) -> None:
    """Refuse a file that cannot or should not be written."""
    if out is None:
        raise InputError("Say where the data shall go: --out DATA.h5.")
    if out.suffix.lower() not in {".h5", ".hdf5"}:
        raise InputError(f"{out}: give a name that ends with .h5.")
    if out.exists():
        raise InputError(f"{out}: this file is there already; give another name.")
    check_folder(out.parent)


def _write(simulation: Simulation, out: Path, display: Display) -> None:
    """Compute and write, saying from time to time how far it is."""
    rows, began = simulation.dataset.scan_shape[0], time.monotonic()
    last = began
    for done, _ in write_simulation(simulation, out):
        now = time.monotonic()
        if done < rows and now - last > 2.0:
            left = (now - began) / done * (rows - done)
            display.say(f"{done} of {rows} rows, {duration(left)} left")
            last = now


def headline(simulation: Simulation) -> str:
    """Say in one line what will be computed."""
    dataset, specimen = simulation.dataset, simulation.specimen
    rows, columns = dataset.scan_shape
    snapshots = len(specimen.snapshots)
    stored = int(np.prod(dataset.patterns.shape, dtype=object)) * dataset.patterns.dtype.itemsize
    return (
        f"{dataset.name}: {rows}×{columns} patterns of {dataset.detector_size}×{dataset.detector_size} px "
        f"({size(stored)} before compression); {specimen.thickness:.3g} Å, "
        f"{counted(specimen.slice_count, 'slice')}, {counted(snapshots, 'snapshot')}, computed on "
        f"{simulation.geometry.size}×{simulation.geometry.size} px of {simulation.geometry.sampling:.3g} Å"
    )


def described(simulation: Simulation, out: Path) -> dict[str, Any]:
    """Return what was made as plain values: Å, mrad, eV, electrons."""
    dataset, specimen = simulation.dataset, simulation.specimen
    truth = dataset.truth
    assert truth is not None  # of a simulation it always is
    moves = truth.columns_per_snapshot[:, truth.columns_in_scan].std(axis=0)
    made = open_dataset(Recipe().with_set(f"data.file={json.dumps(str(out))}"))
    steps = [-(-length // _LOOK) for length in made.scan_shape]
    some = made.replace(patterns=np.asarray(made.patterns[:: steps[0], :: steps[1]]))
    return {
        "file": str(out),
        "structure": dataset.name,
        "shape": list(dataset.patterns.shape),
        "thickness": specimen.thickness,
        "slices": specimen.slice_count,
        "snapshots": len(specimen.snapshots),
        "columns_in_scan": int(truth.columns_in_scan.sum()),
        "motion": float(np.sqrt((moves**2).mean())) if moves.size else None,
        "dose": some.dose,
        "wished_dose": simulation.settings.beam.dose,
        "electrons_per_pattern": some.electrons_per_pattern,
        "on_detector": float(some.mean_pattern.sum()) / (simulation.settings.electrons or 1.0),
        "verdicts": verdicts(some) if some.dose is not None else verdicts(some)[:-1],
    }


def sentences(numbers: dict[str, Any]) -> str:
    """Say what was made, its dose, and what stands in the way of a reconstruction."""
    rows, columns, edge, _ = numbers["shape"]
    if numbers["motion"] is None:
        motion = "no column inside the scan"
    else:
        motion = f"{counted(numbers['columns_in_scan'], 'column')} inside the scan"
        motion += f", moving by {numbers['motion']:.3f} Å per axis" if numbers["motion"] else ", all at rest"
    if numbers["dose"] is None:
        dose = f"no noise; {numbers['on_detector']:.1%} of the electrons reach the detector"
    else:
        dose = (
            f"{numbers['wished_dose']:.3g} e/Å², {numbers['electrons_per_pattern']:.4g} per pattern "
            f"({numbers['on_detector']:.1%} of those sent reach the detector)"
        )
    lines = [
        f"{numbers['file']}: {rows}×{columns} patterns of {edge}×{edge} px; {motion}.",
        f"Dose: {dose}.",
    ]
    found = [f"In the way: {text}" for text in numbers["verdicts"]]
    found = found or ["Nothing stands in the way of a reconstruction."]
    return "\n".join([*lines, numbers["forecast"], *found])
