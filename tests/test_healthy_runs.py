"""Health and held-out patterns in whole runs: no false alarm, and the failure of few patterns per update."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset, prepare
from napari_mixedptycho.reconstruct import Progress, assess
from napari_mixedptycho.result import History, Result
from tests.small import small, standard, steps

SIGNS = ("held_out", "largest_state", "largest_slice", "apart", "nearest", "largest_mode", "power", "texture")


def alarms(progress: Progress) -> list[str]:
    return [alarm.name for alarm in progress.health.alarms]


@pytest.mark.parametrize("sample", ["sample:si_sigma9", "sample:si_sigma9_static"])
def test_the_default_recipe_raises_no_alarm(sample: str) -> None:
    """Neither on the moving specimen nor on its stationary twin, whose states are right to become alike."""
    for progress in steps(standard(f"data.file={sample}", "data.scan_region=[0,10,0,10]", "model.states=4")):
        assert alarms(progress) == [], progress.iteration
        assert progress.health.power == pytest.approx(1, abs=0.1)


def test_few_patterns_per_update_make_one_state_take_the_phase() -> None:
    """The failure of the paper's Fig. 11, and the same run with all patterns in each update."""
    changes = ("data.scan_region=[0,8,0,8]", "model.states=5", "model.slices=1", "model.padding=1")
    few, every = (
        steps(small(*changes, f'stages=[{{name="mixed",iterations=8,{text}solver={{kind="adam"}}}}]'))
        for text in ("patterns_per_update=3,", "")
    )
    assert alarms(few[-1]) == ["one_state", "strangers"]
    assert not any(alarms(progress) for progress in every)
    assert all(not alarms(progress) for progress in few[:5])  # first they need time


def test_signs_are_in_the_history_and_in_the_file(tmp_path: Path) -> None:
    seen = steps(small("data.hold_out=4"))
    for progress in seen:
        history = progress.result.history
        assert history.held_out[-1] == progress.held_out
        assert history.largest_state[-1] == progress.health.largest_state
        assert history.separation[-1] == progress.separation
    last = seen[-1].result
    last.save(tmp_path / "r.h5")
    assert Result.load(tmp_path / "r.h5").history == last.history
    assert assess(last).signs() == pytest.approx(
        {**seen[-1].health.signs(), "power": np.nan}, nan_ok=True, rel=1e-6
    )


def test_a_file_of_a_version_without_signs_is_read(tmp_path: Path) -> None:
    steps(small())[-1].result.save(tmp_path / "r.h5")
    with h5py.File(tmp_path / "r.h5", "r+") as file:
        for name in SIGNS:
            del file[f"history/{name}"]
    history = Result.load(tmp_path / "r.h5").history
    assert len(history) == 5
    assert all(np.isnan(getattr(history, name)).all() for name in SIGNS)
    assert assess(Result.load(tmp_path / "r.h5")).alarms == ()
    rest = steps(small().with_iterations(4), Result.load(tmp_path / "r.h5"))
    assert np.isnan(rest[-1].result.history.apart).tolist() == [True] * 5 + [False]
    with h5py.File(tmp_path / "r.h5", "r+") as file:
        del file["history/loss"]
    with pytest.raises(InputError, match="cannot be read"):
        Result.load(tmp_path / "r.h5")


def test_equal_histories_are_equal_though_nothing_was_held_out() -> None:
    entry = {"loss": 1.0, "seconds": 1.0, "evaluations": 1.0, "separation": 0.0, "stage": 0}
    assert History().add(**entry) == History().add(**entry, held_out=float("nan"))


def test_patterns_held_out_teach_nothing_and_are_predicted() -> None:
    recipe = small("data.hold_out=4", "data.scan_region=[0,8,0,8]", "stages.mixed.iterations=6")
    problem = prepare(recipe, open_dataset(recipe)).problem
    assert len(problem.held_out) == 16
    assert sorted(np.concatenate(problem.lanes)) == problem.fitted.tolist()
    seen = steps(recipe)
    assert seen[-1].held_out is not None
    assert seen[0].held_out is not None
    assert seen[-1].loss < seen[-1].held_out < 0.8 * seen[0].held_out
    assert all(progress.held_out is None for progress in steps(small()))


def test_a_run_that_holds_out_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    recipe = small("data.hold_out=3")
    whole = steps(recipe)
    whole[2].result.save(tmp_path / "r.h5")
    rest = steps(recipe, Result.load(tmp_path / "r.h5"))
    assert rest[-1].result.history.held_out == whole[-1].result.history.held_out
    assert np.array_equal(rest[-1].result.estimate.object, whole[-1].result.estimate.object)


def test_other_patterns_held_out_are_another_reconstruction() -> None:
    result = steps(small("stages.mixed.iterations=1"))[-1].result
    with pytest.raises(
        InputError, match=r"holds out no pattern, this recipe one pattern of 5; set data\.hold_out"
    ):
        steps(small("data.hold_out=5"), result)


def test_something_must_be_left_to_fit() -> None:
    with pytest.raises(InputError, match="leaves none of 1 patterns to fit"):
        steps(small("data.hold_out=2", "data.scan_region=[0,1,0,1]"))
    with pytest.raises(InputError, match=r"'data\.hold_out': .* greater than or equal to 2"):
        small("data.hold_out=1")
