from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from napari_mixedptycho.analysis import measure
from napari_mixedptycho.cli import main
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import Result
from tests.small import small, standard, steps

RECIPES: dict[str, tuple[str, ...]] = {
    "one mode": (),
    "two modes": ("model.probe_modes=2",),
    "gram-schmidt": ("model.probe_modes=2", "stages.mixed.orthogonalise=gram_schmidt"),
    "complex": ("model.object_type=complex",),
    "adam in batches": ("stages.mixed.solver.kind=adam", "stages.mixed.patterns_per_update=10"),
    "gradient descent": ("stages.mixed.solver.kind=gradient_descent",),
    "probe later": ("stages.mixed.refine.probe.start=1",),
    "positions too": ('stages.mixed.refine=["object","probe","positions"]',),
    "the instrument too": (
        'stages.mixed.refine=["object","scan","tilt","spacing","aberrations","source","intensity",'
        '"background","blur","descan","weights"]',
    ),
    "smooth tilts": ('stages.mixed.refine=["object",{kind="tilt",per_position=true,start=1}]',),
}


def assert_same_estimate(a: Result, b: Result) -> None:
    for name in (entry.name for entry in fields(Estimate)):
        one, other = getattr(a.estimate, name), getattr(b.estimate, name)
        assert (one is None) == (other is None), name
        assert one is None or one.tobytes() == other.tobytes(), name
    assert a.history.loss == b.history.loss


def assert_same_memory(a: Result, b: Result) -> None:
    assert set(a.memory) == set(b.memory)
    for key, value in a.memory.items():
        assert np.asarray(value).tobytes() == np.asarray(b.memory[key]).tobytes(), key


def test_progress_counts_over_all_stages() -> None:
    seen = steps(small())
    assert [progress.iteration for progress in seen] == [1, 2, 3, 4, 5]
    assert {progress.iterations for progress in seen} == {5}
    assert [progress.stage for progress in seen] == ["pure"] * 2 + ["mixed"] * 3
    assert [progress.result.estimate.states for progress in seen] == [1, 1, 2, 2, 2]
    assert seen[-1].remaining == 0
    assert all(progress.remaining > 0 for progress in seen[:-1])
    assert all(len(progress.result.history) == progress.iteration for progress in seen)


def test_the_loss_falls_within_a_stage() -> None:
    losses = [progress.loss for progress in steps(small("stages.mixed.iterations=6"))]
    assert np.all(np.diff(losses[:2]) < 0)
    assert np.all(np.diff(losses[2:]) < 0)


def test_a_yielded_result_is_never_written_again() -> None:
    results = (progress.result for progress in reconstruct(small()))
    kept = [(result, result.estimate.object.copy(), result.estimate.probe.copy()) for result in results]
    for result, stored, probe in kept:
        assert np.array_equal(result.estimate.object, stored)
        assert np.array_equal(result.estimate.probe, probe)


@pytest.mark.parametrize("changes", RECIPES.values(), ids=RECIPES)
def test_a_run_goes_on_from_any_iteration_as_if_nothing_had_happened(
    changes: tuple[str, ...], tmp_path: Path
) -> None:
    recipe = small(*changes)
    whole = steps(recipe)
    for progress in whole[:-1] if changes == ("model.probe_modes=2",) else whole[2:3]:
        progress.result.save(tmp_path / "r.h5")
        rest = steps(recipe, Result.load(tmp_path / "r.h5"))
        assert len(rest) == len(whole) - progress.iteration
        assert_same_estimate(rest[-1].result, whole[-1].result)
        assert_same_memory(rest[-1].result, whole[-1].result)


