"""The stationary control: what it takes from a result, and what it finds at rest."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.control import (
    Control,
    at_rest,
    control,
    control_recipe,
    judged_columns,
    stationary,
)
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.engine.objects import states
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import for_detector, open_dataset, prepare
from napari_mixedptycho.reconstruct import Progress
from napari_mixedptycho.result import Result
from tests.small import small, standard, steps

RECIPE = standard("data.scan_region=[6,15,6,15]")


@pytest.fixture(scope="module")
def made() -> Result:
    return steps(RECIPE)[-1].result


def run(steps: Generator[Progress, None, Control]) -> tuple[list[Progress], Control]:
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


def test_the_object_at_rest_is_the_mean_with_all_electrons(made: Result) -> None:
    estimate = at_rest(made.estimate)
    assert estimate.states == 1 and estimate.displacement is None
    np.testing.assert_allclose(estimate.object[0], states(made.estimate).mean(axis=0), atol=1e-6)
    power = [float((np.abs(one.probe) ** 2).sum()) for one in (estimate, made.estimate)]
    assert power[0] == pytest.approx(power[1] * made.estimate.states, rel=1e-5)
    complex_states = replace(made.estimate, object=np.exp(1j * states(made.estimate)), displacement=None)
    still = at_rest(complex_states).object[0]
    np.testing.assert_allclose(np.abs(still), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.angle(still), states(made.estimate).mean(axis=0), atol=1e-5)


def uncounted(result: Result, dataset: Dataset) -> tuple[Result, Dataset]:
    """Return the same, as if nobody knew that the patterns are counted electrons."""
    unit = dataset.electrons_per_unit
    plain = dataset.replace(patterns=(dataset.values * unit).astype(np.float32), electrons_per_unit=None)
    recipe = result.recipe.with_set("microscope.electrons_per_unit=none")
    known = prepare(recipe, plain).dataset
    return result.replace(recipe=recipe, data_hash=known.hash), plain


def test_data_without_noise_stay_without(made: Result) -> None:
    result, dataset = uncounted(made, open_dataset(made.recipe))
    data = stationary(result, dataset)
    prepared = prepare(result.recipe, dataset)
    expected = predict(prepared.problem, at_rest(made.estimate), np.arange(5))
    expected = np.fft.fftshift(expected, axes=(-2, -1))
    mask = np.fft.fftshift(prepared.problem.weight) > 0
    found = np.asarray(data.patterns).reshape(-1, *expected.shape[1:])[:5]
    np.testing.assert_allclose(found, np.where(mask, expected, 0), rtol=1e-4, atol=1e-6)
    assert data.mask is not None and (data.mask == mask).all()
    assert data.electrons_per_unit is None and data.truth is None
    assert np.asarray(data.patterns).sum() == pytest.approx(prepared.dataset.values.sum(), rel=0.05)


@pytest.mark.parametrize("unit", [1.0, 500.0])
def test_counted_patterns_are_counted_again(made: Result, unit: float) -> None:
    dataset = open_dataset(made.recipe)
    assert dataset.electrons_per_unit is not None
    electrons = np.rint(dataset.values * dataset.electrons_per_unit)
    quiet = stationary(*uncounted(made, dataset)).values.astype(np.float64)
    dataset = dataset.replace(patterns=(electrons / unit).astype(np.float32), electrons_per_unit=unit)
    recipe = made.recipe.with_set(f"microscope.electrons_per_unit={unit}")
    result = made.replace(recipe=recipe, data_hash=prepare(recipe, dataset).dataset.hash)
    one, same, other = (stationary(result, dataset, seed) for seed in (0, 0, 1))
    counts = one.values.astype(np.float64) * unit
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-2)
    assert one.hash == same.hash != other.hash
    # Poisson: the variance is the mean.
    assert ((counts - quiet) ** 2).sum() == pytest.approx(quiet.sum(), rel=0.05)


def test_the_recipe_is_the_same_but_for_the_data() -> None:
    recipe = RECIPE.with_set("data.hold_out=5")
    still = control_recipe(recipe, "there.h5")
    assert still.model_copy(update={"data": recipe.data}) == recipe
    assert still.data.hold_out == 5
    assert still.data.scan_region is None  # the stationary data have this region already


def test_a_control_of_what_is_at_rest_finds_the_floor(made: Result) -> None:
    seen, found = run(control(made))
    assert [progress.iteration for progress in seen] == list(range(1, RECIPE.iterations + 1))
    np.testing.assert_array_equal(found.motion.columns, found.floor.columns)
    assert found.verdict.floor > 0
    # The control of the control is the control again: nothing moves in either.
    at_floor = found.result.replace(recipe=found.result.recipe)
    _, again = run(control(at_floor, stationary(made)))
    assert not again.verdict.resolved
    assert again.verdict.ratio == pytest.approx(1.0, abs=0.4)


def test_what_has_nothing_to_judge_is_refused(made: Result) -> None:
    one = steps(small("model.states=1"))[-1].result
    with pytest.raises(InputError, match="one state"):
        judged_columns(one)
    flat = made.replace(estimate=replace(made.estimate, object=np.zeros_like(made.estimate.object)))
    with pytest.raises(InputError, match="no columns"):
        next(control(flat))


PART = 0.75


def test_a_result_for_part_of_the_detector_gets_a_control_of_all_of_it() -> None:
    """What the last stage saw is as that object scatters; the control's last stage sees the same part."""
    changed = RECIPE.with_set(f"stages.2.detector={PART}")
    for stage in (0, 1):
        changed = changed.with_set(f"stages.{stage}.iterations=1")
    result = steps(changed)[-1].result
    dataset = open_dataset(result.recipe)
    result, plain = uncounted(result, dataset)
    data = stationary(result, plain)
    assert data.detector_size == dataset.detector_size
    part = for_detector(prepare(result.recipe, plain), PART)
    seen = np.fft.fftshift(predict(part.problem, at_rest(result.estimate), np.arange(3)), axes=(-2, -1))
    size = part.dataset.detector_size
    edge = (data.detector_size - size) // 2
    found = data.values.reshape(-1, data.detector_size, data.detector_size)[:3]
    inside = found[:, edge : edge + size, edge : edge + size]
    weight = np.fft.fftshift(part.problem.weight)
    disk = seen.mean(axis=0) > 0.05 * seen.mean(axis=0).max()  # the larger grid aliases less beyond it
    np.testing.assert_allclose(inside[:, disk & (weight > 0)], seen[:, disk & (weight > 0)], rtol=0.03)
    assert inside.sum() / found.sum() > 0.97
    _, judged = run(control(result, plain))
    assert judged.result.geometry == result.geometry
    assert judged.verdict.floor > 0


def test_other_data_and_another_grid_are_refused(made: Result) -> None:
    with pytest.raises(InputError, match="these data are"):
        stationary(made.replace(data_hash="0" * 16))
    elsewhere = made.replace(geometry=replace(made.geometry, sampling=2 * made.geometry.sampling))
    with pytest.raises(InputError, match="object grid"):
        stationary(elsewhere)
