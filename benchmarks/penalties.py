"""Which weights of each penalty are useful: the typical numbers in docs/engine.md.

``python benchmarks/penalties.py [--file F] [--region Y0 Y1 X0 X1] [--iterations N] [--only KIND …]``
reconstructs a part of the built-in sample with every weight, one pattern in four left out, and prints the
loss of the patterns that were used and of those that were not. A weight is too large where the second rises,
and has no effect where nothing changes. Beside them, over the lit field: the mean steepness of u (rad/Å), the
standard deviation of u over slices, and that of the projected phase over states, rad.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.penalties.measure import lit_pixels, slopes
from napari_mixedptycho.engine.problem import Problem, divide
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.prepare import first_estimate, for_stage, open_dataset, prepare
from napari_mixedptycho.recipe import Recipe

SETTINGS = ("model.slices=4", "model.states=4", "model.padding=1.0", "run.threads=1", 'run.device="cpu"')
OF_STATES = ("state_similarity", "equal_phase")
WEIGHTS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
OF_STATES_WEIGHTS = (1e-2, 1e-1, 1.0, 10.0, 100.0)
CHOICES: dict[str, dict[str, object]] = {
    "total_variation": {},
    "slice_variation": {},
    "tikhonov": {"of": "gradient"},
    "tikhonov ": {"of": "phase"},
    "l1": {},
    "slice_similarity": {},
    "state_similarity": {"passes": "low"},
    "state_similarity ": {"passes": "high"},
    "equal_phase": {"of": "contrast"},
}


@dataclass(frozen=True)
class Halves:
    """A problem cut in two: what is fitted, and what is only predicted."""

    used: Problem
    left: Problem
    kept: np.ndarray

    @classmethod
    def of(cls, problem: Problem) -> Halves:
        """Leave out every fourth pattern."""
        places = np.arange(problem.count)
        out = places % 4 == 1
        used, left = (
            replace(problem, measured=problem.measured[part], lanes=divide(np.arange(part.sum()), 4))
            for part in (~out, out)
        )
        return cls(used, left, ~out)

    def losses(self, estimate: Estimate) -> tuple[float, float]:
        """Return the Poisson loss of the used and of the other patterns; without penalties."""
        found = []
        for problem, part in ((self.used, self.kept), (self.left, ~self.kept)):
            there = replace(estimate, positions=estimate.positions[part])
            found.append(Objective.of(problem, PoissonLoss()).value_and_gradient(there, ())[0])
        return found[0], found[1]

    def run(self, estimate: Estimate, stage: Stage) -> Estimate:
        """Reconstruct from the used patterns."""
        start = replace(estimate, positions=estimate.positions[self.kept])
        for step in iterate(self.used, stage, "phase", Start(start), 0):
            last = step.estimate
        return replace(last, positions=estimate.positions)


def line(name: str, halves: Halves, problem: Problem, estimate: Estimate) -> str:
    """Return the numbers of a result."""
    lit = lit_pixels(problem, estimate)
    slices = estimate.slices
    y, x = slopes(slices * estimate.object, problem.sampling)

    def mean(values: np.ndarray) -> float:
        return float((values.mean(axis=tuple(range(values.ndim - 2))) * lit).sum())

    steep = mean(np.hypot(y, x))
    depth = np.sqrt(mean((slices * estimate.object).var(axis=1)))
    apart = np.sqrt(mean(estimate.object.sum(axis=1).var(axis=0)))
    used, left = halves.losses(estimate)
    return f"{name:34s} {used:.3e} {left:.3e} {steep:8.3f} {depth:8.3f} {apart:8.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", default="sample:si_sigma9")
    parser.add_argument("--region", type=int, nargs=4, default=(2, 12, 2, 12))
    parser.add_argument("--iterations", type=int, default=25)
    parser.add_argument("--only", nargs="*", default=list(CHOICES))
    wish = parser.parse_args()
    recipe = Recipe()
    for change in (f'data.file="{wish.file}"', f"data.scan_region={list(wish.region)}", *SETTINGS):
        recipe = recipe.with_set(change)
    prepared = prepare(recipe, open_dataset(recipe))
    problem = prepared.problem
    halves = Halves.of(problem)
    print(f"{'':34s} {'used':9s} {'left out':9s} {'rad/Å':>8s} {'slices':>8s} {'states':>8s}")
    one = first_estimate(prepared, 1)
    pure = halves.run(one, Stage(iterations=wish.iterations, states=1))
    many = for_stage(prepared, pure, Stage(iterations=wish.iterations))
    print(line("one state", halves, problem, pure), flush=True)
    print(line("four", halves, problem, halves.run(many, Stage(iterations=wish.iterations))), flush=True)
    for kind in wish.only:
        start = many if kind.strip() in OF_STATES else one
        for weight in OF_STATES_WEIGHTS if kind.strip() in OF_STATES else WEIGHTS:
            penalty = {"kind": kind.strip(), "weight": weight, **CHOICES[kind]}
            stage = Stage.parse({"iterations": wish.iterations, "penalties": [penalty]})
            found = halves.run(start, stage)
            name = " ".join(str(part) for part in penalty.values())
            print(line(name, halves, problem, found), flush=True)


if __name__ == "__main__":
    main()
