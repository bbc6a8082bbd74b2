"""``mixedptycho scan``: a reconstruction for each value of some settings, and a table of what came of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_mixedptycho.cli._options import add_changes, changed, check_folder
from napari_mixedptycho.cli._progress import Display
from napari_mixedptycho.cli._work import compute
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result
from napari_mixedptycho.scan import Axis, Point, Row, as_csv, best, combinations, scan
from napari_mixedptycho.words import duration


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "scan",
        help="reconstruct for each value of some settings, and compare",
        description="Reconstruct for every combination of values, one result file each, and compare them in "
        "a table and a figure. What is there already is kept; the same command goes on after an "
        "interruption. With --set data.hold_out=10 every tenth pattern is left out and predicted: take the "
        "values that predict best.",
        allow_abbrev=False,
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml", help="see `mixedptycho recipe`")
    parser.add_argument(
        "--over",
        action="append",
        required=True,
        metavar="section.key=value,value",
        help="a setting and its values, as in model.states=1,2,4,8 (repeatable: all combinations)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where results, scan.csv and scan.png go"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, lengths in Å")
    add_changes(parser)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    axes = [Axis.parse(text) for text in arguments.over]
    recipe = changed(Recipe.read(arguments.recipe), arguments).located(Path.cwd())
    points = [
        Point(point.name, point.values, point.recipe.located(Path.cwd()))
        for point in combinations(recipe, axes)
    ]
    out: Path = arguments.out
    check_folder(out)
    display = Display(quiet=arguments.quiet)
    if all(point.recipe.data.hold_out is None for point in points):
        display.say(
            "No patterns are held out, and the loss alone always favours the larger model: add --set "
            "data.hold_out=10 to leave out every tenth and see how well it is predicted."
        )
    rows: list[Row] = []
    work = Work(points, display)
    try:
        for row in scan(points, out, work.compute):
            rows.append(row)
            (out / "scan.csv").write_text(as_csv(rows), encoding="utf-8")
            display.say(work.said(row), always=row.error is not None)
    except Stopped as stop:
        display.say("Stopped; the same command goes on from here.", always=True)
        return stop.code
    _draw(rows, axes, out)
    _print(rows, axes, out, as_json=arguments.json)
    return int(any(row.error is not None for row in rows))


class Stopped(KeyboardInterrupt):
    """Ctrl-C, or SIGTERM; with the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class Work:
    """Reconstructs one combination after the other, with the progress on screen."""

    def __init__(self, points: Sequence[Point], display: Display) -> None:
        self._names = [point.name for point in points]
        self._display = display
        self._computed: set[str] = set()

    def compute(self, point: Point, path: Path, earlier: Result | None) -> Result:
        """Reconstruct into a file; an interrupt ends the scan."""
        self._computed.add(point.name)
        self._display.say(f"[{self._number(point)}] {point.name}")
        result, code = compute(point.recipe, open_dataset(point.recipe), path, earlier, self._display)
        if code:
            raise Stopped(code)
        assert result is not None  # something was left to do
        return result

    def said(self, row: Row) -> str:
        """Return what to say of a combination that is done."""
        head = f"[{self._number(row.point)}] {row.point.name}"
        if row.error is not None:
            return f"{head}: failed: {row.error}"
        return head + (": done" if row.point.name in self._computed else ": was there already")

    def _number(self, point: Point) -> str:
        return f"{self._names.index(point.name) + 1}/{len(self._names)}"


def _print(rows: Sequence[Row], axes: Sequence[Axis], out: Path, *, as_json: bool) -> None:
    chosen = best(rows)
    if as_json:
        facts = {
            "over": {axis.setting: list(axis.values) for axis in axes},
            "rows": [row.numbers() for row in rows],
            "best": chosen and chosen.point.name,
        }
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    print(table(rows, chosen))
    if chosen is not None:
        print(f"* predicts the patterns held out best: {chosen.point.name}.")
    print(f"Results, scan.csv and scan.png are in {out}.")


def table(rows: Sequence[Row], chosen: Row | None) -> str:
    """Return the table to read, the chosen row marked."""
    head = [
        "",
        "",
        "loss",
        "held out",
        "iterations",
        "evaluations",
        "time",
        "separation",
        "motion (Å)",
        "alarms",
    ]
    lines = [head]
    for row in rows:
        mark = "*" if row is chosen else ""
        if row.error is not None:
            lines.append([mark, row.point.name, "failed", *[""] * 7])
            continue
        lines.append(
            [
                mark,
                row.point.name,
                _number(row.loss, "{:.6g}"),
                _number(row.held_out, "{:.6g}"),
                str(row.iterations),
                f"{row.evaluations:.4g}",
                duration(row.seconds),
                _number(row.separation, "{:.3f}"),
                _number(row.motion, "{:.4f}"),
                " ".join(row.alarms) or "none",
            ]
        )
    widths = [max(len(line[index]) for line in lines) for index in range(len(head))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _draw(rows: Sequence[Row], axes: Sequence[Axis], out: Path) -> None:
    """Write ``scan.png``: the first axis along x, a curve for each combination of the others."""
    # Here, since matplotlib takes its time and is needed for figures alone.
    from napari_mixedptycho.analysis.figures import save, scan_losses

    first, *others = axes
    series: dict[str, list[Row]] = {}
    for row in rows:
        name = ", ".join(f"{axis.setting}={row.point.values[axis.setting]}" for axis in others)
        series.setdefault(name, []).append(row)
    known = {
        kind: {
            name: [getattr(row, kind) if getattr(row, kind) is not None else float("nan") for row in along]
            for name, along in series.items()
        }
        for kind in ("loss", "held_out")
    }
    chosen = best(rows)
    places = [
        (name, index) for name, along in series.items() for index, row in enumerate(along) if row is chosen
    ]
    figure = scan_losses(
        first.setting, first.values, known["loss"], known["held_out"], places[0] if places else None
    )
    save(figure, out / "scan.png")
