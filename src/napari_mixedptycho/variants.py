"""Recipes made from a recipe: a quick look, one state, another seed, more iterations, another course.

All are pure: what they return is a complete recipe, which runs, is saved and is compared like any other.
"""

from __future__ import annotations

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.engine.unknowns import Object, Probe
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.guess.object import NoiseObject
from napari_mixedptycho.recipe import Guess, Recipe
from napari_mixedptycho.result import Result

_QUICK_ITERATIONS = 10
_QUICK_PIXELS = 2**23
"""Detector pixels of all scan points that a quick look compares: some 10 s on one core."""
_QUICK_PART, _ROOM = 0.5, 1.15
"""Part of the detector that a quick look uses, and what must fit in ÷ the bright-field disk."""
_LONGEST_NAME = 40
"""As `Stage.name` allows."""


def quick_look(recipe: Recipe, dataset: Dataset) -> Recipe:
    """Return the recipe of a first impression, ready within a minute, that checks the calibration.

    One state, one slice, one probe mode, the centre of the detector with the larger object pixels that go
    with it, the middle of a large scan, and a few iterations. Thickness, calibration, mask, object type and
    way of computing stay as they are.

    Parameters
    ----------
    recipe
        What is wanted in the end.
    dataset
        As opened; nothing of it is read.
    """
    part = _quick_part(dataset)
    stage = Stage(
        name="quick look",
        iterations=_QUICK_ITERATIONS,
        states=1,
        refine=(Object(), Probe()),
        detector=part if part < 1 else None,
    )
    edge = max(round(part * dataset.detector_size), 1)
    data = {"scan_region": _middle(recipe, dataset, max(_QUICK_PIXELS // edge**2, 64)), "hold_out": None}
    model = {"states": 1, "slices": 1, "probe_modes": 1, "source_size": None, "detector_blur": None}
    guess = Guess(probe=recipe.guess.probe, object=NoiseObject())
    return recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update=data),
            "model": recipe.model.model_copy(update=model),
            "guess": guess,
            "stages": (stage,),
        }
    )


def pure(recipe: Recipe) -> Recipe:
    """Return the recipe with one object state: what the patterns say when nothing is allowed to move.

    The stages stay, but for those unknowns that only several states have.
    """
    stages = tuple(_with_one_state(stage) for stage in recipe.stages)
    return recipe.model_copy(
        update={"model": recipe.model.model_copy(update={"states": 1}), "stages": stages}
    )


def other_seed(recipe: Recipe) -> Recipe:
    """Return the recipe with the next seed: what depends on chance comes out differently."""
    return recipe.model_copy(update={"run": recipe.run.model_copy(update={"seed": recipe.run.seed + 1})})


def further(result: Result, iterations: int) -> Recipe:
    """Return the recipe by which a result goes on: to its end, or, at its end, so much further.

    Parameters
    ----------
    result
        Stopped, interrupted or complete.
    iterations
        Added to the last stage of a complete one.
    """
    recipe = result.recipe
    if not result.complete:
        return recipe
    return recipe.with_iterations(recipe.stages[-1].iterations + iterations)


def steered(result: Result, stages: tuple[Stage, ...]) -> Recipe:
    """Return the recipe by which a result goes on with other settings from here on.

    What has been done stays in the recipe as it was: a stage that is changed in its middle is split there, so
    that the recipe of the result always tells how it was made.

    Parameters
    ----------
    result
        What has been reached.
    stages
        The result's stages, changed; those that are over are taken from the result.

    Raises
    ------
    InputError
        When the stage that was going on is not among them.
    """
    old, history = result.recipe.stages, result.history
    if not len(history):
        return result.recipe.model_copy(update={"stages": stages})
    now, done = history.stage[-1], history.stage.count(history.stage[-1])
    if len(stages) <= now:
        raise InputError(
            f"Stage {now + 1}, {old[now].name!r}, has begun and cannot be removed; {len(stages)} are left."
        )
    wanted = stages[now]
    same = wanted.model_copy(update={"iterations": old[now].iterations, "name": old[now].name}) == old[now]
    if same:
        middle: tuple[Stage, ...] = (
            old[now].model_copy(update={"iterations": max(wanted.iterations, done)}),
        )
    else:
        middle = (old[now].model_copy(update={"iterations": done}),)
        if wanted.iterations > done:
            middle += (_rest(wanted, done, {stage.name for stage in stages}),)
    return result.recipe.model_copy(update={"stages": (*old[:now], *middle, *stages[now + 1 :])})


def _rest(stage: Stage, done: int, taken: set[str]) -> Stage:
    """Return what is left of a stage; unknowns that were to join later join when they would have."""
    name, number = stage.name, 1
    while name in taken:
        number += 1
        ending = f" ({number})"
        name = stage.name[: _LONGEST_NAME - len(ending)] + ending
    refine = tuple(entry.model_copy(update={"start": max(entry.start - done, 0)}) for entry in stage.refine)
    return stage.model_copy(update={"name": name, "iterations": stage.iterations - done, "refine": refine})


def _with_one_state(stage: Stage) -> Stage:
    kept = tuple(entry for entry in stage.refine if entry.kind not in ("displacement", "weights"))
    return stage.model_copy(update={"states": None, "refine": kept or (Object(), Probe())})


def _quick_part(dataset: Dataset) -> float:
    """Return the part of the detector's edge to use: half of it, or what the disk needs."""
    return min(max(_QUICK_PART, _ROOM * dataset.semiangle / dataset.max_angle), 1.0)


def _middle(recipe: Recipe, dataset: Dataset, points: int) -> tuple[int, int, int, int] | None:
    """Return the middle of the region in use, with so many points at most; None: all of the scan."""
    rows, columns = dataset.scan_shape
    top, bottom, left, right = recipe.data.scan_region or (0, rows, 0, columns)
    height, width = bottom - top, right - left
    if height * width <= points:
        return recipe.data.scan_region
    shrink = (points / (height * width)) ** 0.5
    tall, wide = (max(int(length * shrink), min(length, 4)) for length in (height, width))
    first, start = top + (height - tall) // 2, left + (width - wide) // 2
    return first, first + tall, start, start + wide
