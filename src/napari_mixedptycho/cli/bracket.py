"""``mixedptycho bracket``: the motion from below and from above, and whether the two meet."""

from __future__ import annotations

import argparse
import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from napari_mixedptycho.analysis.bracket import SIDES, Bracket, BracketSettings, Point, Side
from napari_mixedptycho.bracket import Earlier, Part, Passage, bracket, common, from_side
from napari_mixedptycho.checkpoint import Saver
from napari_mixedptycho.cli._options import add_changes, changed, check_folder, is_result
from napari_mixedptycho.cli._progress import Display
from napari_mixedptycho.cli._work import Terminated, headline, remarks, termination_as_interrupt
from napari_mixedptycho.cli.columns import analyse
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import apply_recipe, known_thickness, open_dataset, prepare
from napari_mixedptycho.preprocess import truth_in
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result, versions
from napari_mixedptycho.words import counted

PARTS: tuple[Part, ...] = ("start", *SIDES)


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "bracket",
        help="approach the motion from below and from above",
        description="Run a recipe twice, from states that differ less and from states that differ more than "
        "the motion expected, and tell between which values the data hold the motion of the columns. "
        "Ctrl-C keeps what there is; the same command goes on from there.",
        allow_abbrev=False,
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml", help="see `mixedptycho recipe`")
    for name, entry in BracketSettings.model_fields.items():
        kind = int if entry.annotation is int else float
        text = f"{entry.description} Default: {entry.default:g}."
        parser.add_argument(
            f"--{name}", type=kind, default=entry.default, metavar="N", help=text.replace("%", "%%")
        )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="results, numbers and figure (default: RECIPE.bracket)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, lengths in Å")
    parser.add_argument("--again", action="store_true", help="compute again what is there already")
    add_changes(parser)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    recipe = changed(Recipe.read(arguments.recipe), arguments).located(Path.cwd())
    wishes = {name: getattr(arguments, name) for name in BracketSettings.model_fields}
    settings = BracketSettings.parse(wishes, "mixedptycho bracket")
    common(recipe)
    folder = arguments.out or arguments.recipe.with_suffix(".bracket")
    dataset = open_dataset(recipe)
    known_thickness(recipe, dataset)
    check_folder(folder)
    display = Display(quiet=arguments.quiet)
    job = _Job(recipe, settings, dataset, folder, display)
    earlier = Earlier() if arguments.again else job.earlier()
    code = job.run(earlier)
    if code or job.found is None:
        display.say(f"Stopped before the end; the same command goes on from {folder}.", always=True)
        return code
    truth = job.truth()
    numbers = numbers_of(job.found) | {"truth": truth}
    _write(folder / "bracket.json", numbers)
    draw(job.found, truth, dataset.name, folder / "bracket.png")
    print(json.dumps(numbers, indent=2) if arguments.json else sentence(job.found, truth))
    display.say(f"Results, numbers and the figure are in {folder}.")
    return code


@dataclass
class _Job:
    """A bracket whose parts are kept safe in a folder."""

    recipe: Recipe
    settings: BracketSettings
    dataset: Dataset
    folder: Path
    display: Display
    found: Bracket | None = None
    latest: dict[Part, Result] = field(default_factory=dict)

    def file(self, part: Part) -> Path:
        return self.folder / f"{part}.h5"

    def wish(self, part: Part) -> Recipe:
        if part == "start":
            return common(self.recipe)
        return from_side(self.recipe, self.settings, part)

    def earlier(self) -> Earlier:
        """Return what an interrupted command has left, as far as computing again would give the same."""
        results = {part: result for part in PARTS if (result := self._kept(part)) is not None}
        if "start" not in results:
            return Earlier()
        self.latest.update(results)
        if results:
            self.display.say(f"{self.folder} was begun before with the same settings; going on from there.")
        return Earlier(results, _points(self.folder / "bracket.json", self.settings))

    def _kept(self, part: Part) -> Result | None:
        path, wish = self.file(part), self.wish(part)
        if not (path.is_file() and is_result(path)):
            return None
        try:
            result = Result.load(path)
        except InputError:
            return None
        prepared = apply_recipe(wish, self.dataset)
        same = (
            _essence(result.recipe) == _essence(wish.for_dataset(prepared))
            and result.data_hash == prepared.hash
            and result.versions == versions()
            and len(result.history) <= wish.iterations
        )
        return result if same else None

    def run(self, earlier: Earlier) -> int:
        """Run what is left, saving as it goes; return the exit code."""
        self.display.say(headline(self.recipe, self.dataset))
        for text in remarks(prepare(self.recipe, self.dataset)):
            self.display.say(text)
        savers = {
            part: Saver(self.file(part), self.recipe.run.checkpoint, self.display.say) for part in PARTS
        }
        steps, part, code = bracket(self.recipe, self.settings, self.dataset, earlier), None, 0
        try:
            with termination_as_interrupt():
                while (step := self._next(steps)) is not None:
                    if part is not None and part != step.part:
                        savers[part].finish(self.latest[part])
                    if part != step.part:
                        self._announce(step.part)
                    part = step.part
                    self._note(step)
                    savers[part].checkpoint(step.progress.result)
        except KeyboardInterrupt as stop:
            code = 143 if isinstance(stop, Terminated) else 130
        finally:
            self.display.end()
            if part is not None:
                savers[part].finish(self.latest[part])
        return code

    def _next(self, steps: Any) -> Passage | None:
        """Return the next step; at the end keep what the generator returns."""
        try:
            return cast(Passage, next(steps))
        except StopIteration as end:
            self.found = end.value
            return None

    def _note(self, step: Passage) -> None:
        self.latest[step.part] = step.progress.result
        self.display.show(step.progress)
        self.display.warn(step.progress.health)
        if step.bracket is not None and step.bracket is not self.found:
            self.found = step.bracket
            # A full disk does not stop the run: the results in memory can still be measured.
            with contextlib.suppress(OSError):
                _write(self.folder / "bracket.json", numbers_of(step.bracket))

    def _announce(self, part: Part) -> None:
        if part == "start":
            self.display.say("The stages with one state, which both sides share:")
            return
        start = self.settings.start(part)
        self.display.say(f"From {part}: states displaced by {start:g} Å rms.")

    def truth(self) -> float | None:
        """Return the true motion of the columns, rms per axis, Å; None where the data do not know it."""
        known = truth_in(self.dataset, self.recipe.data.scan_region, self.recipe.microscope.scan_rotation)
        comparison = analyse(self.latest["below"], known).comparison
        if comparison is None:
            return None
        true = comparison.rendered
        return float(np.hypot(true.true_sd_y, true.true_sd_x) / np.sqrt(2))


