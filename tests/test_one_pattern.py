"""One scan point: measured, predicted, left over."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.one_pattern import compare_pattern, nearest_point
from napari_mixedptycho.prepare import open_dataset, prepare
from tests.small import small, steps


def test_a_point_is_compared_in_electrons_with_its_zero_angle_in_the_middle() -> None:
    recipe = small()
    first, *_, last = steps(recipe)
    dataset = open_dataset(recipe)
    prepared = prepare(recipe, dataset)
    found = compare_pattern(prepared, last.result, 8)  # row 1, column 2
    measured = np.asarray(dataset.patterns[1, 2], dtype=np.float64) * (dataset.electrons_per_unit or 1)
    np.testing.assert_allclose(found.measured[found.inside], measured[found.inside], rtol=1e-5)
    centre = dataset.detector_size // 2
    disk = found.predicted[centre - 3 : centre + 4, centre - 3 : centre + 4]
    assert disk.mean() > 10 * found.predicted[:4].mean()
    assert found.predicted_inside == pytest.approx(found.measured.sum(), rel=0.1)
    assert found.chi < compare_pattern(prepared, first.result, 8).chi
    assert found.counted


def test_a_stage_on_part_of_the_detector_is_compared_there() -> None:
    recipe = small("stages.pure.detector=0.5")
    result = steps(recipe)[0].result
    prepared = prepare(recipe, open_dataset(recipe))
    assert compare_pattern(prepared, result, 0).measured.shape == (32, 32)


def test_what_does_not_fit_is_refused() -> None:
    recipe = small()
    result = steps(recipe)[0].result
    prepared = prepare(recipe, open_dataset(recipe))
    with pytest.raises(InputError, match="no scan point 36"):
        compare_pattern(prepared, result, 36)
    other = small("data.scan_region=[0,8,0,8]")
    with pytest.raises(InputError, match="another object grid"):
        compare_pattern(prepare(other, open_dataset(other)), result, 0)


def test_the_nearest_point_is_found_within_reach() -> None:
    result = steps(small())[0].result
    step = result.recipe.microscope.scan_step or 0
    assert nearest_point(result, (1.1 * step, 2.1 * step), step) == 8
    assert nearest_point(result, (-5 * step, 0.0), step) is None
