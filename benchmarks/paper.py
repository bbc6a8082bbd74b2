"""The paper, reproduced in small: every run, its table and its figures.

``python benchmarks/paper.py DATA_FOLDER --out DIR [--only RUN …]`` makes the runs that DIR lacks (hours on
one core), then writes ``table.md``, ``table.csv``, ``time.md`` and the figures of docs/paper.md from what DIR
holds. Without DATA_FOLDER only the runs on the built-in samples are made. The recipes are in examples/paper.
Gladyshev, Haas, Boland, Rez, Koch (2023), arXiv:2309.12017.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common import Point, noise, read_points, traced, unevenness, write_points
from paper_figures import draw

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.io import load
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result

RECIPES = Path(__file__).resolve().parents[1] / "examples" / "paper"
SOURCE, MOVING, STILL = "si_sigma9_tds_source02", "si_sigma9_tds", "si_sigma9_static"
MEDIUM = "si_sigma9_medium_counts"
BUILT_IN = {"si_sigma9_dose1e6": "sample:si_sigma9", "si_sigma9_static_dose1e6": "sample:si_sigma9_static"}
"""Files that are the built-in samples, in case there is no folder."""
FIELD = "data.scan_region=[2, 22, 2, 22]"
FAST = ("stages.descent.solver.kind=lbfgs", "stages.descent.orthogonalise=svd")
"""The paper's problem as it is, with a solver that arrives."""
SAME_MODEL = ("model.states=6", "model.slices=2", "model.padding=1.5", "model.band_limit=0.5")
"""The model of the paper's recipes for the default one."""
_MEDIUM = ("data.scan_region=[10, 30, 10, 30]", "model.padding=1.0", "model.band_limit=none")
"""Its detector reaches far enough as it is."""
WIDE_MODEL = SAME_MODEL[:3]
"""The same without a band limit, which cuts at 64 mrad what the detector sees to 86 mrad."""
INTENSITY = tuple(
    change
    for stage in ("rough", "pure", "moving")
    for change in (f"stages.{stage}.loss.kind=intensity", f"stages.{stage}.prior=none")
)
"""The default recipe with the paper's loss, on which the prior has no scale."""


@dataclass(frozen=True)
class Run:
    """One reconstruction: a recipe of examples/paper, or the default one, on a file, with changes."""

    name: str
    data: str
    recipe: str | None = None
    iterations: int | None = None
    changes: tuple[str, ...] = ()

    def make(self, file: str) -> Recipe:
        """Return the recipe for a data file."""
        recipe = Recipe() if self.recipe is None else Recipe.read(RECIPES / f"{self.recipe}.toml")
        changes = (f'data.file="{file}"', "run.threads=1", FIELD, *self.changes)
        for change in changes:
            recipe = recipe.with_set(change)
        return recipe if self.iterations is None else recipe.with_iterations(self.iterations)


def _dosed() -> tuple[Run, ...]:
    """Return the runs on counted patterns: free states as in the paper, and the default recipe."""
    files = [f"si_sigma9_{still}dose{dose}" for dose in ("1e6", "1e5") for still in ("", "static_")]
    return tuple(
        run
        for file in files
        for short in [file.removeprefix("si_sigma9_")]
        for run in (
            Run(f"free_{short}", file, "mixed_object", 60, FAST),
            Run(f"same_model_{short}", file, changes=SAME_MODEL),
        )
    )


RUNS: tuple[Run, ...] = (
    *(
        Run(f"{name}_lbfgs", SOURCE, name, 60, FAST)
        for name in ("pure", "mixed_probe", "mixed_object", "mixed_both")
    ),
    Run("moving_lbfgs", MOVING, "mixed_object", 200, FAST),
    Run("control_lbfgs", STILL, "control", 100, FAST),
    Run("ours", MOVING),
    Run("ours_static", STILL),
    Run("same_model", MOVING, changes=SAME_MODEL),
    Run("same_model_intensity", MOVING, changes=(*SAME_MODEL, *INTENSITY)),
    Run("pure", SOURCE, "pure", 300),
    Run("moving", MOVING, "mixed_object", 300),
    Run("few_patterns", SOURCE, "few_patterns", 12),
    *_dosed(),
    Run("same_model_static", STILL, changes=SAME_MODEL),
    Run("wide", MOVING, changes=WIDE_MODEL),
    Run("wide_static", STILL, changes=WIDE_MODEL),
    Run("wide_moving_lbfgs", MOVING, "mixed_object", 60, (*FAST, "model.band_limit=none")),
    Run("wide_control_lbfgs", STILL, "control", 60, (*FAST, "model.band_limit=none")),
    Run("weak_noise_lbfgs", MOVING, "mixed_object", 60, (*FAST, "guess.object.amplitude=0.01")),
    *(Run(f"medium_{name}_lbfgs", MEDIUM, name, 60, (*FAST, *_MEDIUM)) for name in ("pure", "mixed_object")),
)


