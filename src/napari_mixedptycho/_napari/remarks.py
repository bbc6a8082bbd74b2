"""What to say of a recipe and a data set before anything is computed, of a run going on, and of its end."""

from __future__ import annotations

import os

from napari_mixedptycho._device import taken_memory
from napari_mixedptycho._napari.form.names import choice
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.memory import estimate_memory
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress
from napari_mixedptycho.running import Memory, News
from napari_mixedptycho.words import amount, counted, duration, size


def chosen_loss(recipe: Recipe, dataset: Dataset) -> str:
    """Return which loss the data ask for and why; nothing when the recipe leaves no choice to them."""
    counted = recipe.counts(dataset)
    losses = {stage.loss for stage in recipe.stages if stage.loss.kind == "auto"}
    return " ".join(
        f"Loss: {choice(loss.chosen(counted).kind)}, since {loss.reason(counted)}." for loss in losses
    )


def cost(recipe: Recipe, dataset: Dataset) -> tuple[int, str]:
    """Return the bytes that a run will take, and the choice of the loss."""
    return estimate_memory(recipe, dataset).total, chosen_loss(recipe, dataset)


def facts(news: News) -> str:
    """Say how fast a run is, how long it will take, and what it takes of the memory, line by line."""
    lines = (speed(news.progress), "" if news.memory is None else memory(news.memory))
    return "<br>".join(line for line in lines if line)


def speed(progress: Progress) -> str:
    """Say how long an iteration takes, how long the rest will, and what was computed so far."""
    left = progress.iterations - progress.iteration
    rest = f"about {duration(progress.remaining)} left" if left else "complete"
    count = amount(progress.evaluations)
    return f"{duration(progress.seconds)} per iteration · {rest} · {count} evaluations"


def memory(found: Memory) -> str:
    """Say what the window and the engine take of the memory now, and what is left; of each GPU, too.

    Returns
    -------
    Nothing where none of it is known.
    """
    gpus = [
        f"{gpu.wish} {size(gpu.total - gpu.free)} of {size(gpu.total)} in use"
        for gpu in found.gpus
        if gpu.free is not None and gpu.total is not None
    ]
    return "<br>".join(part for part in (_of_host(found), " · ".join(gpus)) if part)


def _of_host(found: Memory) -> str:
    if found.taken is None:
        return ""
    window = 0 if found.process == os.getpid() else taken_memory() or 0
    rest = "" if found.free is None else f", {size(found.free)} free"
    return f"Memory: {size(found.taken + window)} in use{rest}"


def ended(name: str, done: int, *, stopped: bool, odd: bool) -> str:
    """Say how a run ended that ended well."""
    doubt = " Something is odd: see below the loss." if odd else ""
    how = "stopped" if stopped else "finished"
    return f"{name} {how} after {counted(done, 'iteration')}. Not saved yet.{doubt}"


def failed(name: str, done: int, reason: str) -> str:
    """Say how a run ended that did not, and what is left of it."""
    kept = f" The result after {counted(done, 'iteration')} is kept." if done else ""
    return f"{name} failed: {reason.rstrip('.')}.{kept}"
