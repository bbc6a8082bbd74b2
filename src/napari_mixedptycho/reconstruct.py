"""The whole journey on one page: recipe → progress, and every progress holds a complete result."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import numpy as np

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho._device import device
from napari_mixedptycho.crew import crew, recruited
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.alarms import Course, alarmed
from napari_mixedptycho.engine.estimate import LARGE, Estimate
from napari_mixedptycho.engine.health import Health, Watch, scanned_field
from napari_mixedptycho.engine.iterate import Start, Step, iterate
from napari_mixedptycho.engine.orders import Turn
from napari_mixedptycho.engine.prior import Spectrum
from napari_mixedptycho.engine.spread import motion_of_atoms
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import (
    Prepared,
    for_detector,
    for_stage,
    open_dataset,
    prepare,
    to_device,
)
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import History, Result
from napari_mixedptycho.warm_start import carried

_ATOM = 0.3  # Å: sigma over which the displacement of an atom is averaged


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
        Complete and saveable; never written again. What of it lies on a GPU comes to the host when it is
        first looked at, or with the end of the run.
    health
        How the estimate is doing, and what is wrong with it.
    held_out
        Loss of the patterns left out (`data.hold_out`); None: there are none.
    news
        What has happened to the computing, as sentences to show.
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
    health: Health
    held_out: float | None = None
    news: tuple[str, ...] = ()


def reconstruct(
    recipe: Recipe, dataset: Dataset | Prepared | None = None, resume: Result | None = None
) -> Generator[Progress]:
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
    with crew(recipe) as comm:
        prepared = opened if isinstance(opened, Prepared) else prepare(recipe, opened, comm)
        prepared = recruited(prepared, comm)
        yield from _on_device(_steps(recipe, prepared, resume), prepared)


def _on_device(steps: Iterator[Progress], prepared: Prepared) -> Iterator[Progress]:
    """Make each step on the problem's device, in whatever thread it is asked for."""
    place = device(prepared.problem.propagator)
    while True:
        with place:
            progress = next(steps, None)
        if progress is None:
            return
        yield progress


def _steps(recipe: Recipe, prepared: Prepared, resume: Result | None) -> Iterator[Progress]:
    journey = _Journey(prepared, _checked(prepared, resume))
    for index, stage in enumerate(recipe.stages):
        start = journey.start(index)
        if start is not None:
            kind, seed = recipe.model.object_type, recipe.run.seed
            for step in iterate(journey.now.problem, stage, kind, start, seed):
                yield journey.progress(index, step)
            journey.estimate = step.estimate
    if journey.result is not None:
        journey.result.estimate.asnumpy()  # nothing of it stays on a device for longer


@dataclass
class _Journey:
    """Carries the estimate from stage to stage and writes the history.

    `now` is the data as the present stage uses them: all of the detector, or its central part.
    """

    prepared: Prepared
    result: Result | None
    estimate: Estimate | None = None
    now: Prepared = field(init=False)

    def start(self, index: int) -> Start | None:
        """Return where a stage begins; None when it is behind us."""
        recipe = self.prepared.recipe
        stage = recipe.stages[index]
        done = self.result.history.stage.count(index) if self.result else 0
        if done >= stage.iterations:
            return None
        self.prepared.problem.comm.tell(Turn(stage.detector))
        self.now = now = for_detector(self.prepared, stage.detector)
        if done and self.result:
            estimate = to_device(now, self.result.estimate)
            refined = stage.refined_at(done - 1)
            xp = namespace(estimate.object)
            stored = self.result.memory.items()
            packed = {key: xp.asarray(part) if _is_large(key, part) else part for key, part in stored}
            stiffness = packed.pop("prior", None)
            names = [key for key in packed if key.startswith("kept/")]
            kept = {key.removeprefix("kept/"): packed.pop(key) for key in names}
            memory = stage.solver.restore(packed, refined) if packed else None
            return Start(estimate, memory, None if stiffness is None else Spectrum(stiffness), done, kept)
        earlier = self.estimate or (
            self.result.estimate if self.result and len(self.result.history) else None
        )
        if earlier is not None and self.result and self.result.geometry != now.geometry:
            size = now.dataset.detector_size
            earlier = carried(earlier.asnumpy(), self.result.geometry, now.geometry, size)
        return Start(to_device(now, for_stage(now, earlier, stage)))

    def progress(self, index: int, step: Step) -> Progress:
        """Note a step in the history and tell where we are."""
        recipe, prepared = self.prepared.recipe, self.prepared
        stage = recipe.stages[index]
        health = _watch(self.now).look(step.estimate)
        history = (self.result.history if self.result else History()).add(
            loss=step.loss,
            seconds=step.seconds,
            evaluations=step.evaluations,
            stage=index,
            held_out=step.held_out,
            motion=_motion(step.estimate, self.now),
            **health.signs(),
        )
        self.result = Result(
            recipe,
            step.estimate.by_and_by(),
            self.now.geometry,
            history,
            prepared.dataset.name,
            prepared.dataset.hash,
            prepared.dataset.scan_shape,
            _pack(step),
            notes=prepared.dataset.notes,
        )
        return Progress(
            len(history),
            recipe.iterations,
            stage.name,
            step.loss,
            step.seconds,
            _remaining(recipe, history),
            sum(history.evaluations),
            health.separation,
            self.result,
            alarmed(health, _course(history)),
            None if np.isnan(step.held_out) else step.held_out,
            self.now.problem.room.take_news(),
        )


