from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.cli import _work
from napari_mixedptycho.result import Result
from tests.small import SMALL, options, small, small_scan, steps

Run = Callable[..., Any]


def test_from_recipe_to_result(run: Run, recipe: Path, made: Result) -> None:
    out = recipe.with_name("out.h5")
    ran = run("run", recipe, "--out", out)
    assert ran.code == 0, ran.err
    result = Result.load(out)
    assert np.array_equal(result.estimate.object, made.estimate.object)
    first, *_, last = ran.err.splitlines()
    assert first.startswith("si_sigma9: 6×6 patterns of 64×64 px; 2 states × 2 slices × 1 probe mode")
    assert " MB of memory; " in first
    assert "5/5 mixed: loss " in ran.err
    assert "s per iteration" in ran.err
    assert last.endswith(f"saved as {out}")


def test_quiet_says_nothing(run: Run, recipe: Path) -> None:
    ran = run("run", recipe, "--quiet", "--iterations", 1)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert len(Result.load(recipe.with_suffix(".result.h5")).history) == 3


def test_options_change_the_recipe(run: Run, recipe: Path) -> None:
    ran = run(
        "run", recipe, "--set", "stages.pure.iterations=1", "--iterations", 1, "--device", "cpu", "--set",
        "run.seed=5", "--quiet",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    found = Result.load(recipe.with_suffix(".result.h5")).recipe
    assert [stage.iterations for stage in found.stages] == [1, 1]
    assert (found.run.device, found.run.seed) == ("cpu", 5)


def test_data_are_looked_for_beside_the_recipe_and_kept_as_an_absolute_path(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "experiment"
    folder.mkdir()
    small_scan(folder / "scan.h5")
    (folder / "r.toml").write_text(small("data.scan_region=none", "data.file=scan.h5").to_toml())
    monkeypatch.chdir(tmp_path)
    assert run("run", "experiment/r.toml", "--out", "r.h5", "--iterations", 1, "--quiet").code == 0
    assert Result.load("r.h5").recipe.data.file == str((folder / "scan.h5").resolve())
    monkeypatch.chdir(folder)  # so it resumes from anywhere
    assert run("run", "--resume", "../r.h5", "--iterations", 2, "--quiet").code == 0
    assert len(Result.load("../r.h5").history) == 4


def test_a_number_that_the_file_lacks_may_stand_in_the_recipe(run: Run, tmp_path: Path) -> None:
    small_scan(tmp_path / "scan.h5", semiangle_mrad=np.nan, thickness_A=np.nan)
    path = tmp_path / "r.toml"
    path.write_text(small("data.scan_region=none", "data.file=scan.h5").to_toml())
    sentence = run("run", path).refused()
    assert "semiangle_mrad is missing" in sentence
    ran = run("run", path, "--set", "microscope.semiangle=30")
    assert "thickness" in ran.refused()
    wanted = ("--set", "microscope.semiangle=30", "--set", "model.thickness=7.68", "--quiet")
    assert run("run", path, *wanted).code == 0


def test_resume_goes_on_identically_with_the_results_own_recipe(
    run: Run, tmp_path: Path, made: Result
) -> None:
    half = steps(small())[2].result
    half.save(tmp_path / "half.h5")
    ran = run("run", "--resume", tmp_path / "half.h5", "--out", tmp_path / "whole.h5")
    assert ran.code == 0, ran.err
    assert np.array_equal(Result.load(tmp_path / "whole.h5").estimate.object, made.estimate.object)
    assert len(Result.load(tmp_path / "half.h5").history) == 3


def test_resume_continues_in_place_and_a_complete_result_says_so(run: Run, saved: Path) -> None:
    ran = run("run", "--resume", saved)
    assert ran.code == 0
    assert "is complete: ask for more with --iterations" in ran.err
    assert run("run", "--resume", saved, "--iterations", 4, "--quiet").code == 0
    assert len(Result.load(saved).history) == 6


def test_a_complete_result_is_copied_where_it_is_wanted(run: Run, saved: Path) -> None:
    assert run("run", "--resume", saved, "--out", saved.with_name("copy.h5"), "--quiet").code == 0
    assert len(Result.load(saved.with_name("copy.h5")).history) == 5


def test_other_data_are_not_resumed(run: Run, saved: Path) -> None:
    ran = run("run", "--resume", saved, "--set", "data.file=sample:si_sigma9_static", "--quiet")
    assert "made from data" in ran.refused()


def test_data_that_have_moved_are_asked_for(run: Run, made: Result, tmp_path: Path) -> None:
    gone = made.replace(recipe=made.recipe.with_set("data.file=/gone/scan.h5"))
    gone.save(tmp_path / "r.h5")
    assert "--set data.file=PATH" in run("run", "--resume", tmp_path / "r.h5").refused()
    ran = run("run", "--resume", tmp_path / "r.h5", "--set", "data.file=sample:si_sigma9", "--iterations", 4)
    assert ran.code == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[model]\nstats = 2", "unknown key 'model.stats'"),
        ("[model]\nstates = 0", "'model.states': input should be greater than or equal to 1, found 0"),
        ("[data]\nfile = 'scan.h5'", "scan.h5: there is no such file"),
        ("[data]\nfile = 'recipe.toml'", "files of kind '.toml' cannot be read"),
        ("[data]\nfile = 'sample:gold'", "no sample 'gold'"),
        ("[data]\nfile = 'flat.h5'", "does not say the shape of the scan"),
        ("[data]\nfile = 'cut.h5'", "not a readable HDF5 file"),
        ("[data]\nfile = 'result.h5'", "this is a result, not data"),
        ("[guess]\nresult = 'pure.h5'", "pure.h5: there is no such file"),
        ("model = ", "not valid TOML"),
        ("[run]\ndevice = 'gpu'", "GPU"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    run: Run, saved: Path, text: str, sentence: str
) -> None:
    folder = saved.parent
    with h5py.File(folder / "flat.h5", "w") as file:
        file["data"] = np.zeros((36, 64, 64))
    (folder / "cut.h5").write_bytes(saved.read_bytes()[:100])
    (folder / "recipe.toml").write_text(text)
    if "gpu" in text and _has_gpu():
        pytest.skip("there is a GPU")
    ran = run("run", folder / "recipe.toml", "--out", folder / "new.h5", "--quiet")
    assert sentence in ran.refused()
    assert not (folder / "new.h5").exists()


def _has_gpu() -> bool:
    from napari_mixedptycho._array import select

    return select("auto") is not np


def test_neither_recipe_nor_result_or_one_that_is_not_there(run: Run, tmp_path: Path) -> None:
    assert "Give a recipe" in run("run").refused()
    assert "no such file" in run("run", tmp_path / "nothing.toml").refused()
    assert "no such file" in run("run", "--resume", tmp_path / "nothing.h5").refused()


def test_only_results_are_overwritten(run: Run, recipe: Path, saved: Path) -> None:
    folder = recipe.parent
    notes = folder / "notes.h5"
    notes.write_text("years of work")
    assert "is not a result" in run("run", recipe, "--out", notes).refused()
    assert notes.read_text() == "years of work"
    data = small_scan(folder / "scan.h5")
    ran = run("run", recipe, "--set", f"data.file={data}", "--set", "data.scan_region=none", "--out", data)
    assert "this is the data file" in ran.refused()
    assert "this is a folder" in run("run", recipe, "--out", folder).refused()
    assert run("run", recipe, "--out", saved, "--iterations", 1, "--quiet").code == 0
    assert len(Result.load(saved).history) == 3


def test_a_place_that_cannot_be_written_is_refused_before_the_run(
    run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_work, "reconstruct", lambda *_: pytest.fail("the run was started"))
    blocked = recipe / "sub" / "r.h5"  # below a file
    assert "cannot be written to" in run("run", recipe, "--out", blocked).refused()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything is writable for root")
def test_a_read_only_folder_is_refused(run: Run, recipe: Path) -> None:
    folder = recipe.parent / "closed"
    folder.mkdir(mode=0o500)
    assert "cannot be written to" in run("run", recipe, "--out", folder / "r.h5").refused()


def test_the_small_recipe_is_what_the_options_say(run: Run, tmp_path: Path, made: Result) -> None:
    (tmp_path / "empty.toml").write_text("")
    out = tmp_path / "r.h5"
    assert run("run", tmp_path / "empty.toml", "--out", out, "--quiet", *options()).code == 0
    assert Result.load(out).recipe == made.recipe
    assert len(SMALL) == 5


def test_a_quick_look_is_one_state_and_one_slice(run: Run, recipe: Path, saved: Path) -> None:
    ran = run("run", recipe, "--quick", "--quiet")
    assert ran.code == 0, ran.err
    found = Result.load(recipe.with_suffix(".quick.h5"))
    assert found.estimate.object.shape[:2] == (1, 1)
    assert "nothing to resume" in run("run", "--quick", "--resume", saved).refused()
