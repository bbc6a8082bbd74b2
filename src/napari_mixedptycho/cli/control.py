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
from napari_mixedptycho.cli._options import check_folder, is_result
from napari_mixedptycho.cli._progress import Display
from napari_mixedptycho.cli._work import compute
from napari_mixedptycho.control import Control, control_recipe, judged, judged_columns, stationary
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result, versions

DATA, RESULT, NUMBERS, TABLE = "stationary.h5", "control.h5", "control.json", "columns.csv"


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
    parser.add_argument("--json", action="store_true", help="print JSON, lengths in Å")
    parser.add_argument("--again", action="store_true", help="compute again what is there already")
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), help="where to compute")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.noise_seed < 0:
        raise InputError(f"--noise-seed is {arguments.noise_seed}; give 0 or more.")
    result = Result.load(arguments.result)
    if not result.complete:
        raise InputError(
            f"{arguments.result}: {len(result.history)} of {result.recipe.iterations} iterations are done; "
            f"finish it first with `mixedptycho run --resume {arguments.result}`."
        )
    columns = judged_columns(result)
    folder = arguments.out or arguments.result.with_suffix(".control")
    if arguments.result.resolve() == (folder / RESULT).resolve():
        raise InputError(
            f"{arguments.result}: the control would replace the result itself; give another --out."
        )
    display = Display(quiet=arguments.quiet)
    data = stationary(result, _dataset(result, arguments.data), arguments.noise_seed)
    check_folder(folder)
    job = _Job(result, data, folder, display, arguments.device)
    still, code = job.run(again=arguments.again)
    if still is None or code:
        display.say(f"Stopped before the end; the same command goes on from {folder}.", always=True)
        return code
    found = judged(result, still, columns)
    numbers = _write(found, folder)
    print(json.dumps(numbers, indent=2) if arguments.json else found.verdict.sentence())
    if not found.verdict.resolved:
        display.say(
            "Not resolved is not at rest: a start from below may not reach a motion of few electrons; "
            "`mixedptycho bracket` starts from above too."
        )
    display.say(f"Stationary data, result and numbers are in {folder}.")
    return 0


@dataclass
class _Job:
    """The control of a result, kept safe in a folder."""

    result: Result
    data: Dataset
    folder: Path
    display: Display
    device: str | None

    def run(self, *, again: bool) -> tuple[Result | None, int]:
        """Reconstruct what is left; return the result and the exit code."""
        stored = self.folder / DATA
        write_dataset(stored, self.data)
        recipe = control_recipe(self.result.recipe, str(stored.resolve()))
        if self.device is not None:
            recipe = recipe.with_set(f"run.device={self.device}")
        out = self.folder / RESULT
        before = None if again else self._kept(out, recipe)
        if out.exists() and not is_result(out):
            raise InputError(f"{out}: this file is there and is not a result; give another --out.")
        if before is not None and before.complete:
            self.display.say(f"{out} was made before from the same result (--again recomputes).")
            return before, 0
        return compute(recipe, self.data, out, before, self.display)

    def _kept(self, out: Path, recipe: Recipe) -> Result | None:
        """Return what an earlier command has left, when computing again would give the same."""
        if not (out.is_file() and is_result(out)):
            return None
        try:
            before = Result.load(out)
        except InputError:
            return None
        same = (
            _essence(before.recipe) == _essence(recipe.for_dataset(self.data))
            and before.data_hash == self.data.hash
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
    part = path.with_name(f".{path.name}.part")
    with h5py.File(part, "w") as file:
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
    part.replace(path)


def _write(found: Control, folder: Path) -> dict[str, Any]:
    """Write ``columns.csv`` and ``control.json``; return the numbers."""
    numbers = found.verdict.numbers() | {"sentence": found.verdict.sentence()}
    write_columns(folder / TABLE, found.motion, verdict=found.verdict)
    (folder / NUMBERS).write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return numbers
