"""What to say of a recipe and a data set before anything is computed, of a run going on, and of its end."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from napari_mixedptycho._device import free_memory, in_use
from napari_mixedptycho._napari.form.names import choice
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.memory import estimate_memory
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress
from napari_mixedptycho.words import amount, counted, duration, size


def chosen_loss(recipe: Recipe, dataset: Dataset) -> str:
    """Return which loss the data ask for and why; nothing when the recipe leaves no choice to them."""
    counted = recipe.counts(dataset)
    losses = {stage.loss for stage in recipe.stages if stage.loss.kind == "auto"}
    return " ".join(
        f"Loss: {choice(loss.chosen(counted).kind)}, since {loss.reason(counted)}." for loss in losses
    )


def doubts(recipe: Recipe, dataset: Dataset, warnings: tuple[str, ...]) -> tuple[str, ...]:
    """Return what may be wrong; `warnings` are those of the data made ready."""
    if recipe.counts(dataset) or all(stage.prior is None for stage in recipe.stages):
        return warnings
    text = (
        "The dose is not known, so the prior on the object is left out; step 2 takes the electrons per unit."
    )
    return (text, *warnings)


def cost(recipe: Recipe, dataset: Dataset) -> tuple[int, str]:
    """Return the bytes that a run will take, and the choice of the loss."""
    return estimate_memory(recipe, dataset).total, chosen_loss(recipe, dataset)


def facts(progress: Progress) -> str:
    """Say how fast a run is, how long it will take, and what it takes of the memory, line by line."""
    return f"{speed(progress)}<br>{memory(progress.result.recipe.run.device)}".removesuffix("<br>")


def speed(progress: Progress) -> str:
    """Say how long an iteration takes, how long the rest will, and what was computed so far."""
    left = progress.iterations - progress.iteration
    rest = f"about {duration(progress.remaining)} left" if left else "complete"
    count = amount(progress.evaluations)
    return f"{duration(progress.seconds)} per iteration · {rest} · {count} evaluations"


def memory(wish: str) -> str:
    """Say what this program takes of the memory now, and what is left; of each GPU that it computes on, too.

    Parameters
    ----------
    wish
        As in `run.device`.

    Returns
    -------
    Nothing where none of it is known.
    """
    gpus = [
        f"{gpu.wish} {size(gpu.total - gpu.free)} of {size(gpu.total)} in use"
        for gpu in in_use(wish)
        if gpu.free is not None and gpu.total is not None
    ]
    return "<br>".join(part for part in (_of_host(), " · ".join(gpus)) if part)


def _of_host() -> str:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return ""
    free = free_memory(np)
    taken = pages * os.sysconf("SC_PAGE_SIZE")
    rest = "" if free is None else f", {size(free)} free"
    return f"Memory: {size(taken)} in use{rest}"


def ended(name: str, done: int, *, stopped: bool, odd: bool) -> str:
    """Say how a run ended that ended well."""
    doubt = " Something is odd: see below the loss." if odd else ""
    how = "stopped" if stopped else "finished"
    return f"{name} {how} after {counted(done, 'iteration')}. Not saved yet.{doubt}"


def failed(name: str, done: int, reason: str) -> str:
    """Say how a run ended that did not, and what is left of it."""
    kept = f" The result after {counted(done, 'iteration')} is kept." if done else ""
    return f"{name} failed: {reason.rstrip('.')}.{kept}"
