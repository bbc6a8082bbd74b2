"""An earlier result, whoever computed it, as it was found."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import turning
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.objects import states as object_states
from napari_mixedptycho.exchange import read_foreign
from napari_mixedptycho.guess.resample import Grid
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import FORMAT, Result

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Earlier:
    """An earlier result as a place to start from.

    Attributes
    ----------
    name
        The file, for messages.
    estimate
        On the host; every state stored in its own right.
    grid
        Its object pixels, in its own frame (ours: origin = its first scan point).
    spacing
        Å between slices; None: not known.
    energy
        eV; None: not known.
    start
        (y, x) of its first scan point, Å from that of the whole scan along the detector's axes; None:
        another program's frame.
    data_hash
        Of the patterns it was made from; empty: not known.
    """

    name: str
    estimate: Estimate
    grid: Grid
    spacing: float | None
    energy: float | None
    start: Points | None
    data_hash: str = ""

    @property
    def places(self) -> Points | None:
        """Its positions (position, 2) in its own frame, Å."""
        pixels = self.estimate.positions
        return None if pixels is None else np.asarray(pixels) * self.grid.sampling + self.grid.origin


def read_earlier(path: str | os.PathLike[str]) -> Earlier:
    """Read a result file of this or of another program; the name of the file plays no part.

    Raises
    ------
    InputError
        When the file is missing, damaged, a pickle or of no known program.
    """
    path = Path(path)
    if not _is_ours(path):
        found = read_foreign(path)
        estimate = Estimate(found.object, found.probe, found.positions)
        grid = Grid(found.object.shape[-2:], found.sampling, (0.0, 0.0))
        return Earlier(str(path), estimate, grid, found.slice_spacing, found.energy, None)
    result = Result.load(path)
    place = result.geometry
    estimate = replace(result.estimate, object=object_states(result.estimate), displacement=None)
    grid = Grid(place.shape, place.sampling, place.origin)
    energy, start = result.recipe.microscope.energy, scan_start(result.recipe)
    return Earlier(str(path), estimate, grid, place.slice_spacing, energy, start, result.data_hash)


def scan_start(recipe: Recipe) -> Points:
    """Return the first point of a recipe's region, (y, x) Å from that of the whole scan.

    Along the detector's axes, as positions and object lie: a turned scan reaches its region aslant.
    """
    top, _, left, _ = recipe.data.scan_region or (0, 0, 0, 0)
    start = np.array([top, left]) * (recipe.microscope.scan_step or 0.0)
    turned: Points = turning(recipe.microscope.scan_rotation or 0.0) @ start
    return turned


def _is_ours(path: Path) -> bool:
    if not path.is_file() or not h5py.is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:  # damaged; whoever reads on says so
        return False
