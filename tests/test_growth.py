"""Stages on a part of the detector: coarse object pixels first, and the estimate grows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load
from napari_mixedptycho.memory import estimate_memory
from napari_mixedptycho.prepare import first_estimate, for_detector, open_dataset, prepare
from napari_mixedptycho.preprocess import crop_detector
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from tests.physics.toys import dataset
from tests.small import small, steps

GROWING = (
    'stages=[{name="coarse",iterations=2,states=1,detector=0.5},{name="fine",iterations=2,states=1},'
    '{name="moving",iterations=2,refine=["object","probe","displacement"],detector=0.75},'
    '{name="last",iterations=2,refine=["object","probe","displacement"]}]'
)


@pytest.fixture(scope="module")
def whole() -> list[Progress]:
    return steps(small(GROWING))


def test_the_centre_of_the_detector_stays_its_centre() -> None:
    data = dataset(size=24)
    numbered = data.patterns + np.arange(24 * 24).reshape(24, 24)
    for part, size in ((0.5, 12), (0.7, 16), (1.0, 24)):
        cropped = crop_detector(data.replace(patterns=numbered, mask=numbered[0, 0] > 9), part)
        assert cropped.detector_size == size
        assert cropped.detector_sampling == data.detector_sampling
        zero = np.s_[..., size // 2, size // 2]
        np.testing.assert_array_equal(cropped.patterns[zero], numbered[..., 12, 12])
        assert cropped.mask is not None
        assert cropped.mask.shape == (size, size)


def test_a_part_that_does_not_hold_the_probe_is_refused() -> None:
    with pytest.raises(InputError, match=r"uses 0\.3 of the detector, up to .* the semi-angle, 30"):
        steps(small("stages=[{iterations=1,detector=0.3}]"))


def test_the_object_grid_covers_the_same_field_with_larger_pixels() -> None:
    recipe = small()
    prepared = prepare(recipe, open_dataset(recipe))
    assert for_detector(prepared, None) is prepared
    half = for_detector(prepared, 0.5)
    assert half.geometry.sampling == pytest.approx(2 * prepared.geometry.sampling)
    assert half.geometry.slice_spacing == prepared.geometry.slice_spacing
    assert half.problem.measured.shape[-1] == 32
    positions = [p.geometry.to_angstroms(first_estimate(p, 1).positions) for p in (prepared, half)]
    np.testing.assert_allclose(*positions, atol=1e-9)
    # The bright field is predicted alike.
    patterns = [predict(p.problem, first_estimate(p, 1), np.arange(3)) for p in (prepared, half)]
    assert patterns[1].sum() == pytest.approx(patterns[0].sum(), rel=0.05)


def test_each_result_carries_the_grid_it_is_on(whole: list[Progress]) -> None:
    samplings = [progress.result.sampling for progress in whole]
    fine = samplings[-1]
    np.testing.assert_allclose(np.array(samplings) / fine, [2, 2, 1, 1, 4 / 3, 4 / 3, 1, 1])
    for progress in whole:
        estimate, geometry = progress.result.estimate, progress.result.geometry
        assert estimate.object.shape[-2:] == geometry.shape
        assert estimate.probe.shape[-1] == geometry.size
        assert progress.remaining >= 0
    assert len({progress.result.data_hash for progress in whole}) == 1


def test_what_was_found_on_a_part_is_kept_on_all_of_it(whole: list[Progress]) -> None:
    fresh = steps(small('stages=[{name="fine",iterations=1,states=1}]'))[0]
    # Two coarse iterations are worth more than one fine one.
    assert whole[2].loss < 0.7 * fresh.loss
    assert whole[-1].loss < whole[3].loss


def test_a_growing_run_goes_on_from_any_iteration_as_if_nothing_had_happened(
    whole: list[Progress], tmp_path: Path
) -> None:
    recipe, last = small(GROWING), whole[-1].result
    for progress in whole[:-1]:
        progress.result.save(tmp_path / "r.h5")
        *_, end = reconstruct(recipe, resume=Result.load(tmp_path / "r.h5"))
        for name in ("object", "probe", "positions", "displacement"):
            one, other = getattr(end.result.estimate, name), getattr(last.estimate, name)
            assert one.tobytes() == other.tobytes(), name
        assert end.result.history.loss == last.history.loss


def test_memory_is_told_for_the_stage_that_takes_most() -> None:
    data = load("sample:si_sigma9")

    def told(stages: str) -> int:
        return estimate_memory(small("model.states=16", f"stages=[{stages}]"), data).solver

    whole, half = told("{iterations=4}"), told("{iterations=4,detector=0.5}")
    assert half < 0.4 * whole
    assert told("{iterations=4,detector=0.5},{iterations=4}") == whole


def test_a_recipe_with_parts_is_read_back() -> None:
    recipe = small(GROWING)
    assert Recipe.from_toml(recipe.to_toml()) == recipe
