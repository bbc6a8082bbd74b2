"""What a run is asked to do: a recipe, on data, perhaps going on from a result."""

from __future__ import annotations

from dataclasses import dataclass

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes
    ----------
    recipe
        What to do.
    dataset
        Its data, as opened.
    resume
        The result to go on from; None: from the beginning.
    still
        The result whose mean object, at rest, makes the data (stationary control); None: the data themselves.
    name
        What to call the run; nothing: the next free number.
    """

    recipe: Recipe
    dataset: Dataset
    resume: Result | None = None
    still: Result | None = None
    name: str = ""
