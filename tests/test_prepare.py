"""From data and recipe to the engine's problem: what fits is prepared, what does not is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.dataset import Dataset, Truth
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import illumination, predict
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load
from napari_mixedptycho.optics import propagator
from napari_mixedptycho.prepare import (
    apply_recipe,
    first_estimate,
    for_stage,
    more_states,
    open_dataset,
    prepare,
    reaches_edge,
)
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import History, Result
from tests.physics.toys import dataset, recipe


def refused(dataset: Dataset, /, *words: str, **sections: dict[str, Any]) -> None:
    """Check that data and recipe are refused in one sentence with these words."""
    with pytest.raises(InputError) as caught:
        prepare(recipe(**sections), dataset)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text


def spoilt(value: float, **changes: Any) -> Dataset:
    data = dataset(**changes)
    patterns = data.patterns.copy()
    patterns[1, 2, 3, 3] = value
    return data.replace(patterns=patterns, name="spoilt")


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(value: float) -> None:
    refused(spoilt(value), "spoilt", "NaN or infinite")


def test_negative_values_are_refused() -> None:
    refused(spoilt(-0.25), "spoilt", "negative", "-0.25")


def test_empty_patterns_are_refused() -> None:
    refused(dataset(patterns=np.zeros((2, 2, 16, 16)), name="void"), "void", "empty")


@pytest.mark.parametrize(
    "region", [(0, 5, 0, 5), (0, 4, 0, 6), (2, 2, 0, 5), (3, 1, 0, 5), (0, 4, 4, 2), (-1, 4, 0, 5)]
)
def test_a_region_that_does_not_lie_in_the_scan_is_refused(region: tuple[int, ...]) -> None:
    refused(dataset(scan=(4, 5)), "scan_region", "4 rows", "5 columns", data={"scan_region": list(region)})


def test_a_largest_angle_within_the_probe_is_refused() -> None:
    refused(dataset(), "max_angle", "20.0", "30.0", data={"max_angle": 20.0})
    refused(dataset(), "max_angle", data={"max_angle": 30.0})


def test_a_probe_larger_than_the_detector_is_refused() -> None:
    refused(dataset(), "semiangle", "detector", "80.0", microscope={"semiangle": 80.0})


def test_a_probe_wider_than_its_window_is_refused() -> None:
    refused(dataset(), "defocus", "window", microscope={"defocus": 400.0})
    refused(dataset(), "defocus", "window", microscope={"defocus": -400.0})


def test_an_unknown_thickness_is_refused() -> None:
    refused(dataset(thickness=None), "thickness", "model.thickness")
    assert prepare(recipe(model={"thickness": 6.0, "slices": 3}), dataset(thickness=None))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.h5"):
        open_dataset(recipe(data={"file": "nowhere.h5"}), tmp_path)


def test_masked_pixels_may_hold_anything() -> None:
    mask = np.ones((16, 16), bool)
    mask[3, 3] = False
    prepared = prepare(recipe(model={"slices": 1}), spoilt(np.nan, mask=mask))
    steps = list(
        iterate(prepared.problem, Stage(iterations=2), "phase", Start(first_estimate(prepared, 1)), 0)
    )
    assert np.isfinite([step.loss for step in steps]).all()


# --- the recipe and the data ----------------------------------------------------------------------


def test_the_recipe_overrides_the_file_and_says_so() -> None:
    data = apply_recipe(recipe(microscope={"energy": 80e3, "defocus": 10.0}), dataset())
    assert data.energy == 80e3
    assert data.sources["energy"] == "user"
    assert data.sources["semiangle"] == "file"
    # A number that is the same as in the file stays the file's.
    assert "defocus" not in data.sources
    assert dataset().sources["energy"] == "file"


def test_a_prepared_recipe_states_every_number() -> None:
    prepared = prepare(recipe(model={"states": 2}), dataset())
    microscope = prepared.recipe.microscope
    assert (microscope.energy, microscope.semiangle, microscope.scan_step) == (60e3, 30.0, 0.4)
    assert prepared.recipe.model.thickness == 8.0
    assert prepared.geometry.slice_spacing == 2.0
    assert prepare(prepared.recipe, dataset()).recipe == prepared.recipe


def test_a_region_is_cut_out_row_by_row() -> None:
    data = dataset(scan=(4, 5))
    numbered = data.patterns * (1 + np.arange(20).reshape(4, 5, 1, 1))
    prepared = prepare(recipe(data={"scan_region": [1, 3, 2, 5]}), data.replace(patterns=numbered))
    assert prepared.dataset.scan_shape == (2, 3)
    sums = prepared.problem.measured.sum(axis=(1, 2))
    np.testing.assert_allclose(sums, np.array([8, 9, 10, 13, 14, 15]), rtol=1e-5)


def test_the_truth_follows_the_region() -> None:
    columns = np.array([[0.5, 0.9], [1.1, 1.5]])
    truth = Truth(columns, columns[None], np.array([True, True]), np.zeros((1, 2, 3)))
    cut = apply_recipe(recipe(data={"scan_region": [1, 4, 2, 5]}), dataset(truth=truth))
    assert cut.truth is not None
    # The frame begins at the first scan point that is used.
    np.testing.assert_allclose(cut.truth.columns_mean, columns - np.array([1, 2]) * 0.4)
    assert cut.truth.columns_in_scan.tolist() == [True, True]


def test_the_largest_angle_masks_what_lies_beyond() -> None:
    prepared = prepare(recipe(data={"max_angle": 45.0}), dataset())
    k = np.fft.fftfreq(16, 1 / 16) / 6
    angle = np.hypot(k[:, None], k) * prepared.dataset.wavelength * 1e3
    np.testing.assert_array_equal(prepared.problem.weight, angle <= 45.0)
    mask = np.ones((16, 16), bool)
    mask[8, 8] = False
    both = prepare(recipe(data={"max_angle": 45.0}), dataset(mask=mask))
    assert both.problem.weight[0, 0] == 0
    assert both.problem.weight.sum() == prepared.problem.weight.sum() - 1


# --- padding --------------------------------------------------------------------------------------


def test_the_sample_is_padded_to_one_and_a_half() -> None:
    prepared = prepare(recipe(model={"states": 1}), load("sample:si_sigma9"))
    assert reaches_edge(prepared.dataset)
    assert prepared.geometry.size == 96
    assert prepared.geometry.sampling == pytest.approx(18 / 96)
    assert prepared.problem.detector.size == 64
    assert prepared.problem.count == 576


def test_data_that_end_before_the_edge_are_not_padded() -> None:
    data = dataset(size=24)  # 97 mrad, nothing beyond 30
    assert not reaches_edge(data)
    assert prepare(recipe(), data).geometry.size == 24
    assert prepare(recipe(model={"padding": 1.25}), data).geometry.size == 30


def test_scattering_at_the_edge_is_padded() -> None:
    data = dataset(size=24)
    scattered = data.patterns + np.float32(2e-5)
    assert prepare(recipe(), data.replace(patterns=scattered)).geometry.size == 36


# --- the problem ----------------------------------------------------------------------------------


def test_problem_has_the_zero_angle_in_the_corner() -> None:
    for size in (16, 17):
        data = dataset(size=size)
        patterns = np.zeros_like(data.patterns)
        patterns[..., size // 2, size // 2 + 1] = 1
        mask = np.ones((size, size), bool)
        mask[size // 2, size // 2 - 1] = False
        problem = prepare(recipe(), data.replace(patterns=patterns, mask=mask)).problem
        assert problem.measured[0, 0, 1] == 1
        assert problem.weight[0, -1] == 0
        assert problem.weight.sum() == size**2 - 1


def test_band_limit_and_propagator_belong_to_the_padded_grid() -> None:
    prepared = prepare(recipe(model={"padding": 1.5, "band_limit": 0.5, "slices": 4}), dataset())
    move, size = prepared.problem.propagator, prepared.geometry.size
    assert size == 24
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    np.testing.assert_array_equal(np.abs(move) > 0.5, k <= 0.25)
    expected = propagator(size, prepared.geometry.sampling, 60e3, 2.0)
    np.testing.assert_allclose(move[k <= 0.25], expected[k <= 0.25], atol=1e-6)


def test_lanes_and_chunk_do_not_follow_the_threads() -> None:
    data = dataset(scan=(9, 9))
    one, five = (prepare(recipe(run={"threads": threads}), data).problem for threads in (1, 5))
    assert (one.threads, five.threads) == (1, 5)
    assert one.chunk == five.chunk >= 1
    for a, b in zip(one.lanes, five.lanes, strict=True):
        np.testing.assert_array_equal(a, b)
    assert prepare(recipe(run={"patterns_per_chunk": 3}), data).problem.chunk == 3


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
    back = more_states(prepared, four, 1)
    np.testing.assert_array_equal(back.object[0], four.object[0])
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


def test_a_result_on_another_grid_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "pure.h5", dataset())
    with pytest.raises(InputError, match=r"pure\.h5"):
        from_saved(path, dataset(scan=(8, 8)))


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


def test_a_result_with_other_positions_is_refused_or_given_the_right_ones(tmp_path: Path) -> None:
    # Two scans so small that their object grids are of one size.
    path = saved(tmp_path / "pure.h5", dataset(scan=(4, 5), scan_step=0.01))
    other = dataset(scan=(4, 6), scan_step=0.008)
    try:
        estimate, _ = from_saved(path, other)
    except InputError:
        return
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
