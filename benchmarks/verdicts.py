"""The verdict of the stationary control on crystals that its threshold was not set on.

``python benchmarks/verdicts.py`` simulates the crystals of ``structures.py``, with and without motion, at
several doses, reconstructs each with the default recipe, runs its control and prints the rows of the table in
docs/analysis.md. ``--only N`` runs the N-th case alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator
from dataclasses import replace

import numpy as np
from structures import CASES, Case, simulate

from napari_mixedptycho.control import Control, control
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct

DOSES = (1e6, 1e5)
HEADER = ("case", "true (Å)", "motion (Å)", "floor (Å)", "motion ÷ floor", "95 % interval", "verdict")


def cases() -> tuple[Case, ...]:
    """Return every crystal at every dose."""
    return tuple(replace(case, dose=dose) for dose in DOSES for case in CASES)


def last(steps: Generator[Progress, None, Control]) -> Control:
    """Run a control to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Control = end.value
            return found


def row(case: Case, changes: list[str]) -> str:
    """Simulate, reconstruct, run the control and judge; return the row."""
    recipe, dataset = Recipe(), simulate(case)
    for change in changes:
        recipe = recipe.with_set(change)
    result = list(reconstruct(recipe, dataset))[-1].result
    verdict = last(control(result, dataset)).verdict
    assert dataset.truth is not None
    inside = dataset.truth.columns_per_snapshot[:, dataset.truth.columns_in_scan]
    true = float(np.sqrt(inside.var(axis=0).mean()))
    low, high = verdict.ratio_interval
    said = "**motion**" if verdict.resolved else "not resolved"
    return (
        f"| {case.name} | {true:.3f} | {verdict.motion:.4f} | {verdict.floor:.4f} | {verdict.ratio:.1f} ± "
        f"{verdict.ratio_error:.1f} | {low:.2f} to {high:.2f} | {said} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    parser.add_argument("--only", type=int, metavar="N", help="the N-th case alone, from 0")
    arguments = parser.parse_args()
    print("| " + " | ".join(HEADER) + " |\n|" + "---|" * len(HEADER))
    for index, case in enumerate(cases()):
        if arguments.only in (None, index):
            print(row(case, arguments.set), flush=True)


if __name__ == "__main__":
    main()
