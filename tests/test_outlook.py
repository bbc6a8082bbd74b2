"""What a model comes to: lengths from optics, numbers from the engine's own, nothing counted twice."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.checks import probe_width
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.io import load
from napari_mixedptycho.memory import estimate_memory
from napari_mixedptycho.outlook import Outlook, advised_slices, outlook
from napari_mixedptycho.prepare import prepare
from napari_mixedptycho.recipe import Recipe
from tests.small import standard


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return load("sample:si_sigma9")


@pytest.fixture(scope="module")
def seen(sample: Dataset) -> Outlook:
    return outlook(Recipe(), sample)


def test_lengths_are_those_of_optics_and_of_the_grid_that_a_run_takes(sample: Dataset, seen: Outlook) -> None:
    ready = prepare(Recipe(), sample)
    assert seen.probe == pytest.approx(probe_width(ready.recipe, ready.dataset, ready.geometry))
    assert seen.overlap == pytest.approx(1 - 0.4 / seen.probe)
    assert seen.window == pytest.approx(ready.geometry.size * ready.geometry.sampling)
    assert (seen.sampling, seen.shape) == (ready.geometry.sampling, ready.geometry.shape)
    assert seen.focus == pytest.approx(0.04866 / 0.03**2, rel=1e-3), "λ of 60 kV, 30 mrad"
    assert seen.doubts == {"probe": (), "window": (), "dose": ()}


def test_electrons_and_measured_numbers_are_those_of_the_patterns(sample: Dataset, seen: Outlook) -> None:
    assert seen.known == np.count_nonzero(sample.values)
    assert seen.electrons == pytest.approx(
        sample.values.sum() * sample.electrons_per_unit / np.prod(sample.scan_shape), rel=1e-6
    )
    assert seen.dose == pytest.approx(seen.electrons / 0.4**2)
    part = outlook(standard(), sample)
    # Judged by the whole scan.
    assert part.known == pytest.approx(np.count_nonzero(sample.values[:6, :6]), rel=0.1)
    assert part.dose == seen.dose


def test_without_a_look_at_the_patterns_the_rest_is_the_same(sample: Dataset, seen: Outlook) -> None:
    blind = outlook(Recipe(), sample, patterns=False)
    assert (blind.known, blind.electrons, blind.dose) == (None, None, None)
    assert (blind.probe, blind.memory, blind.free) == (seen.probe, seen.memory, seen.free)


def test_free_states_have_unknowns_of_their_own_and_copies_share_them(sample: Dataset, seen: Outlook) -> None:
    stage = Recipe().stages[-1].model_copy(update={"refine": Recipe().stages[0].refine, "prior": None})
    free = outlook(Recipe().model_copy(update={"stages": (stage,)}), sample)
    assert seen.displaced and not free.displaced
    assert free.free == pytest.approx(8 * seen.free)


def test_one_state_costs_what_a_run_with_one_more_takes_more(sample: Dataset, seen: Outlook) -> None:
    assert seen.memory == estimate_memory(Recipe(), sample).total
    more = estimate_memory(Recipe().with_set("model.states=9"), sample).total
    assert seen.memory_of_state == more - seen.memory > 0


def test_the_numbers_of_the_recipe_count_not_those_of_the_file(sample: Dataset) -> None:
    changes = ("scan_step=2.5", "electrons_per_unit=1e-3", "defocus=700.0")
    recipe = Recipe()
    for change in changes[:2]:
        recipe = recipe.with_set(f"microscope.{change}")
    seen = outlook(recipe, sample)
    assert "overlap" in seen.doubts["probe"][0]
    assert "Dose too low" in seen.doubts["dose"][0]
    wide = outlook(Recipe().with_set(f"microscope.{changes[2]}"), sample)
    assert "Window smaller than the probe" in wide.doubts["window"][0]


def test_what_is_not_known_is_not_made_up(sample: Dataset) -> None:
    bare = sample.replace(thickness=None, electrons_per_unit=None)
    seen = outlook(Recipe(), bare)
    assert seen.thickness is None and seen.electrons is None and not seen.counted
    assert "dose is not known" in seen.doubts["dose"][0]


@pytest.mark.parametrize(("thickness", "slices"), [(0.5, 1), (2.0, 1), (7.68, 4), (20.0, 10)])
def test_slices_of_two_angstroms_are_advised(thickness: float, slices: int) -> None:
    assert advised_slices(thickness) == slices
