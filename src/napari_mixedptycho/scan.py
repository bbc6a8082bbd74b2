"""One reconstruction for each value of some settings: how many states, slices or modes the data carry.

The loss alone cannot tell, since a larger model always explains more. Patterns that are left out of it can
(`data.hold_out`): their loss falls while a larger model finds more of the specimen, and rises when it fits
noise.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.analysis import measure
from napari_mixedptycho.checkpoint import Saver
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import apply_recipe, open_dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import assess, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.words import counted

_MOST = 1000
"""Combinations of a scan."""


@dataclass(frozen=True)
class Axis:
    """A setting and the values that it takes, as TOML."""

    setting: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Axis:
        """Read ``section.key=1,2,4``; commas inside brackets and quotes belong to a value.

        Raises
        ------
        InputError
            When it is written otherwise.
        """
        setting, equals, listed = (part.strip() for part in text.partition("="))
        values = tuple(value.strip() for value in _split(listed))
        if not equals or not setting or not all(values):
            raise InputError(f"--over {text}: write it as section.key=value,value.")
        if len(set(values)) < len(values):
            raise InputError(f"--over {text}: a value stands there twice; give each once.")
        return cls(setting, values)


def _split(text: str) -> Iterator[str]:
    """Cut at the commas that are in no bracket and in no quotes."""
    depth, quote, start = 0, "", 0
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and not depth:
            yield text[start:index]
            start = index + 1
    yield text[start:]


@dataclass(frozen=True)
class Point:
    """One combination: its name (also that of its file), the values, and the whole recipe."""

    name: str
    values: Mapping[str, str]
    recipe: Recipe


def combinations(recipe: Recipe, axes: Sequence[Axis]) -> tuple[Point, ...]:
    """Return a recipe for every combination of values, the last axis fastest.

    Raises
    ------
    InputError
        When there is no such setting, a value is not allowed, or there are too many.
    """
    settings = [axis.setting for axis in axes]
    if not axes or len(set(settings)) < len(settings):
        raise InputError("A scan needs --over section.key=value,value at least once, each setting once.")
    if (count := int(np.prod([len(axis.values) for axis in axes]))) > _MOST:
        raise InputError(
            f"The scan has {counted(count, 'combination')}; leave out values, {_MOST} are the most."
        )
    found: list[Point] = []
    for values in itertools.product(*(axis.values for axis in axes)):
        chosen, changed = dict(zip(settings, values, strict=True)), recipe
        for setting, value in chosen.items():
            try:
                changed = changed.with_set(f"{setting}={value}")
            except InputError as error:
                raise InputError(str(error).replace("--set", "--over", 1)) from None
        name = ", ".join(f"{_short(setting, settings)}={value}" for setting, value in chosen.items())
        found.append(Point(name, chosen, changed))
    return tuple(found)


def _short(setting: str, settings: Sequence[str]) -> str:
    """Return the last part of a setting's path where that tells it from the others."""
    last = [other.rsplit(".", 1)[-1] for other in settings]
    own = setting.rsplit(".", 1)[-1]
    return own if last.count(own) == 1 else setting


@dataclass(frozen=True)
class Row:
    """What became of a combination.

    Attributes
    ----------
    point
        The combination.
    loss, held_out
        Dimensionless, at the end; of the fitted patterns, and of those that were left out (None: there are
        none).
    iterations, evaluations, seconds
        Cost of all stages.
    separation
        Mean standard deviation between states ÷ mean absolute phase.
    alarms
        Names of the alarms at the end.
    columns, motion
        Columns that were measured, and the rms over them of the standard deviation over states, per axis, Å;
        None where there is nothing to measure.
    error
        Why it failed; None when it did not.
    """

    point: Point
    loss: float | None = None
    held_out: float | None = None
    iterations: int = 0
    evaluations: float = 0.0
    seconds: float = 0.0
    separation: float | None = None
    alarms: tuple[str, ...] = ()
    columns: int | None = None
    motion: float | None = None
    error: str | None = None

    @classmethod
    def of(cls, point: Point, result: Result) -> Row:
        """Sum up a result."""
        history = result.history
        columns, motion = _motion(result)
        return cls(
            point,
            _finite(history.loss[-1]),
            _finite(history.held_out[-1]),
            len(history),
            sum(history.evaluations),
            sum(history.seconds),
            _finite(history.separation[-1]),
            tuple(alarm.name for alarm in assess(result).alarms),
            columns,
            motion,
        )

    def numbers(self) -> dict[str, Any]:
        """Return plain values, for JSON and CSV."""
        names = ("loss", "held_out", "iterations", "evaluations", "seconds", "separation")
        return {
            "name": self.point.name,
            **self.point.values,
            **{name: getattr(self, name) for name in names},
            "alarms": list(self.alarms),
            "columns": self.columns,
            "motion": self.motion,
            "error": self.error,
        }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _motion(result: Result) -> tuple[int | None, float | None]:
    """Return how many columns there are, and their motion, Å; None where they cannot be measured."""
    if result.estimate.states < 2:
        return None, None
    try:
        found = measure(result)
    except InputError:
        return None, None
    if not found.n_columns:
        return 0, None
    return found.n_columns, _finite(float(np.sqrt((found.sd_y**2 + found.sd_x**2) / 2)))


