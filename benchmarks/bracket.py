"""The motion from below and from above, against the truth: whether the two sides meet, and after how long.

``python benchmarks/bracket.py FOLDER [--out DIR] [--set section.key=value …] NAME …`` brackets
``FOLDER/NAME.h5`` for each name with the default recipe, prints one row of the table in docs/states.md, and
writes results, numbers and figures to ``DIR/NAME``. It is ``mixedptycho bracket`` for several files.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from pathlib import Path

from napari_mixedptycho.cli import main as mixedptycho
from napari_mixedptycho.recipe import Recipe

HEADER = ("data", "true", "from below", "from above", "met", "enough", "column by column", "evaluations")


def row(path: Path, changes: list[str], options: list[str], out: Path) -> str:
    """Bracket one file and return its row; lengths in Å."""
    folder = out / path.stem
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "recipe.toml"
    recipe.write_text(Recipe().with_set(f'data.file="{path.resolve()}"').to_toml(), encoding="utf-8")
    words = ["bracket", str(recipe), "--out", str(folder), "--json", *options]
    words += [word for change in changes for word in ("--set", change)]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = mixedptycho(words)
    if code:
        raise SystemExit(code)
    numbers = json.loads(said.getvalue())
    last = {side: numbers[side]["points"][-1] for side in ("below", "above")}
    cells = [
        f"`{path.stem}`",
        "–" if numbers["truth"] is None else f"{numbers['truth']:.4f}",
        *(f"{last[side]['motion']:.4f}" for side in ("below", "above")),
        "yes" if numbers["met"] else "no",
        str(numbers["enough_iterations"] or "–"),
        f"{numbers['column_difference']:.4f}",
        " + ".join(f"{last[side]['evaluations']:.0f}" for side in ("below", "above")),
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("out/bracket"))
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    parser.add_argument("--every", default="3")
    parser.add_argument("--low", default="0.02")
    parser.add_argument("--high", default="0.1")
    arguments = parser.parse_args()
    options = [f"--{name}={getattr(arguments, name)}" for name in ("every", "low", "high")]
    print("| " + " | ".join(HEADER) + " |\n|" + "---|" * len(HEADER))
    for name in arguments.names:
        print(row(arguments.folder / f"{name}.h5", arguments.set, options, arguments.out), flush=True)


if __name__ == "__main__":
    main()
