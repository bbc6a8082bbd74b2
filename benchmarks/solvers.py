"""How fast each solver lowers the loss, per evaluation of all patterns: the tables in docs/engine.md.

``python benchmarks/solvers.py [--evaluations N …] [--set section.key=value …] [--only NAME …]`` starts every
solver from the same place on a part of the built-in sample: one state from the first guess, and states, free
or displaced, from displaced copies of a pure object. The loss is that of all patterns, evaluated beside the
count.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.iterate import Start, Step, iterate
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import DivergedError
from napari_mixedptycho.prepare import Prepared, first_estimate, for_stage, open_dataset, prepare
from napari_mixedptycho.recipe import Recipe

SETTINGS = (
    'data.file="sample:si_sigma9"',
    "data.scan_region=[0,12,0,12]",
    "model.slices=2",
    "model.states=4",
    "model.padding=1.0",
    "run.threads=1",
    'run.device="cpu"',
)
PURE = 20
"""Iterations of L-BFGS before states are free."""
_SIZE = 24


def _batches(grouping: str, **solver: object) -> dict[str, object]:
    return {"solver": solver, "patterns_per_update": _SIZE, "grouping": grouping}


def _all(**solver: object) -> dict[str, object]:
    return {"solver": solver}


CHOICES: dict[str, tuple[dict[str, object], ...]] = {
    "`gradient_descent`": (_all(kind="gradient_descent"),),
    "`gradient_descent`, preconditioned": (_all(kind="gradient_descent", preconditioned=True),),
    "`momentum`, heavy ball": (_all(kind="momentum", nesterov=False),),
    "`momentum`, Nesterov": (_all(kind="momentum"),),
    "`conjugate_gradient`": (_all(kind="conjugate_gradient"),),
    "`lbfgs`": (_all(kind="lbfgs"),),
    "`adam`": (_all(kind="adam"),),
    "`momentum`, random batches": (_batches("random", kind="momentum"),),
    "`momentum`, sparse batches": (_batches("sparse", kind="momentum"),),
    "`momentum`, compact batches": (_batches("compact", kind="momentum"),),
    "`lsqml`, random batches": (_batches("random", kind="lsqml"),),
    "`lsqml`, sparse batches": (_batches("sparse", kind="lsqml"),),
    "`lsqml`, compact batches": (_batches("compact", kind="lsqml"),),
    "`adam`, random batches": (_batches("random", kind="adam"),),
    "`adam`, sparse batches": (_batches("sparse", kind="adam"),),
    "`adam`, rate 0.003, sparse batches": (_batches("sparse", kind="adam", rate=0.003),),
    "5 × `momentum`, sparse batches; then `lbfgs`": (
        {**_batches("sparse", kind="momentum"), "iterations": 5},
        _all(kind="lbfgs"),
    ),
    "5 × `lsqml`, sparse batches; then `lbfgs`": (
        {**_batches("sparse", kind="lsqml"), "iterations": 5},
        _all(kind="lbfgs"),
    ),
}
"""For each name its stages; the last goes on until the evaluations are spent."""


@dataclass(frozen=True)
class Case:
    """A problem and a place to start from."""

    prepared: Prepared
    estimate: Estimate
    refine: tuple[str, ...] = ("object", "probe")

    def losses(self, choice: tuple[dict[str, object], ...], budgets: list[int]) -> list[float]:
        """Return the loss of all patterns when each budget of evaluations is spent."""
        objective = Objective.of(self.prepared.problem, PoissonLoss())
        spent, found, last = 0.0, list[float](), self.estimate
        for stage in choice:
            for step in self.steps(stage, last, 2 * budgets[-1]):
                while len(found) < len(budgets) and spent + step.evaluations > budgets[len(found)] + 0.01:
                    found.append(objective.value_and_gradient(last, ())[0])
                if len(found) == len(budgets):
                    return found
                spent, last = spent + step.evaluations, step.estimate
        return found

    def steps(self, stage: dict[str, object], start: Estimate, most: int) -> Iterator[Step]:
        """Run a stage."""
        values = {"iterations": most, "loss": {"kind": "poisson"}, "refine": self.refine, **stage}
        recipe = self.prepared.recipe
        kind, seed = recipe.model.object_type, recipe.run.seed
        return iterate(self.prepared.problem, Stage.parse(values), kind, Start(start), seed)


def pure_case(prepared: Prepared) -> Case:
    """Start from the first guess, one state."""
    return Case(prepared, first_estimate(prepared, 1))


def mixed_case(prepared: Prepared, refine: tuple[str, ...]) -> Case:
    """Start from displaced copies of an object that is pure and nearly done."""
    stage = Stage(iterations=PURE, states=1, loss=PoissonLoss())
    steps = list(iterate(prepared.problem, stage, "phase", Start(first_estimate(prepared, 1)), 0))
    begin = for_stage(prepared, steps[-1].estimate, Stage.parse({"refine": refine}))
    return Case(prepared, begin, refine)


CASES: dict[str, Callable[[Prepared], Case]] = {
    "one state": pure_case,
    "free states": lambda prepared: mixed_case(prepared, ("object", "probe")),
    "displaced states": lambda prepared: mixed_case(prepared, ("object", "probe", "displacement")),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, nargs="+", default=[10, 20, 40, 80])
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    parser.add_argument("--only", nargs="+", default=list(CHOICES))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    arguments = parser.parse_args()
    recipe = Recipe()
    for change in (*SETTINGS, *arguments.set):
        recipe = recipe.with_set(change)
    prepared = prepare(recipe, open_dataset(recipe))
    for title in arguments.cases:
        case = CASES[title](prepared)
        print(f"\n| 10³ × loss, {title} | " + " | ".join(f"{n}" for n in arguments.evaluations) + " |")
        print("|---|" + "---|" * len(arguments.evaluations))
        for name in arguments.only:
            try:
                losses = [f"{1e3 * loss:.2f}" for loss in case.losses(CHOICES[name], arguments.evaluations)]
            except DivergedError:
                losses = ["diverged"] * len(arguments.evaluations)
            print(f"| {name} | " + " | ".join(losses) + " |", flush=True)


if __name__ == "__main__":
    main()