def _is_large(key: str, part: Array) -> bool:
    """Tell whether a packed array belongs beside the object; those of small unknowns stay on the host."""
    name = key.rpartition("/")[2]
    return np.ndim(part) > 0 and (name in {*LARGE, "smooth", "prior"} or key.startswith("kept/"))


def _pack(step: Step) -> dict[str, Array]:
    """Return all that the next iteration needs beside the estimate, as named arrays."""
    packed: dict[str, Array] = {} if step.memory is None else step.memory.pack()
    packed |= {f"kept/{key}": value for key, value in step.kept.items()}
    return packed if step.prior is None else {**packed, "prior": step.prior.stiffness}


def _checked(prepared: Prepared, resume: Result | None) -> Result | None:
    """Refuse to continue what is not the same reconstruction."""
    if resume is None:
        return None
    if resume.forgotten:
        raise InputError(
            f"The result to resume was made with settings that this version does not have "
            f"({', '.join(resume.forgotten)}); start from it with guess.result instead."
        )
    if resume.data_hash != prepared.dataset.hash:
        raise InputError(
            f"The result to resume was made from data {resume.data_hash} ({resume.name}); these data are "
            f"{prepared.dataset.hash} ({prepared.dataset.name})."
        )
    stages = prepared.recipe.stages
    last = resume.history.stage[-1] if len(resume.history) else 0
    there = for_detector(prepared, stages[min(last, len(stages) - 1)].detector)
    if resume.geometry != there.geometry or resume.recipe.model != prepared.recipe.model:
        raise InputError(
            "The result to resume has another model section or object grid; use guess.result instead."
        )
    if resume.recipe.data.hold_out != prepared.recipe.data.hold_out:
        raise InputError(
            f"The result to resume holds out {_every(resume.recipe)}, this recipe {_every(prepared.recipe)}; "
            "set data.hold_out as it was, or start from it with guess.result."
        )
    return resume


def _every(recipe: Recipe) -> str:
    every = recipe.data.hold_out
    return "no pattern" if every is None else f"one pattern of {every}"


def _remaining(recipe: Recipe, history: History) -> float:
    """Estimate the seconds that are left, from recent iterations and the states of later stages."""
    recent = history.seconds[-10:]
    now = _price(recipe, recipe.stages[history.stage[-1]])
    pace = float(np.median(recent)) / now
    left = 0.0
    for index, stage in enumerate(recipe.stages):
        todo = stage.iterations - history.stage.count(index)
        left += max(todo, 0) * pace * _price(recipe, stage)
    return left


def _price(recipe: Recipe, stage: Stage) -> float:
    """Return what an iteration of a stage costs, in any unit: states × pixels."""
    return recipe.states_of(stage) * (stage.detector or 1.0) ** 2


def _motion(estimate: Estimate, prepared: Prepared) -> float:
    """Return how far the atoms move over the states, rms per axis, Å; NaN where that is not known."""
    sampling = prepared.geometry.sampling
    return motion_of_atoms(estimate, _ATOM / sampling, scanned_field(estimate)) * sampling


def _watch(prepared: Prepared) -> Watch:
    """Return what estimates are judged by."""
    electrons = float(prepared.dataset.mean_pattern.sum()) * prepared.problem.scale
    return Watch(electrons, prepared.dataset.scan_step / prepared.geometry.sampling)


def _course(history: History) -> Course:
    """Return how the last stage has gone."""
    done = history.stage.count(history.stage[-1]) if len(history) else 0
    if not done:
        return Course()
    return Course(history.loss[-done:], history.held_out[-done:], history.apart[-done:])


def assess(result: Result) -> Health:
    """Return the health of a result; the power of the probe is left out, since it needs the patterns."""
    step = result.scan_step
    watch = Watch(period=None if step is None else step / result.sampling)
    return alarmed(watch.look(result.estimate), _course(result.history))
