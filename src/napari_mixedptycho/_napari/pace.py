"""How long a run will take, judged by those before it on this machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.preprocess import shape_after
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result

_DISPLACED = 1.4
"""What an iteration of displaced states takes ÷ one of as many free states, about."""


@dataclass(frozen=True)
class Pace:
    """Seconds per unit of work of a run that was made.

    Attributes
    ----------
    seconds
        Median over the iterations of its last stage ÷ what one of them has to do.
    device, threads, run
        How it was computed, and what it is called.
    """

    seconds: float
    device: str
    threads: int | None
    run: str

    @classmethod
    def of(cls, result: Result, dataset: Dataset, run: str) -> Pace | None:
        """Measure a run; None where it has done too little."""
        history, recipe = result.history, result.recipe
        if len(history) < 2:
            return None
        last = history.stage[-1]
        taken = [time for time, stage in zip(history.seconds, history.stage, strict=True) if stage == last]
        seconds = float(np.median(taken[-10:])) / _work(recipe, recipe.stages[last], dataset)
        return cls(seconds, recipe.run.device, recipe.run.threads, run)

    def judge(self, recipe: Recipe, dataset: Dataset) -> float | None:
        """Return the seconds that a recipe will take; None where it is computed in another way."""
        if (recipe.run.device, recipe.run.threads) != (self.device, self.threads):
            return None
        return self.seconds * sum(stage.iterations * _work(recipe, stage, dataset) for stage in recipe.stages)


def _work(recipe: Recipe, stage: Stage, dataset: Dataset) -> float:
    """Return what an iteration has to do: waves × slices × pixels, in any unit."""
    model = recipe.model
    rows, columns, *edges = shape_after(recipe.data, dataset.patterns.shape)
    source = 1 if model.source_size is None else model.source_points
    waves = recipe.states_of(stage) * model.probe_modes * source
    edge = max(edges) * (stage.detector or 1.0) * (model.padding or 1.0)
    dear = _DISPLACED if stage.displaces else 1.0
    return rows * columns * waves * (model.slices + 1) * edge**2 * dear