def test_the_default_recipe_goes_on_from_the_command_line_wherever_it_was_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Inside and between its stages: the prior and the memory of displacements are part of the file."""
    recipe = standard()
    (tmp_path / "r.toml").write_text(recipe.to_toml(), encoding="utf-8")
    assert main(["run", str(tmp_path / "r.toml"), "--out", str(tmp_path / "whole.h5"), "--quiet"]) == 0
    whole = Result.load(tmp_path / "whole.h5")
    assert whole.estimate.displacement is not None
    assert {"prior", "gradient/displacement", "pairs/1/move/displacement"} <= set(whole.memory)
    for progress in steps(recipe)[:-1]:
        cut = tmp_path / f"cut{progress.iteration}.h5"
        progress.result.save(cut)
        assert main(["run", "--resume", str(cut), "--quiet"]) == 0, capsys.readouterr().err
        assert_same_estimate(Result.load(cut), whole)
        assert_same_memory(Result.load(cut), whole)


def test_more_iterations_go_on_where_the_run_ended() -> None:
    short, long = steps(small()), steps(small().with_iterations(5))
    rest = steps(small().with_iterations(5), short[-1].result)
    assert len(rest) == 2
    assert_same_estimate(rest[-1].result, long[-1].result)


def test_nothing_is_left_to_do_for_a_complete_result() -> None:
    done = steps(small())[-1].result
    assert steps(small(), done) == []


@pytest.mark.parametrize("changes", [(), ("model.probe_modes=2",)], ids=["one mode", "two modes"])
def test_the_number_of_threads_does_not_change_a_bit(changes: tuple[str, ...]) -> None:
    results = [steps(small(*changes, f"run.threads={threads}"))[-1].result for threads in (1, 3)]
    assert_same_estimate(*results)


def test_the_size_of_a_chunk_changes_only_rounding() -> None:
    first, *others = [
        steps(small(f"run.patterns_per_chunk={size}"))[-1].result for size in ("none", "1", "3", "1000")
    ]
    for other in others:
        np.testing.assert_allclose(other.history.loss, first.history.loss, rtol=1e-4)
        np.testing.assert_allclose(other.estimate.object, first.estimate.object, atol=2e-4)


def test_the_same_seed_gives_the_same_result_and_another_one_another() -> None:
    first, same, other = (steps(small(f"run.seed={seed}"))[-1].result for seed in (1, 1, 2))
    assert_same_estimate(first, same)
    assert not np.array_equal(first.estimate.object, other.estimate.object)


def test_the_motion_of_atoms_is_noted_while_states_are_displaced_copies() -> None:
    result = steps(standard("data.scan_region=[6,15,6,15]", "stages.2.iterations=4"))[-1].result
    motion = np.array(result.history.motion)
    several = [result.recipe.states_of(result.recipe.stages[index]) > 1 for index in result.history.stage]
    displaced = np.array(several)
    assert np.isnan(motion[~displaced]).all()
    assert motion[displaced][0] == pytest.approx(result.recipe.guess.spread.displacement, rel=0.6)
    found = measure(result)
    assert motion[-1] == pytest.approx(np.sqrt((found.sd**2).mean()), rel=0.35)
    assert result.history.motion_drift == pytest.approx(motion[-1] - motion[-2])


def test_states_start_different_and_stay_different() -> None:
    seen = steps(small())
    assert all(progress.separation > 0 for progress in seen if progress.stage == "mixed")
    assert all(progress.separation == 0 for progress in seen if progress.stage == "pure")


def test_only_what_fits_is_resumed() -> None:
    result = steps(small("stages.mixed.iterations=1"))[-1].result
    with pytest.raises(InputError, match=r"made from data .*; these data are"):
        steps(small("data.scan_region=[1,7,0,6]"), result)
    with pytest.raises(InputError, match=r"made from data .*; these data are"):
        steps(small("data.file=sample:si_sigma9_static"), result)
    with pytest.raises(InputError, match="another model section or object grid"):
        steps(small("model.slices=3"), result)
    with pytest.raises(InputError, match="another model section or object grid"):
        steps(small("microscope.detector_sampling=0.05"), result)
    with pytest.raises(InputError, match=r"settings that this version does not have \(model.flavour\)"):
        steps(small(), result.replace(forgotten=("model.flavour",)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("data.file=sample:gold", "There is no sample 'gold'"),
        ("data.file=/nowhere/scan.h5", "there is no such file"),
        ("data.dataset=patterns", "there is no dataset 'patterns'"),
        ("data.dataset=truth/columns_per_snapshot", "four axes"),
        ("data.scan_region=[0,6,0,99]", "the scan has 24 rows and 24 columns"),
        ("data.scan_region=[6,6,0,6]", r"data\.scan_region is \(6, 6, 0, 6\)"),
        ("data.max_angle=20", "semi-angle, 30"),
        ("microscope.semiangle=200", "larger than the detector"),
        ("microscope.defocus=5000", "wider than its window"),
        ("guess.result=/nowhere/pure.h5", "there is no such file"),
    ],
)
def test_what_does_not_fit_the_data_is_refused_in_one_sentence(change: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        next(reconstruct(small(change)))
    assert "\n" not in str(caught.value)


def test_a_mixed_run_may_start_from_a_pure_result(tmp_path: Path) -> None:
    pure = steps(small("model.states=1", "stages.mixed.iterations=1"))[-1].result
    pure.save(tmp_path / "pure.h5")
    recipe = small(f"guess.result={tmp_path / 'pure.h5'}", 'stages=[{name="mixed",iterations=1}]')
    first = steps(recipe)[0]
    assert first.result.estimate.states == 2
    # It knows the probe already, so it begins where the pure run ended and not at the first guess.
    assert first.loss < steps(small())[0].loss / 2
    other = small(f"guess.result={tmp_path / 'pure.h5'}", "model.slices=3", "stages=[{iterations=1}]")
    assert steps(other)[0].loss < steps(small())[0].loss / 2
