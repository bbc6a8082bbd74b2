"""The planted motion: what is put into the mean object, and what a recipe finds of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.analysis.motion import measure
from napari_mixedptycho.control import (
    Control,
    PlantedSettings,
    at_rest,
    control,
    in_motion,
    moving,
    planted,
    stationary,
)
from napari_mixedptycho.engine.objects import states
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.result import Result
from tests.small import standard, steps

RECIPE = standard("data.scan_region=[6,15,6,15]")


@pytest.fixture(scope="module")
def made() -> Result:
    return steps(RECIPE)[-1].result


@pytest.fixture(scope="module")
def still(made: Result) -> Control:
    running = control(made)
    while True:
        try:
            next(running)
        except StopIteration as end:
            found: Control = end.value
            return found


def test_snapshots_move_as_stated_about_the_mean_object(made: Result) -> None:
    snapshots = in_motion(made.estimate, made.sampling, PlantedSettings(displacement=0.06))
    np.testing.assert_allclose(snapshots.object.mean(axis=0), at_rest(made.estimate).object[0], atol=1e-5)
    power = [float((np.abs(one.probe) ** 2).sum()) * one.states for one in (snapshots, made.estimate)]
    assert power[0] == pytest.approx(power[1], rel=1e-5)
    seen = measure(made.replace(estimate=snapshots))
    assert seen.n_columns > 0
    # A column is as wide as the shortest waves of the motion, which it sees a little less of.
    np.testing.assert_allclose(seen.u_rms[~seen.flagged], 0.055, rtol=0.15)


def test_complex_objects_move_too(made: Result) -> None:
    waves = replace(made.estimate, object=np.exp(1j * states(made.estimate)), displacement=None)
    settings = PlantedSettings(snapshots=3)
    snapshots = in_motion(waves, made.sampling, settings).object
    assert snapshots.dtype.kind == "c"
    same = in_motion(made.estimate, made.sampling, settings).object
    np.testing.assert_allclose(np.angle(snapshots), same, atol=0.02)


def test_motion_scatters_into_the_dark_field(made: Result) -> None:
    """What moves scatters diffusely: the patterns differ from those at rest, and by more with more motion."""
    known = open_dataset(made.recipe)
    unit = known.electrons_per_unit
    assert unit is not None
    rest = stationary(made).values.astype(np.float64)
    first, second = (
        ((moving(made, None, PlantedSettings(displacement=size)).values - rest) * unit).mean(axis=(0, 1))
        for size in (0.1, 0.2)
    )
    middle = np.hypot(*(np.mgrid[: len(first), : len(first)] - len(first) // 2))
    dark = middle > 0.7 * len(first) / 2
    assert 0 < first[dark].sum() < second[dark].sum()
    assert abs(second.sum()) < 0.02 * rest.mean(axis=(0, 1)).sum() * unit


def test_what_is_found_stands_beside_what_was_planted(made: Result, still: Control) -> None:
    running = planted(made, still, settings=PlantedSettings(displacement=0.1))
    seen = []
    while True:
        try:
            seen.append(next(running).iteration)
        except StopIteration as end:
            found = end.value
            break
    assert seen == list(range(1, RECIPE.iterations + 1))
    np.testing.assert_array_equal(found.found.columns, still.motion.columns)
    assert found.recovery.planted == pytest.approx(0.09, rel=0.15)
    assert found.recovery.found == pytest.approx(np.hypot(found.found.sd_y, found.found.sd_x) / np.sqrt(2))
    assert found.recovery.ratio == pytest.approx(still.verdict.motion / found.recovery.found)


def test_other_data_are_refused(made: Result) -> None:
    with pytest.raises(InputError, match="these data are"):
        moving(made.replace(data_hash="0" * 16))
