"""From data and recipe to the engine's problem: what fits is prepared, what does not is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.dataset import Dataset, Truth
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load
from napari_mixedptycho.optics import propagator
from napari_mixedptycho.prepare import (
    apply_recipe,
    first_estimate,
    open_dataset,
    prepare,
    reaches_edge,
)
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
        open_dataset(recipe(data={"file": "nowhere.h5"}).located(tmp_path))


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


def test_corners_that_hold_nothing_are_not_measured() -> None:
    data = dataset(size=24)
    data = data.replace(patterns=data.patterns + 1e-5)
    assert prepare(recipe(model={"slices": 1}), data).problem.weight.all()
    k = np.hypot(*np.meshgrid(*[np.arange(24) - 12] * 2))
    round_one = data.replace(patterns=np.where(k <= 13, data.patterns, 0))
    weight = prepare(recipe(model={"slices": 1}), round_one).problem.weight
    np.testing.assert_array_equal(np.fft.fftshift(weight), k <= 13)
    # A dark pixel elsewhere is a measurement, and so is everything within the largest circle.
    small = data.replace(patterns=np.where(k <= 5, data.patterns, 0))
    weight = prepare(recipe(model={"slices": 1}), small).problem.weight
    np.testing.assert_array_equal(np.fft.fftshift(weight), k <= 12)


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
        patterns[..., 0, 0] = 1  # so that the corners are measured
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
