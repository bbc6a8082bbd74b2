"""Where a run starts: the first guess, another number of states, an earlier result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import illumination, predict
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import (
    first_estimate,
    for_stage,
    more_states,
    prepare,
)
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import History, Result
from tests.physics.toys import dataset, recipe

# --- the first estimate ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["phase", "complex", "potential"])
@pytest.mark.parametrize(("states", "modes"), [(1, 1), (3, 2)])
def test_the_first_guess_predicts_as_many_electrons_as_were_measured(
    kind: str, states: int, modes: int
) -> None:
    chosen = recipe(model={"object_type": kind, "probe_modes": modes, "slices": 2})
    prepared = prepare(chosen, dataset(electrons_per_unit=500.0, size=24))
    estimate = first_estimate(prepared, states)
    assert estimate.object.shape == (states, 2, *prepared.geometry.shape)
    assert estimate.object.dtype == (np.complex64 if kind == "complex" else np.float32)
    assert estimate.probe.shape == (modes, 24, 24)
    patterns = predict(prepared.problem, estimate, np.arange(20))
    np.testing.assert_allclose(patterns.sum(axis=(1, 2)), 500.0, rtol=0.02)
    # ... and over vacuum, they are the measured ones.
    measured = prepared.problem.electrons(np.arange(20))
    if modes == 1:
        assert np.abs(patterns - measured).sum() < 0.25 * measured.sum()
    again = first_estimate(prepared, states)
    np.testing.assert_array_equal(again.object, estimate.object)


@pytest.mark.parametrize("probe", ["aberrations", "mean_pattern"])
def test_a_hot_pixel_that_is_masked_makes_neither_the_probe_brighter_nor_the_grid_larger(probe: str) -> None:
    mask = np.ones((24, 24), bool)
    mask[12, 13] = mask[0, 5] = False
    data = dataset(size=24, mask=mask)
    patterns = data.patterns.copy()
    patterns[..., ~mask] = 1e3
    chosen = recipe(model={"slices": 1}, guess={"probe": {"kind": probe}})
    clean, hot = (prepare(chosen, one) for one in (data, data.replace(patterns=patterns)))
    assert hot.geometry == clean.geometry
    expected, found = (first_estimate(one, 1).probe for one in (clean, hot))
    assert np.linalg.norm(found - expected) < 0.1 * np.linalg.norm(expected)


def test_more_states_share_the_electrons() -> None:
    prepared = prepare(recipe(model={"slices": 1}), dataset())
    one = first_estimate(prepared, 1)
    four = more_states(prepared, one, 4)
    assert four.object.shape[0] == 4
    total = 4 * illumination(prepared.problem, four).sum()
    assert total == pytest.approx(illumination(prepared.problem, one).sum(), rel=1e-5)
    assert np.abs(four.object[0] - four.object[1]).max() > 0
    two = more_states(prepared, four, 2)
    np.testing.assert_array_equal(two.object, four.object[:2])
    back = more_states(prepared, four, 1)
    np.testing.assert_array_equal(back.object[0], four.object.mean(axis=0))
    np.testing.assert_allclose(back.probe, one.probe, rtol=1e-6)
    assert more_states(prepared, one, 1) is one


def test_a_stage_of_displaced_copies_starts_from_the_mean_and_can_be_freed() -> None:
    prepared = prepare(recipe(model={"slices": 2, "states": 4}), dataset())
    pure = for_stage(prepared, None, Stage(states=1))
    moved = for_stage(prepared, pure, Stage(refine=("object", "displacement")))
    assert moved.states == 4
    assert moved.object.shape[0] == 1
    np.testing.assert_array_equal(moved.object, pure.object)
    total = 4 * illumination(prepared.problem, moved).sum()
    assert total == pytest.approx(illumination(prepared.problem, pure).sum(), rel=1e-5)
    freed = for_stage(prepared, moved, Stage())
    assert freed.displacement is None
    assert freed.object.shape[0] == 4
    everything = np.arange(prepared.problem.count)
    before, after = (predict(prepared.problem, one, everything) for one in (moved, freed))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-6 * before.max())


def test_only_phases_can_be_displaced() -> None:
    prepared = prepare(recipe(model={"object_type": "complex", "slices": 1}), dataset())
    with pytest.raises(InputError, match="displacement"):
        for_stage(prepared, None, Stage(refine=("object", "displacement")))


@pytest.mark.parametrize("scan", [(1, 1), (1, 4), (3, 1)])
@pytest.mark.parametrize("slices", [1, 2])
def test_one_position_and_one_slice_are_data_too(scan: tuple[int, int], slices: int) -> None:
    stages = [
        {"name": "pure", "iterations": 2, "states": 1},
        {"iterations": 2, "refine": ["object", "probe", "positions"]},
    ]
    chosen = recipe(model={"states": 3, "slices": slices}, stages=stages)
    steps = list(reconstruct(chosen, dataset(scan=scan)))
    assert len(steps) == 4
    result = steps[-1].result
    assert result.estimate.object.shape[:2] == (3, slices)
    assert np.isfinite(result.estimate.object).all()
    assert np.isfinite([step.loss for step in steps]).all()
    assert steps[1].loss <= steps[0].loss


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float64])
def test_native_types_are_kept_and_explained(dtype: type) -> None:
    data = dataset(electrons_per_unit=1.0)
    counts = (data.patterns * 3000).astype(dtype)
    prepared = prepare(recipe(model={"states": 1, "slices": 1}), data.replace(patterns=counts))
    assert prepared.problem.measured.dtype == dtype
    stage = Stage(iterations=3)
    steps = list(iterate(prepared.problem, stage, "phase", Start(first_estimate(prepared, 1)), 0))
    assert steps[-1].loss < steps[0].loss


# --- starting from a result -----------------------------------------------------------------------


def saved(path: Path, data: Dataset, kind: str = "phase", modes: int = 1) -> str:
    """Write a result of one state for these data and return its path."""
    chosen = recipe(model={"states": 1, "slices": 2, "object_type": kind, "probe_modes": modes})
    prepared = prepare(chosen, data)
    estimate = first_estimate(prepared, 1)
    Result(
        prepared.recipe, estimate, prepared.geometry, History(), data.name, data.hash, data.scan_shape
    ).save(path)
    return str(path)


def from_saved(
    path: str, data: Dataset, kind: str = "phase", states: int = 3, modes: int = 1
) -> tuple[Estimate, Result]:
    model = {"states": states, "slices": 2, "object_type": kind, "probe_modes": modes}
    prepared = prepare(recipe(model=model, guess={"result": path}), data)
    return first_estimate(prepared, states), Result.load(path)


def test_a_result_is_taken_over(tmp_path: Path) -> None:
    data = dataset()
    estimate, result = from_saved(saved(tmp_path / "pure.h5", data), data)
    assert estimate.states == 3
    np.testing.assert_allclose(estimate.probe * np.sqrt(3), result.estimate.probe, rtol=1e-6)
    np.testing.assert_array_equal(estimate.positions, result.estimate.positions)


def test_a_result_on_another_grid_is_taken_over_too(tmp_path: Path) -> None:
    path = saved(tmp_path / "pure.h5", dataset())
    other = dataset(scan=(8, 8))
    estimate, _ = from_saved(path, other)
    prepared = prepare(recipe(model={"states": 3, "slices": 2}), other)
    assert estimate.object.shape == (3, 2, *prepared.geometry.shape)
    np.testing.assert_array_equal(estimate.positions, prepared.geometry.positions(other))


@pytest.mark.parametrize(
    ("before", "after"), [("complex", "phase"), ("complex", "potential"), ("phase", "complex")]
)
def test_a_result_of_another_object_type_becomes_the_one_asked_for(
    tmp_path: Path, before: str, after: str
) -> None:
    data = dataset()
    estimate, _ = from_saved(saved(tmp_path / "pure.h5", data, before), data, after)
    assert (estimate.object.dtype.kind == "c") == (after == "complex")


def test_a_result_with_fewer_probe_modes_is_given_more(tmp_path: Path) -> None:
    data = dataset()
    estimate, _ = from_saved(saved(tmp_path / "pure.h5", data), data, modes=3)
    assert estimate.modes == 3


def test_a_result_with_other_positions_is_given_the_right_ones(tmp_path: Path) -> None:
    # Two scans so small that their object grids are of one size.
    path = saved(tmp_path / "pure.h5", dataset(scan=(4, 5), scan_step=0.01))
    estimate, _ = from_saved(path, dataset(scan=(4, 6), scan_step=0.008))
    assert len(estimate.positions) == 24


@pytest.mark.parametrize("states", [2, 3, 5])
def test_a_result_of_displaced_copies_gives_as_many_states_as_are_asked_for(
    tmp_path: Path, states: int
) -> None:
    data = dataset()
    prepared = prepare(recipe(model={"states": 3, "slices": 2}), data)
    moved = for_stage(prepared, None, Stage(refine=("object", "displacement")))
    path = tmp_path / "displaced.h5"
    Result(prepared.recipe, moved, prepared.geometry, History(), data.name, data.hash, data.scan_shape).save(
        path
    )
    estimate, _ = from_saved(str(path), data, states=states)
    assert estimate.states == states
    total = states * illumination(prepared.problem, estimate).sum()
    assert total == pytest.approx(3 * illumination(prepared.problem, moved).sum(), rel=1e-5)