def locate(folder: Path | None, data: str) -> str | None:
    """Return the file of a data set: in the folder, else built in, else None."""
    if folder is not None and (folder / f"{data}.h5").is_file():
        return str((folder / f"{data}.h5").resolve())
    return BUILT_IN.get(data)


def reconstruct_missing(runs: Sequence[Run], folder: Path | None, out: Path) -> None:
    """Make the runs that `out` lacks and whose data are there."""
    for run in runs:
        file = locate(folder, run.data)
        if file is None:
            print(f"{run.name}: {run.data}.h5 is not there, left out", flush=True)
        elif not (out / f"{run.name}.h5").exists():
            recipe = run.make(file)
            result, points = traced(recipe, load(file))
            write_points(out / f"{run.name}.csv", points)
            result.replace(memory={}).save(out / f"{run.name}.h5")
            last = points[-1]
            print(f"{run.name}: loss {last.intensity:.2e}, {last.processor:.0f} s", flush=True)


@dataclass(frozen=True)
class Finished:
    """A run that `out` holds, with its trace and the noise between its columns."""

    name: str
    data: str
    result: Result
    dataset: Dataset
    points: list[Point]
    noise: float
    unevenness: float


def finished(runs: Sequence[Run], folder: Path | None, out: Path) -> dict[str, Finished]:
    """Return the runs that `out` holds, by name."""
    found: dict[str, Finished] = {}
    for run in runs:
        file, path = locate(folder, run.data), out / f"{run.name}.h5"
        if file is not None and path.exists():
            result, dataset = Result.load(path), load(file)
            points = read_points(path.with_suffix(".csv"))
            found[run.name] = Finished(
                run.name, run.data, result, dataset, points, noise(result, dataset), unevenness(result)
            )
    return found


HEADER = (
    "run",
    "data",
    "states",
    "modes",
    "slices",
    "iterations",
    "evaluations",
    "loss (eq. 3)",
    "noise",
    "unevenness",
    "columns",
    "sd y",
    "sd x",
    "ratio",
    "r",
    "error",
    "processor s",
)


def row(run: Finished) -> list[str]:
    """Return the numbers of a run as text, in the order of HEADER; lengths in Å."""
    last, estimate = run.points[-1], run.result.estimate
    numbers = (
        ("d", estimate.states),
        ("d", estimate.modes),
        ("d", run.result.recipe.model.slices),
        ("d", last.iteration),
        (".0f", last.evaluations),
        (".2e", last.intensity),
        (".3f", run.noise),
        (".3f", run.unevenness),
        ("d", last.columns),
        (".4f", last.sd_y),
        (".4f", last.sd_x),
        (".2f", last.ratio),
        (".2f", last.correlation),
        (".4f", last.error),
        (".0f", last.processor),
    )
    texts = [f"{value:{form}}" for form, value in numbers]
    return [
        run.name,
        run.data.removeprefix("si_sigma9_"),
        *("–" if text == "nan" else text for text in texts),
    ]


TARGETS = (1e-4, 5.5e-5, 3.3e-5, 1e-5, 5e-6)
RACERS = ("moving", "moving_lbfgs", "same_model_intensity", "same_model", "ours")


def cost_until(run: Finished, loss: float) -> str:
    """Return what it takes to reach a loss of eq. 3.

    Evaluations; the same in evaluations of the whole model, since a stage of one state costs less; time.
    """
    there = [point for point in run.points if point.intensity <= loss]
    if not there:
        return f"not in {run.points[-1].evaluations:.0f}"
    point, estimate = there[0], run.result.estimate
    whole = estimate.states * estimate.modes * run.result.recipe.model.slices
    return f"{point.evaluations:.0f} / {point.waves / whole:.0f} / {point.processor:.0f} s"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write_tables(runs: dict[str, Finished], out: Path) -> None:
    """Write the table of all runs, and what it takes to reach a loss."""
    rows = [row(run) for run in runs.values()]
    (out / "table.md").write_text(table(HEADER, rows), encoding="utf-8")
    with (out / "table.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    racers = [runs[name] for name in RACERS if name in runs]
    times = [[run.name, *(cost_until(run, loss) for loss in TARGETS)] for run in racers]
    (out / "time.md").write_text(table(("run", *map(str, TARGETS)), times), encoding="utf-8")


def main() -> None:
    """Make the runs, the tables and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="of the data; not given: built-in samples")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=[run.name for run in RUNS], metavar="RUN")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    wanted = [run for run in RUNS if arguments.only is None or run.name in arguments.only]
    reconstruct_missing(wanted, arguments.folder, out)
    runs = finished(RUNS, arguments.folder, out)
    write_tables(runs, out)
    draw({name: (run.result, run.dataset, run.points) for name, run in runs.items()}, out)


if __name__ == "__main__":
    main()
