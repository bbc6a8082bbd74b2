"""The smallest honest run: a corner of the built-in sample, two states, two slices, two stages."""

from __future__ import annotations

from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result

SMALL = (
    "data.scan_region=[0,6,0,6]",
    "model.states=2",
    "model.slices=2",
    "run.threads=1",
    'stages=[{name="pure",iterations=2,states=1},{name="mixed",iterations=3}]',
)
"""What ``--set`` has to say."""


def small(*changes: str) -> Recipe:
    """Return the small recipe with more changes."""
    recipe = Recipe()
    for change in (*SMALL, *changes):
        recipe = recipe.with_set(change)
    return recipe


def steps(recipe: Recipe, resume: Result | None = None) -> list[Progress]:
    return list(reconstruct(recipe, resume=resume))


def options(*changes: str) -> list[str]:
    """Return the same as arguments of the command line."""
    return [word for change in (*SMALL, *changes) for word in ("--set", change)]
