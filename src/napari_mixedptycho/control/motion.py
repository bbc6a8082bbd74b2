"""The planted motion: how much of a known motion the same recipe finds at the same dose.

The stationary control tells what is seen where nothing moves. A motion that is not resolved may still be
there: too few electrons to see it, or a start from which it is not reached. So the mean object of a result is
set in motion by a stated amount, put under the same probe at the same dose, and reconstructed by the same
recipe from the same seed. What comes out of it says what the verdict of the control is worth.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import map_coordinates

from napari_mixedptycho.analysis.motion import ColumnMotion, measure
from napari_mixedptycho.analysis.recovery import Recovery, recover
from napari_mixedptycho.control.rest import Control, at_rest, control_recipe, patterns_of
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.guess.states import DisplacedCopies
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.settings import Settings

_STREAM = 20_000_003
"""Added to the seed: a reconstruction that starts from random fields must not be given these."""


class PlantedSettings(Settings):
    """The motion that is planted."""

    displacement: float = Field(
        0.05, gt=0, le=0.3, description="Rms displacement of every column per axis, Å. Typical 0.03 to 0.1."
    )
    snapshots: int = Field(24, ge=2, le=200, description="Configurations that the patterns are a mean of.")
    correlation: float = Field(
        0.8,
        gt=0,
        le=10,
        description="Shortest wave of the motion (Gaussian sigma), Å; neighbours move together.",
    )
    seed: int = Field(0, ge=0, description="Of the motion.")
    noise_seed: int = Field(0, ge=0, description="Seed of the counting noise of the patterns.")


@dataclass(frozen=True)
class Planted:
    """What was planted, and what was found of it.

    Attributes
    ----------
    result
        Reconstruction of the patterns with the planted motion.
    planted, found
        The same columns in what was planted and in the reconstruction.
    recovery
        How much of it was found.
    """

    result: Result
    planted: ColumnMotion
    found: ColumnMotion
    recovery: Recovery


def planted(
    result: Result, still: Control, dataset: Dataset | None = None, settings: PlantedSettings | None = None
) -> Generator[Progress, None, Planted]:
    """Plant a motion in the mean object of a result and reconstruct it, yielding after every iteration.

    Parameters
    ----------
    result
        Finished, with several states.
    still
        Its stationary control, which gives the floor.
    dataset
        Its data; None: the file that its recipe names.
    settings
        The motion.

    Yields
    ------
    Progress
        Of the reconstruction.

    Returns
    -------
    Planted
        At the end.

    Raises
    ------
    InputError
        When the data are not those of the result.
    """
    chosen = settings or PlantedSettings()
    latest = None
    for progress in reconstruct(control_recipe(result.recipe), moving(result, dataset, chosen)):
        latest = progress.result
        yield progress
    assert latest is not None  # a recipe has iterations
    return recovered(result, latest, still, chosen)


def moving(
    result: Result, dataset: Dataset | None = None, settings: PlantedSettings | None = None
) -> Dataset:
    """Return patterns of the mean object of a result in a known motion: same probe, scan, detector and dose.

    Raises
    ------
    InputError
        When the data are not those of the result.
    """
    chosen = settings or PlantedSettings()
    specimen = in_motion(result.estimate, result.sampling, chosen)
    return patterns_of(result, specimen, "planted motion", dataset, chosen.noise_seed)


def recovered(
    result: Result, found: Result, still: Control, settings: PlantedSettings | None = None
) -> Planted:
    """Measure the columns of a control in the planted motion and in its reconstruction `found`."""
    chosen, columns = settings or PlantedSettings(), still.motion.columns
    specimen = result.replace(estimate=in_motion(result.estimate, result.sampling, chosen))
    before, after = measure(specimen, columns=columns), measure(found, columns=columns)
    recovery = recover(still.motion, still.floor, before, after)
    return Planted(found, before, after, replace(recovery, asked=chosen.displacement))


def in_motion(estimate: Estimate, sampling: float, settings: PlantedSettings) -> Estimate:
    """Return snapshots of the mean object of an estimate, displaced at random; their mean is that object.

    Columns move as rods, with the spectrum of phonons (`DisplacedCopies`). The mean object is blurred by the
    motion that a result has not resolved; so what is added to it is the displaced object less the mean of all
    displaced ones, which leaves the mean as it is.

    Parameters
    ----------
    estimate
        Of a result.
    sampling
        Å per pixel.
    settings
        The motion.
    """
    still = at_rest(estimate)
    mean: NDArray[Any] = still.object[0]
    waves = DisplacedCopies(displacement=settings.displacement, correlation=settings.correlation)
    shape = (settings.snapshots, 1, *mean.shape[-2:])
    fields = waves.fields(shape, sampling, 1.0, settings.seed + _STREAM)[:, :, 0]
    grid = np.mgrid[: mean.shape[-2], : mean.shape[-1]].astype(np.float32)
    moved = np.stack([[_at(part, grid + field) for part in mean] for field in fields])
    snapshots = (mean + moved - moved.mean(axis=0)).astype(mean.dtype)
    probe = still.probe / np.float32(np.sqrt(len(snapshots)))  # the snapshots share the electrons
    return replace(still, object=snapshots, probe=probe)


def _at(image: NDArray[Any], where: NDArray[np.float32]) -> NDArray[Any]:
    """Interpolate an image (y, x) at `where` (2, y, x), px."""
    return np.asarray(map_coordinates(image, where, order=3, mode="nearest"))
