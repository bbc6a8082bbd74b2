"""The motion that the default recipe finds, against the truth and the stationary control.

``python benchmarks/motion.py FOLDER [--out DIR] [--set section.key=value …] NAME …`` reconstructs
``FOLDER/NAME.h5`` for each name and prints one row of the table in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from common import compared

from napari_mixedptycho.io import load
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct

HEADER = (
    "data",
    "columns",
    "sd y",
    "sd x",
    "true y",
    "true x",
    "ratio",
    "r",
    "error",
    "to atoms",
    "cost",
    "s",
)


def row(path: Path, changes: list[str], out: Path | None) -> str:
    """Reconstruct one file and return its row."""
    recipe = Recipe().with_set(f'data.file="{path}"')
    for change in changes:
        recipe = recipe.with_set(change)
    dataset, began = load(path), time.perf_counter()
    progress = list(reconstruct(recipe, dataset))[-1]
    seconds = time.perf_counter() - began
    result = progress.result
    if out is not None:
        result.save(out / f"{path.stem}.h5")
    found = compared(result, dataset)
    assert found is not None  # the data have their truth, and columns were found
    same, atoms = found.rendered, found.atoms
    numbers = [
        str(found.n_columns),
        f"{found.sd_y:.4f}",
        f"{found.sd_x:.4f}",
        f"{same.true_sd_y:.4f}",
        f"{same.true_sd_x:.4f}",
        "–" if same.sd_ratio is None else f"{same.sd_ratio:.2f}",
        "–" if same.sd_correlation is None else f"{same.sd_correlation:.2f}",
        f"{same.mean_position_error:.4f}",
        f"{atoms.mean_position_error:.4f}",
        f"{progress.evaluations:.0f}",
        f"{seconds:.0f}",
    ]
    return f"| `{path.stem}` | " + " | ".join(numbers) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    arguments = parser.parse_args()
    print(
        "| data | columns | sd y | sd x | true y | true x | ratio | r | error | to atoms | evaluations | s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name in arguments.names:
        print(row(arguments.folder / f"{name}.h5", arguments.set, arguments.out), flush=True)


if __name__ == "__main__":
    main()
