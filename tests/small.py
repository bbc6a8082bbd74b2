"""The smallest honest run: a corner of the built-in sample, two states, two slices, two stages."""

from __future__ import annotations

from pathlib import Path

import h5py

from napari_mixedptycho.io import sample_path
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


def standard(*changes: str) -> Recipe:
    """Return the default recipe and its three stages on the same corner, with more changes."""
    recipe = Recipe()
    iterations = [f"stages.{index}.iterations={count}" for index, count in enumerate((2, 2, 3))]
    for change in (*(entry for entry in SMALL if not entry.startswith("stages")), *iterations, *changes):
        recipe = recipe.with_set(change)
    return recipe


def steps(recipe: Recipe, resume: Result | None = None) -> list[Progress]:
    return list(reconstruct(recipe, resume=resume))


def options(*changes: str) -> list[str]:
    """Return the same as arguments of the command line."""
    return [word for change in (*SMALL, *changes) for word in ("--set", change)]


def small_scan(path: Path, **numbers: float) -> Path:
    """Write a corner of the sample as a file of its own, some numbers left out (NaN)."""
    with h5py.File(sample_path("si_sigma9")) as sample, h5py.File(path, "w") as file:
        file["data"] = sample["data"][:6, :6]
        attributes = {**dict(sample.attrs), **numbers}
        file.attrs.update({name: value for name, value in attributes.items() if value == value})
    return path
