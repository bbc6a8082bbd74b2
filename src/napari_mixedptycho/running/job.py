"""What a run is asked to do: a recipe, on data, perhaps going on from a result."""

from __future__ import annotations

from dataclasses import dataclass

from napari_mixedptycho.control import PlantedSettings, moving, stationary
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
    planted
        The motion in which that mean object is set instead; None: it stays at rest.
    name
        What to call the run; nothing: the next free number.
    """

    recipe: Recipe
    dataset: Dataset
    resume: Result | None = None
    still: Result | None = None
    planted: PlantedSettings | None = None
    name: str = ""

    def patterns(self) -> Dataset:
        """Return the data to reconstruct: as opened, or of the mean object; raises `InputError`."""
        if self.still is None:
            return self.dataset
        if self.planted is not None:
            return moving(self.still, self.dataset, self.planted)
        return stationary(self.still, self.dataset)