def _essence(recipe: Recipe) -> dict[str, Any]:
    """Return the settings on which a result depends, but for how long its last stage goes on."""
    values = recipe.essence
    values["stages"][-1].pop("iterations")
    return values


def sentence(found: Bracket, truth: float | None = None) -> str:
    """Say what was found, in words."""
    motions = {side: found.points[side][-1].motion for side in SIDES}
    done = found.points["below"][-1].iteration
    columns, iterations = counted(len(found.columns), "column"), counted(done, "iteration")
    text = (
        f"Motion of {columns} after {iterations} with several states: "
        f"{motions['below']:.4f} Å from below (started at {found.settings.low:g}), "
        f"{motions['above']:.4f} Å from above (started at {found.settings.high:g}).\n"
    )
    low, high = found.interval
    if found.met:
        after = found.enough
        text += "The sides have met" + (f"; {after} iterations were enough. " if after else " just now. ")
        text += f"As far as data and model go, the motion is {low:.4f} to {high:.4f} Å."
    else:
        text += (
            f"The sides have not met: the motion lies between {low:.4f} and {high:.4f} Å; {_advice(found)}"
        )
    text += f"\nColumn by column the sides differ by {found.column_difference:.4f} Å rms."
    return text if truth is None else f"{text}\nThe truth is {truth:.4f} Å."


def _advice(found: Bracket) -> str:
    """Say what to do when the sides have not met."""
    drifts = {side: found.drift(side) for side in SIDES}
    moving = [side for side in SIDES if not found.settings.equal(drifts[side], 0.0)]
    closing = (found.interval[1] - found.interval[0]) / 4
    if moving or max(abs(drift) for drift in drifts.values()) > closing:
        told = " and ".join(f"{drift:+.4f} Å from {side}" for side, drift in drifts.items())
        return f"they still move ({told} in the last quarter), so give them more iterations."
    return "they rest, so that more iterations will not decide it: fewer states or a higher dose may."


def numbers_of(found: Bracket) -> dict[str, Any]:
    """Return the numbers of a bracket as plain values for JSON: lengths in Å, None for what is not known."""
    low, high = found.interval
    values: dict[str, Any] = {
        "n_columns": len(found.columns),
        "low": _plain(low),
        "high": _plain(high),
        "met": found.met,
        "enough_iterations": found.enough,
        "column_difference": _plain(found.column_difference),
        "settings": found.settings.model_dump(mode="json"),
    }
    for side, points in found.points.items():
        rows = [{name: _plain(value) for name, value in vars(point).items()} for point in points]
        values[side] = {"points": rows, "drift": _plain(found.drift(side))}
    return values


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _points(path: Path, settings: BracketSettings) -> dict[Side, tuple[Point, ...]]:
    """Return the measurements of an earlier command; none when they were made otherwise or are damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["settings"]["every"] != settings.every:
            return {}
        rows = {side: values[side]["points"] for side in SIDES if side in values}
        return {side: tuple(_point(row) for row in entries) for side, entries in rows.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _point(row: dict[str, float | None]) -> Point:
    return Point(**{name: np.inf if value is None else value for name, value in row.items()})  # type: ignore[arg-type]


def _write(path: Path, values: dict[str, Any]) -> None:
    """Write JSON; an earlier file is replaced only by a complete one."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def draw(found: Bracket, truth: float | None, name: str, path: Path) -> None:
    """Draw both sides against the iteration."""
    # Here, since matplotlib takes its time and is needed for figures alone.
    from napari_mixedptycho.analysis.figures.bracket import Approach
    from napari_mixedptycho.analysis.figures.bracket import bracket as drawn
    from napari_mixedptycho.analysis.figures.style import save

    sides = []
    for side in SIDES:
        points = found.points[side]
        columns = (
            [getattr(point, key) for point in points] for key in ("iteration", "motion", "low", "high")
        )
        sides.append(Approach(found.settings.start(side), *columns))
    save(drawn(sides[0], sides[1], truth, name), path)
