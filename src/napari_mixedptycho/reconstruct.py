"""The whole journey on one page: recipe → progress, and every progress holds a complete result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.iterate import Start, Step, iterate
from napari_mixedptycho.engine.objects import states
from napari_mixedptycho.engine.prior import Spectrum
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import Prepared, for_stage, open_dataset, prepare, to_device
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import History, Result


@dataclass(frozen=True)
class Progress:
    """Where a reconstruction stands.

    Attributes
    ----------
    iteration, iterations
        Done, and in all, over all stages.
    stage
        Name of the stage.
    loss
        Dimensionless.
    seconds, remaining
        Of this iteration, and estimated until the end, s.
    evaluations
        Cost so far, in evaluations of all patterns.
    separation
        Mean standard deviation between states ÷ mean absolute phase.
    result
        Complete and saveable; never written again.
    """

    iteration: int
    iterations: int
    stage: str
    loss: float
    seconds: float
    remaining: float
    evaluations: float
    separation: float
    result: Result


def reconstruct(
    recipe: Recipe, dataset: Dataset | Prepared | None = None, resume: Result | None = None
) -> Iterator[Progress]:
    """Reconstruct a data set, yielding after every iteration.

    Parameters
    ----------
    recipe
        What to do.
    dataset
        The data, as opened or made ready for this recipe; None: the recipe's file.
    resume
        A result of the same recipe and data to go on from; more iterations may be asked for.

    Yields
    ------
    Progress
        After every iteration; stop by not asking for the next.

    Raises
    ------
    InputError
        When recipe, data and result do not fit together.
    """
    opened = open_dataset(recipe) if dataset is None else dataset
    prepared = opened if isinstance(opened, Prepared) else prepare(recipe, opened)
    journey = _Journey(prepared, _checked(prepared, resume))
    for index, stage in enumerate(recipe.stages):
        start = journey.start(index)
        if start is not None:
            kind, seed = recipe.model.object_type, recipe.run.seed
            for step in iterate(prepared.problem, stage, kind, start, seed):
                yield journey.progress(index, step)
            journey.estimate = step.estimate


@dataclass
class _Journey:
    """Carries the estimate from stage to stage and writes the history."""

    prepared: Prepared
    result: Result | None
    estimate: Estimate | None = None

    def start(self, index: int) -> Start | None:
        """Return where a stage begins; None when it is behind us."""
        recipe = self.prepared.recipe
        stage = recipe.stages[index]
        done = self.result.history.stage.count(index) if self.result else 0
        if done >= stage.iterations:
            return None
        if done and self.result:
            estimate = to_device(self.prepared, self.result.estimate)
            refined = stage.refined_at(done - 1)
            xp = namespace(estimate.object)
            packed = {
                key: xp.asarray(value) if np.ndim(value) else value
                for key, value in self.result.memory.items()
            }
            stiffness = packed.pop("prior", None)
            memory = stage.solver.restore(packed, refined) if packed else None
            return Start(estimate, memory, None if stiffness is None else Spectrum(stiffness), done)
        earlier = self.estimate or (
            self.result.estimate if self.result and len(self.result.history) else None
        )
        return Start(to_device(self.prepared, for_stage(self.prepared, earlier, stage)))

    def progress(self, index: int, step: Step) -> Progress:
        """Note a step in the history and tell where we are."""
        recipe, prepared = self.prepared.recipe, self.prepared
        stage = recipe.stages[index]
        separation = state_separation(step.estimate)
        history = self.result.history if self.result else History()
        history = history.add(
            loss=step.loss,
            seconds=step.seconds,
            evaluations=step.evaluations,
            separation=separation,
            stage=index,
        )
        self.result = Result(
            recipe,
            step.estimate.asnumpy(),
            prepared.geometry,
            history,
            prepared.dataset.name,
            prepared.dataset.hash,
            prepared.dataset.scan_shape,
            _pack(step),
        )
        return Progress(
            len(history),
            recipe.iterations,
            stage.name,
            step.loss,
            step.seconds,
            _remaining(recipe, history),
            sum(history.evaluations),
            separation,
            self.result,
        )


def _pack(step: Step) -> dict[str, Array]:
    """Return all that the next iteration needs beside the estimate, as named arrays."""
    packed: dict[str, Array] = {} if step.memory is None else step.memory.pack()
    return packed if step.prior is None else {**packed, "prior": step.prior.stiffness}


def _checked(prepared: Prepared, resume: Result | None) -> Result | None:
    """Refuse to continue what is not the same reconstruction."""
    if resume is None:
        return None
    if resume.data_hash != prepared.dataset.hash:
        raise InputError(
            f"The result to resume was made from data {resume.data_hash} ({resume.name}); these data are "
            f"{prepared.dataset.hash} ({prepared.dataset.name})."
        )
    if resume.geometry != prepared.geometry or resume.recipe.model != prepared.recipe.model:
        raise InputError(
            "The result to resume has another model section or object grid; use guess.result instead."
        )
    return resume


def _remaining(recipe: Recipe, history: History) -> float:
    """Estimate the seconds that are left, from recent iterations and the states of later stages."""
    recent = history.seconds[-10:]
    now = recipe.states_of(recipe.stages[history.stage[-1]])
    pace = float(np.median(recent)) / now
    left = 0.0
    for index, stage in enumerate(recipe.stages):
        todo = stage.iterations - history.stage.count(index)
        left += max(todo, 0) * pace * recipe.states_of(stage)
    return left


def state_separation(estimate: Estimate) -> float:
    """Return the mean standard deviation of the phase between states ÷ its mean modulus."""
    xp = namespace(estimate.object)
    stored = states(estimate)
    phase = xp.angle(stored) if stored.dtype.kind == "c" else stored
    size = float(xp.abs(phase).mean())
    return float(phase.std(axis=0).mean()) / size if size > 0 else 0.0
