"""The stationary control: whether a recipe would show motion where there is none.

States can take up noise, a model that is not quite right, or the start that they were given. So the mean
object of a result, in which nothing moves, is put under the same probe at the same dose, its patterns are
reconstructed by the same recipe from the same seed, and the same columns are measured. What moves
there is the floor: Gladyshev et al. (2023), stationary control.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_mixedptycho._array import asnumpy
from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.analysis.floor import FloorSettings, Verdict, judge
from napari_mixedptycho.analysis.motion import ColumnMotion, find_columns, measure
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.engine.objects import states as object_states
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import Prepared, for_detector, open_dataset, prepare, to_device
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.settings import Settings
from napari_mixedptycho.warm_start import carried


class ControlSettings(Settings):
    """How the control is made and judged."""

    noise_seed: int = Field(0, ge=0, description="Seed of the counting noise of the stationary patterns.")
    floor: FloorSettings = Field(FloorSettings(), description="When a motion counts as seen.")


@dataclass(frozen=True)
class Control:
    """A result beside its stationary control.

    Attributes
    ----------
    result
        The control's reconstruction.
    motion, floor
        The same columns in the result and in the control.
    verdict
        Whether the motion is above the floor.
    """

    result: Result
    motion: ColumnMotion
    floor: ColumnMotion
    verdict: Verdict


def control(
    result: Result, dataset: Dataset | None = None, settings: ControlSettings | None = None
) -> Generator[Progress, None, Control]:
    """Run the stationary control of a result, yielding after every iteration.

    Parameters
    ----------
    result
        Finished, with several states.
    dataset
        Its data; None: the file that its recipe names.
    settings
        How.

    Yields
    ------
    Progress
        Of the control's reconstruction.

    Returns
    -------
    Control
        At the end.

    Raises
    ------
    InputError
        When the data are not those of the result, it has no motion to judge, or no columns are found.
    """
    chosen = settings or ControlSettings()
    columns = judged_columns(result)
    data = stationary(result, dataset, chosen.noise_seed)
    latest = None
    for progress in reconstruct(control_recipe(result.recipe), data):
        latest = progress.result
        yield progress
    assert latest is not None  # a recipe has iterations
    return judged(result, latest, columns, chosen)


def judged_columns(result: Result) -> Floats:
    """Return the columns (N, 2) of a result with motion, Å, or refuse.

    Raises
    ------
    InputError
        When it has one state only, or no columns.
    """
    if result.estimate.states < 2:
        raise InputError(f"{result.name}: this result has one state, so it shows no motion to be judged.")
    columns = find_columns(result)
    if not len(columns):
        raise InputError(f"{result.name}: no columns are found inside the scanned field; nothing to judge.")
    return columns


def judged(
    result: Result, still: Result, columns: Floats, settings: ControlSettings | None = None
) -> Control:
    """Measure the same columns (N, 2), Å, in a result and in its control, and judge."""
    motion, floor = measure(result, columns=columns), measure(still, columns=columns)
    chosen = settings or ControlSettings()
    return Control(still, motion, floor, judge(motion, floor, chosen.floor))


def control_recipe(recipe: Recipe, file: str | None = None) -> Recipe:
    """Return the recipe for the stationary data: the same, but for region and mask, which are in the data.

    Parameters
    ----------
    recipe
        Of the result.
    file
        Where the stationary patterns are stored; None: nowhere.
    """
    return recipe.for_used(file)


def stationary(result: Result, dataset: Dataset | None = None, seed: int = 0) -> Dataset:
    """Return the patterns of a result's mean object: same probe, scan, detector, mask and dose.

    Counted data get the counting noise of the same number of electrons, data without noise stay without.

    Parameters
    ----------
    result
        Whose object stands still.
    dataset
        Its data; None: the file that its recipe names.
    seed
        Of the noise.

    Raises
    ------
    InputError
        When the data are not those of the result.

    Notes
    -----
    All of the measured detector is simulated, whatever part of it the last stage saw: the control's stages
    see the same parts of it again. Beyond that part lies what the object found on it scatters there.
    """
    return patterns_of(result, at_rest(result.estimate), "stationary", dataset, seed)


def patterns_of(
    result: Result, specimen: Estimate, what: str, dataset: Dataset | None = None, seed: int = 0
) -> Dataset:
    """Return the patterns of a specimen put in the place of that of a result.

    Parameters
    ----------
    result
        Whose scan, detector, mask and dose they get.
    specimen
        On the grid of the result, on the host; it carries the probe that sees it.
    what
        It is, for the name of the data.
    dataset, seed
        As for `stationary`.

    Raises
    ------
    InputError
        When the data are not those of the result.
    """
    prepared = prepare(result.recipe, dataset if dataset is not None else open_dataset(result.recipe))
    _check(result, prepared)
    problem, data = prepared.problem, prepared.dataset
    there = carried(specimen, result.geometry, prepared.geometry, data.detector_size)
    predicted = asnumpy(predict(problem, to_device(prepared, there), np.arange(problem.count)))
    electrons = np.fft.fftshift(predicted.astype(np.float64), axes=(-2, -1)) * np.where(
        np.fft.fftshift(asnumpy(problem.weight)) > 0, 1.0, 0.0
    )
    return data.replace(
        patterns=_stored(electrons, data, seed).reshape(*data.scan_shape, *electrons.shape[1:]),
        mask=np.fft.fftshift(asnumpy(problem.weight)) > 0,
        name=f"{data.name}, {what}",
        truth=None,
        stated={},
    )


def at_rest(estimate: Estimate) -> Estimate:
    """Return the one state of an estimate in which nothing moves: the mean phase, and the mean modulus."""
    host = estimate.asnumpy()
    states: NDArray[Any] = object_states(host)
    if states.dtype.kind == "c":
        mean = np.abs(states).mean(axis=0) * np.exp(1j * np.angle(states).mean(axis=0))
    else:
        mean = states.mean(axis=0)
    probe = host.probe * np.float32(np.sqrt(host.states))  # the one state carries all electrons
    return replace(host, object=mean[None].astype(states.dtype), probe=probe, displacement=None, weights=None)


def _stored(electrons: Floats, dataset: Dataset, seed: int) -> NDArray[Any]:
    """Return patterns in stored units; drawn where electrons are counted."""
    per_unit = dataset.electrons_per_unit
    if per_unit is None:
        return electrons.astype(np.float32)
    counts = np.random.default_rng(seed).poisson(electrons)
    if per_unit == 1 and counts.max(initial=0) < 2**16:
        return counts.astype(np.uint16)
    return np.asarray(counts / per_unit, dtype=np.float32)


def _check(result: Result, prepared: Prepared) -> None:
    if result.data_hash != prepared.dataset.hash:
        raise InputError(
            f"The result was made from data {result.data_hash} ({result.name}); these data are "
            f"{prepared.dataset.hash} ({prepared.dataset.name})."
        )
    last = result.recipe.stages[result.history.stage[-1] if len(result.history) else 0]
    if result.geometry != for_detector(prepared, last.detector).geometry:
        raise InputError(
            f"{result.name}: the object grid of {result.geometry.shape} px is not that of the recipe's stage "
            f"{last.name!r}; reconstruct again with this version."
        )
