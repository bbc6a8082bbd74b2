"""``mixedptycho ensemble``: one recipe from several seeds, pooled, and how well the runs reproduce."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.analysis.ensemble import Ensemble, EnsembleSettings, ensemble
from napari_mixedptycho.analysis.table import cell, write_rows
from napari_mixedptycho.cli._options import add_changes, changed, check_folder, is_result, positive
from napari_mixedptycho.cli._progress import Display
from napari_mixedptycho.cli.recipe import for_contents
from napari_mixedptycho.cli.scan import Stopped, Work
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import data_path, read_contents
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result
from napari_mixedptycho.scan import Axis, combinations, files, scan
from napari_mixedptycho.words import counted

NUMBERS, TABLE, FIGURE = "ensemble.json", "columns.csv", "ensemble.png"


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "ensemble",
        help="reconstruct from several seeds, pool the states, and tell what reproduces",
        description="Reconstruct one recipe from several seeds, one result file each, or take results that "
        "are there; bring them to the same place, pool their states, and tell how well the motion of the "
        "columns reproduces and how many states and seeds make it stable. What is there already is kept; the "
        "same command goes on after an interruption.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a recipe, a data file (default recipe), or several results of the same place",
    )
    parser.add_argument("--seeds", type=positive, default=4, metavar="N", help="how many runs; default 4")
    parser.add_argument(
        "--stable",
        type=float,
        default=0.1,
        metavar="X",
        help="relative spread of a sd that will do; default 0.1",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="results, numbers, table, figure; needed to reconstruct"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, lengths in Å")
    add_changes(parser)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    settings = EnsembleSettings.parse({"stable": arguments.stable}, "mixedptycho ensemble")
    display = Display(quiet=arguments.quiet)
    if arguments.out is not None:
        check_folder(arguments.out)
    try:
        paths = _paths(arguments, display)
    except Stopped as stop:
        display.say("Stopped; the same command goes on from here.", always=True)
        return stop.code
    found = ensemble([Result.load(path) for path in paths], settings)
    numbers = found.numbers() | {"files": [str(path) for path in paths]}
    if arguments.out is not None:
        _write(found, numbers, arguments.out)
    print(json.dumps(numbers, indent=2, ensure_ascii=False) if arguments.json else sentences(found))
    if arguments.out is not None:
        display.say(f"Results, {NUMBERS}, {TABLE} and {FIGURE} are in {arguments.out}.")
    return 0


def _paths(arguments: argparse.Namespace, display: Display) -> list[Path]:
    """Return the result files, after what is missing was reconstructed."""
    sources = [Path(source) for source in arguments.sources]
    if all(is_result(source) for source in sources):
        return sources
    if len(sources) > 1:
        other = next(source for source in sources if not is_result(source))
        raise InputError(f"{other}: this is no result; give one recipe, one data file, or results alone.")
    if arguments.out is None:
        raise InputError("The results need a place: give a folder with --out.")
    if arguments.seeds < 2:
        raise InputError("One seed says nothing of what reproduces; give --seeds 2 or more.")
    recipe = changed(_recipe(arguments.sources[0]), arguments).located(Path.cwd())
    first = recipe.run.seed
    seeds = ",".join(str(first + step) for step in range(arguments.seeds))
    points = combinations(recipe, [Axis.parse(f"run.seed={seeds}")])
    work = Work(points, display)
    for row in scan(points, arguments.out, work.compute):
        display.say(work.said(row), always=row.error is not None)
        if row.error is not None:
            raise InputError(f"Seed {row.point.values['run.seed']} has failed: {row.error}")
    return list(files(points, arguments.out))


def _recipe(source: str) -> Recipe:
    """Return the recipe of a file, or the default one for a data file."""
    if Path(source).suffix == ".toml":
        return Recipe.read(Path(source))
    recipe, notes = for_contents(Recipe(), read_contents(data_path(source)), source)
    if notes:
        raise InputError(f"{source}: {notes[0]} Write a recipe with `mixedptycho recipe --for {source}`.")
    return recipe


def sentences(found: Ensemble) -> str:
    """Say it in words."""
    numbers: dict[str, Any] = found.numbers()
    states = numbers["states"]
    same = len(set(states)) == 1
    told = (
        f"{len(states)} runs × {counted(states[0], 'state')}"
        if same
        else f"{len(states)} runs of {states} states"
    )
    lines = [f"{told}, {counted(numbers['n_columns'], 'column')} shown by all of them."]
    lines += _rows(found)
    spread, column = 100 * numbers["motion_spread"], 100 * numbers["column_spread"]
    lines.append(
        f"Motion: {numbers['motion']:.4f} Å rms per axis; from run to run it varies by {spread:.0f} %, that "
        f"of one column by {column:.0f} %."
    )
    r = numbers["sd_correlation"]
    if r is not None:
        lines.append(f"Correlation of the sd over columns, run against run: {r:.2f} on average.")
    lines.append(
        f"Mean positions differ by {numbers['between']:.4f} Å rms between runs; independent states would "
        f"make it {numbers['between_if_independent']:.4f} Å."
    )
    lines.append(_advice(numbers))
    lines.append("Runs on the same data share its noise: what reproduces need not be true.")
    return "\n".join(lines)


def _rows(found: Ensemble) -> list[str]:
    """Return a table of the runs."""
    r = found.correlation
    rows = [["run", "shift y, x (Å)", "motion (Å)", "r of sd with the others"]]
    for index, (name, motion) in enumerate(zip(found.names, found.motions, strict=True)):
        down, right = found.shifts[index]
        others = np.delete(r[index], index)
        text = f"{others.mean():.2f}" if np.isfinite(others).all() else "–"
        rows.append([name, f"{down:+.3f}, {right:+.3f}", f"{motion:.4f}", text])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(text.ljust(n) for text, n in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _advice(numbers: dict[str, Any]) -> str:
    """Say how many states and runs are enough."""
    limit = f"{100 * numbers['stable']:.0f} %"
    states, runs = numbers["enough_states"], numbers["enough_runs"]
    told = f"more than {sum(numbers['states'])}" if states is None else str(states)
    return (
        f"For the sd of a column to {limit}: the mean of {counted(runs, 'run')} like these; "
        f"{told} states if they were independent."
    )


def _write(found: Ensemble, numbers: dict[str, object], folder: Path) -> None:
    """Write numbers, table and figure."""
    # Here, since matplotlib takes its time and is needed for figures alone.
    from napari_mixedptycho.analysis.figures.ensemble import ensemble as drawn
    from napari_mixedptycho.analysis.figures.style import save

    (folder / NUMBERS).write_text(json.dumps(numbers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    header, *rows = rows_of(found)
    write_rows(folder / TABLE, header, rows)
    save(drawn(found), folder / FIGURE)


def rows_of(found: Ensemble) -> Sequence[Sequence[str]]:
    """Return the table of the columns, its header first."""
    pooled = found.pooled
    numbers: dict[str, np.ndarray] = {}
    for axis, name in enumerate("yx"):
        numbers[f"{name} (angstrom)"] = pooled.mean[:, axis]
    for axis, name in enumerate("yx"):
        numbers[f"sd_{name} (angstrom)"] = found.within[:, axis]
        numbers[f"sd_{name}_spread"] = found.spread[:, axis]
        numbers[f"mean_{name}_between_runs (angstrom)"] = found.between[:, axis]
    for index, run in enumerate(found.runs):
        numbers[f"u_rms_run_{index + 1} (angstrom)"] = run.u_rms
    rows = [[cell(value) for value in row] for row in zip(*numbers.values(), strict=True)]
    flags = [str(int(flag)) for flag in pooled.flagged]
    return [
        ["id", *numbers, "flagged"],
        *([str(index), *row, flag] for index, (row, flag) in enumerate(zip(rows, flags, strict=True))),
    ]
