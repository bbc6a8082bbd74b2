"""``mixedptycho demo``: the built-in sample, from patterns to moving atoms, beside its stationary control."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from napari_mixedptycho.cli._options import add_changes, changed, check_out, is_result
from napari_mixedptycho.cli._progress import Display
from napari_mixedptycho.cli._work import compute
from napari_mixedptycho.cli.columns import Found, analyse, write
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.preprocess import truth_in
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result, versions

SAMPLE, CONTROL = "sample:si_sigma9", "sample:si_sigma9_static"

WRITTEN = ("columns.csv", "mean_phase.png", "states.png", "columns.png", "loss.png")
"""Beside ``result.h5``, for each of the two."""


def recipe_of(file: str) -> Recipe:
    """Return the recipe of the demo for one of the two samples: the default one for both."""
    return Recipe().with_set(f'data.file="{file}"')


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "demo",
        help="reconstruct the built-in sample and its stationary control",
        description="Reconstruct the built-in sample and its stationary control with the default recipe, "
        "measure the motion of the columns, draw it, and open napari when there is a display.",
        allow_abbrev=False,
    )
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="DIR", help="default: out/demo")
    parser.add_argument("--no-napari", action="store_true", help="do not open napari at the end")
    parser.add_argument("--no-control", action="store_true", help="leave out the stationary control")
    parser.add_argument("--again", action="store_true", help="compute again what is there already")
    add_changes(parser)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    display = Display(quiet=arguments.quiet)
    out: Path = arguments.out
    jobs = {SAMPLE: out} | ({} if arguments.no_control else {CONTROL: out / "stationary"})
    found: dict[str, Found] = {}
    for sample, folder in jobs.items():
        recipe = changed(recipe_of(sample), arguments)
        one, code = _one(recipe, folder, arguments.again, display)
        if one is None:
            return code
        found[sample] = one
    print(summary(found[SAMPLE], found.get(CONTROL)))
    print(f"Pictures, tables and results are in {out}.")
    if not arguments.no_napari and has_display():
        show(out / "result.h5")
    return 0


def _one(recipe: Recipe, folder: Path, again: bool, display: Display) -> tuple[Found | None, int]:
    """Reconstruct one sample, or take what is there; measure and draw; None when it was stopped."""
    path, dataset = folder / "result.h5", open_dataset(recipe)
    check_out(path, recipe)
    before = None if again else _made_before(path, recipe, dataset)
    result: Result | None = before
    if before is not None and before.complete:
        display.say(f"{path} was made before with the same settings, data and versions (--again recomputes).")
    else:
        if before is not None:
            display.say(f"{path} was begun before; going on after iteration {len(before.history)}.")
        result, code = compute(recipe, dataset, path, before, display)
        if result is None or code:
            display.say(f"Stopped before the end; the same command goes on from {path}.", always=True)
            return None, code
    assert result is not None  # it was either there or is new
    found = analyse(result, truth_in(dataset, recipe.data.scan_region, recipe.microscope.scan_rotation))
    if not _drawn(folder, path):
        write(result, found, folder)
    return found, 0


def _drawn(folder: Path, result: Path) -> bool:
    """Tell whether table and pictures are there and not older than the result."""
    made = result.stat().st_mtime
    return all((folder / name).is_file() and (folder / name).stat().st_mtime >= made for name in WRITTEN)


def _made_before(path: Path, recipe: Recipe, dataset: Dataset) -> Result | None:
    """Return the result that is there when computing again would give the same, as far as it has come."""
    if not (path.is_file() and is_result(path)):
        return None
    try:
        result = Result.load(path)
    except InputError:
        return None
    if recipe.data.scan_region is not None:
        top, bottom, left, right = recipe.data.scan_region
        dataset = dataset.replace(patterns=dataset.patterns[top:bottom, left:right])
    same = (
        result.recipe.essence == recipe.for_dataset(dataset).essence
        and result.versions == versions()
        and result.data_hash == dataset.hash
    )
    return result if same else None


def summary(found: Found, control: Found | None) -> str:
    """Say what was found, against the truth and the stationary control."""
    lines = ["", "Silicon grain boundary with thermal motion", found.sentence()]
    lines += [f"Not compared with the truth: {found.note}"] if found.note else []
    if control is not None:
        lines += ["Stationary control: the same settings on data in which nothing moves", control.sentence()]
        floor, motion = _rms(control), _rms(found)
        if floor is not None and motion is not None:
            lines.append(
                f"So motion below about {floor:.4f} Å would not be seen here; {motion:.4f} Å was measured."
            )
    return "\n".join(lines)


def _rms(found: Found) -> float | None:
    """Return the rms motion per axis, Å; None without columns."""
    motion = found.motion
    return None if not motion.n_columns else float(((motion.sd_y**2 + motion.sd_x**2) / 2) ** 0.5)


def has_display() -> bool:
    """Tell whether a window can be opened here."""
    if os.environ.get("CI"):
        return False
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def show(path: Path) -> None:
    """Open napari with the plugin and a result, where napari and Qt are installed."""
    try:
        # By name: the window is a higher floor, and may be absent.
        launch = importlib.import_module("napari_mixedptycho._napari.launch")
    except ImportError as error:
        if (error.name or "").startswith("napari_mixedptycho"):
            raise
        print(f'napari cannot be opened here ({error}); pip install "napari-mixedptycho[all]" brings it.')
        return
    launch.show(path)
