"""How fast each solver lowers the loss, per evaluation of all patterns: the tables in docs/engine.md.

``python benchmarks/solvers.py [--evaluations N …] [--set section.key=value …] [--only NAME …]`` starts every
solver from the same place on a part of the built-in sample: one state from the first guess, and free states
from a pure object and displaced copies. The loss is that of all patterns, evaluated beside the count.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.stage import Stage
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
BATCH = {"patterns_per_update": 24}
CHOICES: dict[str, dict[str, object]] = {
    "gradient_descent": {"solver": {"kind": "gradient_descent"}},
    "gradient_descent, preconditioned": {"solver": {"kind": "gradient_descent", "preconditioned": True}},
    "momentum, heavy ball": {"solver": {"kind": "momentum", "nesterov": False}},
    "momentum, Nesterov": {"solver": {"kind": "momentum"}},
    "conjugate_gradient": {"solver": {"kind": "conjugate_gradient"}},
    "lbfgs": {"solver": {"kind": "lbfgs"}},
    "adam": {"solver": {"kind": "adam"}},
    "least_squares": {"solver": {"kind": "least_squares"}},
    "momentum, batches": {"solver": {"kind": "momentum"}, **BATCH},
    "adam, batches": {"solver": {"kind": "adam"}, **BATCH},
    "least_squares, batches": {"solver": {"kind": "least_squares"}, **BATCH},
    "least_squares, sparse batches": {"solver": {"kind": "least_squares"}, **BATCH, "grouping": "sparse"},
    "least_squares, compact batches": {"solver": {"kind": "least_squares"}, **BATCH, "grouping": "compact"},
    "adam, sparse batches": {"solver": {"kind": "adam"}, **BATCH, "grouping": "sparse"},
    "adam, compact batches": {"solver": {"kind": "adam"}, **BATCH, "grouping": "compact"},
}


@dataclass(frozen=True)
class Case:
    """A problem and a place to start from."""

    prepared: Prepared
    estimate: Estimate

    def losses(self, choice: dict[str, object], budgets: list[int]) -> list[float]:
        """Return the loss of all patterns when each budget of evaluations is spent."""
        stage = Stage.parse({"iterations": 10 * budgets[-1], "loss": {"kind": "poisson"}, **choice})
        problem, kind = self.prepared.problem, self.prepared.recipe.model.object_type
        objective = Objective.of(problem, stage.loss)
        start = Start(self.estimate)
        spent, found = 0.0, []
        last = self.estimate
        for step in iterate(problem, stage, kind, start, self.prepared.recipe.run.seed):
            while len(found) < len(budgets) and spent + step.evaluations > budgets[len(found)] + 0.01:
                found.append(objective.value_and_gradient(last, ())[0])
            if len(found) == len(budgets):
                break
            spent, last = spent + step.evaluations, step.estimate
        return found


def pure_case(prepared: Prepared) -> Case:
    """Start from the first guess, one state."""
    return Case(prepared, first_estimate(prepared, 1))


def free_case(prepared: Prepared) -> Case:
    """Start from displaced copies of an object that is pure and nearly done."""
    stage = Stage(iterations=PURE, states=1, loss=PoissonLoss())
    steps = list(iterate(prepared.problem, stage, "phase", Start(first_estimate(prepared, 1)), 0))
    return Case(prepared, for_stage(prepared, steps[-1].estimate, Stage()))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, nargs="+", default=[10, 20, 40])
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    parser.add_argument("--only", nargs="+", default=list(CHOICES))
    arguments = parser.parse_args()
    recipe = Recipe()
    for change in (*SETTINGS, *arguments.set):
        recipe = recipe.with_set(change)
    prepared = prepare(recipe, open_dataset(recipe))
    for title, case in (("one state", pure_case(prepared)), ("free states", free_case(prepared))):
        print(f"\n| {title}: solver | " + " | ".join(f"{n}" for n in arguments.evaluations) + " |")
        print("|---|" + "---|" * len(arguments.evaluations))
        for name in arguments.only:
            losses = case.losses(CHOICES[name], arguments.evaluations)
            print(f"| {name} | " + " | ".join(f"{loss:.3g}" for loss in losses) + " |", flush=True)


if __name__ == "__main__":
    main()
