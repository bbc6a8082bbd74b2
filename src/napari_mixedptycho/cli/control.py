"""``mixedptycho control``: whether a recipe would show motion where there is none."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_mixedptycho.analysis import write_columns
from napari_mixedptycho.analysis.floor import drift_text
from napari_mixedptycho.analysis.recovery import Recovery
from napari_mixedptycho.cli._options import check_folder, is_result
from napari_mixedptycho.cli._progress import Display
from napari_mixedptycho.cli._work import compute
from napari_mixedptycho.control import (
    Control,
    PlantedSettings,
    control_recipe,
    judged,
    judged_columns,
    moving,
    recovered,
    stationary,
)
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.new_hdf5 import new_hdf5
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result, versions

DATA, RESULT, NUMBERS, TABLE = "stationary.h5", "control.h5", "control.json", "columns.csv"
_DRIFTS = ("motion_drift", "floor_drift")
PLANTED_DATA, PLANTED_RESULT = "planted_data.h5", "planted.h5"


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "control",
        help="tell whether the motion in a result is more than an object at rest would show",
        description="Simulate patterns of the result's mean object, in which nothing moves, at the same "
        "dose, reconstruct them with the same recipe and seed, and compare the motion of the same columns. "
        "Ctrl-C keeps what there is; the same command goes on from there.",
        allow_abbrev=False,
    )
    parser.add_argument("result", type=Path, metavar="RESULT.h5")
    parser.add_argument("--data", metavar="DATA.h5", help="the result's data, when they have moved")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="data, result, numbers (default: RESULT.control)"
    )
    parser.add_argument(
        "--noise-seed", type=int, default=0, metavar="N", help="of the counting noise; default 0"
    )
    parser.add_argument(
        "--planted",
        type=float,
        metavar="SD",
        help="then set the mean object in motion by SD (Å, rms per axis) and tell how much of it is found; "
        "takes as long again",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, lengths in Å")
    parser.add_argument("--again", action="store_true", help="compute again what is there already")
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), help="where to compute")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.noise_seed < 0:
        raise InputError(f"--noise-seed is {arguments.noise_seed}; give 0 or more.")
    result, plan = Result.load(arguments.result), _plan(arguments)
    if not result.complete:
        raise InputError(
            f"{arguments.result}: not complete, {len(result.history)} of {result.recipe.iterations} "
            f"iterations; finish it first with `mixedptycho run --resume {arguments.result}`."
        )
    columns = judged_columns(result)
    folder = arguments.out or arguments.result.with_suffix(".control")
    if arguments.result.resolve() in [(folder / name).resolve() for name in (RESULT, PLANTED_RESULT)]:
        raise InputError(
            f"{arguments.result}: the control would replace the result itself; give another --out."
        )
    display, dataset = Display(quiet=arguments.quiet), _dataset(result, arguments.data)
    data = stationary(result, dataset, arguments.noise_seed)
    check_folder(folder)
    job = _Job(result, folder, display, arguments.device, again=arguments.again)
    still, code = job.run(data, DATA, RESULT)
    if still is None or code:
        return _stopped(job, code)
    found = judged(result, still, columns)
    _write(found, job)
    recovery = None
    if plan is not None:
        moved, code = job.run(moving(result, dataset, plan), PLANTED_DATA, PLANTED_RESULT)
        if moved is None or code:
            return _stopped(job, code)
        recovery = recovered(result, moved, found, plan).recovery
    return _say(found, recovery, job, as_json=arguments.json)


def _say(found: Control, recovery: Recovery | None, job: _Job, *, as_json: bool) -> int:
    """Write and print numbers and verdict."""
    numbers, sentences = _write(found, job, recovery), [found.verdict.sentence()]
    if recovery is not None:
        sentences.append(recovery.sentence())
    print(json.dumps(numbers, indent=2) if as_json else "\n".join(sentences))
    if drift := drift_text(found.verdict, *(numbers[key] for key in _DRIFTS)):
        job.display.say(drift)
    if not found.verdict.resolved and recovery is None:
        job.display.say(
            "Not resolved is not at rest: a start from below may not reach a motion of few electrons. "
            "`--planted 0.05` tells whether so much would be seen; `mixedptycho bracket` starts from above."
        )
    job.display.say(f"Data, results and numbers are in {job.folder}.")
    return 0


def _plan(arguments: argparse.Namespace) -> PlantedSettings | None:
    """Return the motion to plant, or refuse it."""
    size: float | None = arguments.planted
    if size is None:
        return None
    if not 0 < size <= 0.3:
        raise InputError(f"--planted is {size:g} Å; give more than 0 and at most 0.3.")
    return PlantedSettings(displacement=size, noise_seed=arguments.noise_seed)


def _stopped(job: _Job, code: int) -> int:
    job.display.say(f"Stopped before the end; the same command goes on from {job.folder}.", always=True)
    return code


@dataclass
class _Job:
    """The same recipe on other patterns, kept safe in a folder."""

    result: Result
    folder: Path
    display: Display
    device: str | None
    again: bool

    def run(self, data: Dataset, patterns: str, name: str) -> tuple[Result | None, int]:
        """Reconstruct what is left into the file `name`; return the result and the exit code."""
        stored = self.folder / patterns
        write_dataset(stored, data)
        recipe = control_recipe(self.result.recipe, str(stored.resolve()))
        if self.device is not None:
            recipe = recipe.with_set(f"run.device={self.device}")
        out = self.folder / name
        before = None if self.again else self._kept(out, recipe, data)
        if out.exists() and not is_result(out):
            raise InputError(f"{out}: this file is there and is not a result; give another --out.")
        if before is not None and before.complete:
            self.display.say(f"{out} was made before from the same result (--again recomputes).")
            return before, 0
        return compute(recipe, data, out, before, self.display)

    def _kept(self, out: Path, recipe: Recipe, data: Dataset) -> Result | None:
        """Return what an earlier command has left, when computing again would give the same."""
        if not (out.is_file() and is_result(out)):
            return None
        try:
            before = Result.load(out)
        except InputError:
            return None
        same = (
            _essence(before.recipe) == _essence(recipe.for_dataset(data))
            and before.data_hash == data.hash
            and before.versions == versions()
        )
        return before if same else None


def _essence(recipe: Recipe) -> dict[str, Any]:
    """Return the settings on which a result depends; which data are told by their hash."""
    values = recipe.essence
    values["data"].pop("file")
    return values


def _dataset(result: Result, file: str | None) -> Dataset | None:
    """Return the data that are named, else None: those that the result names."""
    if file is None:
        return None
    data = result.recipe.data.model_copy(update={"file": file})
    return open_dataset(result.recipe.model_copy(update={"data": data}))


def write_dataset(path: Path, data: Dataset) -> None:
    """Write patterns with the microscope's numbers, as `mixedptycho` reads them.

    The mask, in ``mask``, is named by `data.mask` of a recipe.
    """

    def fill(file: h5py.File) -> None:
        patterns = file.create_dataset("data", data=np.asarray(data.patterns), compression="gzip")
        numbers = {
            "energy_eV": data.energy,
            "semiangle_mrad": data.semiangle,
            "scan_step_A": data.scan_step,
            "dk": data.detector_sampling,
            "defocus_A": data.defocus,
            "thickness_A": data.thickness,
            "electrons_per_pattern": data.electrons_per_unit,  # so `io.own` reads it, for counts as for parts
        }
        patterns.attrs.update({name: value for name, value in numbers.items() if value is not None})
        if data.mask is not None:
            file["mask"] = data.mask

    part = path.with_name(f".{path.name}.part")
    try:
        new_hdf5(part, fill)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write(found: Control, job: _Job, recovery: Recovery | None = None) -> dict[str, Any]:
    """Write ``columns.csv`` and ``control.json``; return the numbers."""
    numbers: dict[str, Any] = found.verdict.numbers() | {"sentence": found.verdict.sentence()}
    for key, result in zip(_DRIFTS, (job.result, found.result), strict=True):
        numbers[key] = result.history.motion_drift
    if recovery is not None:
        numbers["planted"] = recovery.numbers()
    write_columns(job.folder / TABLE, found.motion, verdict=found.verdict)
    (job.folder / NUMBERS).write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return numbers
