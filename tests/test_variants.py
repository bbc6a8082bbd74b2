"""Recipes made from recipes: what they change, what they keep, and that they run."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.analysis.pair import differing
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import load
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.variants import further, other_seed, pure, quick_look, steered
from tests.small import small, standard, steps

SAMPLE = "sample:si_sigma9"


def test_a_quick_look_is_small_and_keeps_the_calibration() -> None:
    recipe = Recipe().with_set("microscope.defocus=12").with_set("data.transpose=true")
    quick = quick_look(recipe, load(SAMPLE))
    assert (quick.model.states, quick.model.slices, quick.model.probe_modes) == (1, 1, 1)
    assert quick.microscope == recipe.microscope
    assert quick.data == recipe.data
    assert quick.run == recipe.run
    assert len(quick.stages) == 1
    assert quick.stages[0].detector == 0.5


def test_a_quick_look_holds_the_disk_and_the_middle_of_a_large_scan() -> None:
    dataset = load(SAMPLE)
    large = dataset.replace(patterns=np.broadcast_to(np.float32(1), (300, 200, 256, 256)))
    wide = dataset.replace(semiangle=dataset.max_angle * 0.7)
    top, bottom, left, right = quick_look(Recipe(), large).data.scan_region or (0, 0, 0, 0)
    assert (bottom - top) * (right - left) * 128**2 <= 2**23
    assert (top + bottom, left + right) == pytest.approx((300, 200), abs=1)
    assert (bottom - top) / (right - left) == pytest.approx(1.5, rel=0.1)
    assert quick_look(Recipe(), wide).stages[0].detector == pytest.approx(0.7 * 1.15)
    inside = quick_look(Recipe().with_set("data.scan_region=[0,100,0,200]"), large).data.scan_region
    assert inside is not None
    assert inside[1] <= 100
    line = dataset.replace(patterns=np.broadcast_to(np.float32(1), (1, 90_000, 64, 64)))
    assert (quick_look(Recipe(), line).data.scan_region or (0, 0))[:2] == (0, 1)


def test_a_quick_look_sees_the_atoms() -> None:
    recipe = small("data.scan_region=[0,12,0,12]")
    *_, last = reconstruct(quick_look(recipe, load(SAMPLE)))
    history = last.result.history
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert np.ptp(last.result.mean_phase()) > 0.2


def test_one_state_and_another_seed() -> None:
    recipe = Recipe()
    one = pure(recipe)
    assert {one.states_of(stage) for stage in one.stages} == {1}
    assert not any(stage.displaces for stage in one.stages)
    assert one.iterations == recipe.iterations
    assert set(differing(recipe, other_seed(recipe))) == {"run.seed"}
    assert len(steps(pure(standard()))) == standard().iterations


def test_a_stopped_result_goes_on_to_its_end_and_a_complete_one_further() -> None:
    every = steps(small())
    stopped, complete = every[2].result, every[-1].result
    assert further(stopped, 7) == stopped.recipe
    longer = further(complete, 2)
    assert longer.iterations == complete.recipe.iterations + 2
    assert len(steps(longer, complete)) == 2


def test_another_course_is_told_by_the_recipe_and_equals_a_run_that_was_asked_for() -> None:
    every = steps(small("stages.mixed.iterations=4"))
    reached = every[3].result  # two of the last stage are done
    changed = small("stages.mixed.iterations=4", "stages.mixed.solver.kind=adam").stages
    recipe = steered(reached, changed)
    assert [stage.name for stage in recipe.stages] == ["pure", "mixed", "mixed (2)"]
    assert [stage.iterations for stage in recipe.stages] == [2, 2, 2]
    assert [stage.solver.kind for stage in recipe.stages] == ["lbfgs", "lbfgs", "adam"]
    went = steps(recipe, reached)
    assert len(went) == 2
    asked = steps(recipe)
    assert went[-1].result.history.loss == asked[-1].result.history.loss
    assert (went[-1].result.estimate.object == asked[-1].result.estimate.object).all()


def test_only_iterations_changed_leave_the_stage_whole() -> None:
    reached = steps(small())[3].result
    recipe = steered(reached, small("stages.mixed.iterations=9").stages)
    assert [stage.iterations for stage in recipe.stages] == [2, 9]
    assert [
        stage.iterations for stage in steered(reached, small("stages.mixed.iterations=1").stages).stages
    ] == [2, 2]


def test_what_was_to_join_later_joins_when_it_would_have() -> None:
    wish = 'stages.mixed.refine=["object", {kind="positions", start=3}]'
    reached = steps(small(wish))[3].result
    recipe = steered(reached, small(wish, "stages.mixed.solver.kind=adam").stages)
    assert [entry.start for entry in recipe.stages[-1].refine] == [0, 1]


def test_a_stage_that_has_begun_stays() -> None:
    reached = steps(small())[3].result
    with pytest.raises(InputError, match="has begun"):
        steered(reached, small().stages[:1])