Compute = Callable[[Point, Path, Result | None], Result]
"""Reconstructs a combination into a file, going on from what is there of it already."""


def compute_quietly(point: Point, path: Path, earlier: Result | None) -> Result:
    """Reconstruct into a file, with checkpoints."""
    saver, latest = Saver(path, point.recipe.run.checkpoint, lambda _: None), earlier
    for progress in reconstruct(point.recipe, open_dataset(point.recipe), earlier):
        latest = progress.result
        saver.checkpoint(latest)
    assert latest is not None  # a recipe has an iteration at least
    saver.finish(latest)
    return latest


def scan(points: Sequence[Point], folder: Path, compute: Compute = compute_quietly) -> Iterator[Row]:
    """Reconstruct every combination into a file of its own; what is there already is kept.

    Parameters
    ----------
    points
        The combinations.
    folder
        Where the results go; what was begun there with the same settings goes on.
    compute
        Reconstructs one of them. What it raises becomes the row's error, and the scan goes on; only an
        interrupt ends it.

    Yields
    ------
    Row
        After every combination.

    Raises
    ------
    InputError
        Before anything is computed, when a file is in the way.
    """
    paths = files(points, folder)
    earlier = {point.name: _earlier(point, path) for point, path in zip(points, paths, strict=True)}
    for point, path in zip(points, paths, strict=True):
        before = earlier.pop(point.name)
        try:
            result = before if before is not None and before.complete else compute(point, path, before)
            yield Row.of(point, result)
        except Exception as error:  # noqa: BLE001 - whatever one combination meets, the others go on
            text = " ".join(str(error).split())
            known = isinstance(error, InputError | OSError | ArithmeticError)
            yield Row(point, error=text if known else f"{type(error).__name__}: {text}")


def files(points: Sequence[Point], folder: Path) -> tuple[Path, ...]:
    """Return the result file of every combination."""
    names = [re.sub(r"[^\w.+-]+", "_", point.name.replace(", ", "_").replace("=", "-")) for point in points]
    # Long or strange values may come to the same name: a number tells them apart.
    return tuple(
        folder
        / (f"{name[:80]}.h5" if names.count(name) == 1 and len(name) <= 80 else f"{name[:80]}_{index}.h5")
        for index, name in enumerate(names)
    )


def _earlier(point: Point, path: Path) -> Result | None:
    """Return what is there of a combination; refuse what is something else."""
    if not path.exists():
        return None
    result = Result.load(path)
    try:
        dataset = apply_recipe(point.recipe, open_dataset(point.recipe))
    except InputError:
        return None  # said when its turn comes
    same = result.recipe.essence == point.recipe.for_dataset(dataset).essence
    if not same or result.data_hash != dataset.hash:
        raise InputError(
            f"{path}: this result was made with other settings or data; choose another folder, or delete it."
        )
    return result


def best(rows: Sequence[Row]) -> Row | None:
    """Return the row of the smallest held-out loss; None without any, or when the losses differ in kind."""
    kinds = {row.point.recipe.stages[-1].loss for row in rows}
    splits = {(row.point.recipe.data.hold_out, row.point.recipe.data.file) for row in rows}
    known = [row for row in rows if row.held_out is not None]
    if not known or len(kinds) > 1 or len(splits) > 1:
        return None
    return min(known, key=lambda row: row.held_out or 0.0)


def as_csv(rows: Sequence[Row]) -> str:
    """Return the table as comma-separated values, units in the header; empty where there is nothing."""
    units = {"seconds": "seconds (s)", "motion": "motion (angstrom)"}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    tables = [row.numbers() for row in rows]
    writer.writerow([units.get(name, name) for name in tables[0]] if tables else [])
    for table in tables:
        table["alarms"] = " ".join(table["alarms"])
        writer.writerow(["" if value is None else _text(value) for value in table.values()])
    return text.getvalue()


def _text(value: Any) -> str:
    return f"{value:.8g}" if isinstance(value, float) else str(value)
