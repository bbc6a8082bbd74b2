from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho import checkpoint
from napari_mixedptycho.checkpoint import Saver
from napari_mixedptycho.cli import _work
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from tests.small import SMALL, options, small, steps

Run = Callable[..., Any]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(small().to_toml())
    return path


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


def small_scan(path: Path, **numbers: float) -> Path:
    """Write a corner of the sample as a file of its own, some numbers left out (NaN)."""
    from napari_mixedptycho.io import sample_path

    with h5py.File(sample_path("si_sigma9")) as sample, h5py.File(path, "w") as file:
        file["data"] = sample["data"][:6, :6]
        attributes = {**dict(sample.attrs), **numbers}
        file.attrs.update({name: value for name, value in attributes.items() if value == value})
    return path


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
    ran = run("run", path, "--set", "microscope.semiangle=30", "--quiet")
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
        ("[data]\nfile = 'flat.h5'", "no dataset of four axes"),
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


def test_checkpoints_are_written_while_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: float(next(clock)))
    saver, found = Saver(tmp_path / "r.h5", 25.0, print), []
    for progress in reconstruct(small()):
        saver.checkpoint(progress.result)
        found.append(len(Result.load(saver.out).history) if saver.out.exists() else 0)
    assert found[0] == 0
    assert 0 < max(found) <= 5
    assert sorted(found) == found


def test_without_an_interval_there_are_no_checkpoints(tmp_path: Path, made: Result) -> None:
    saver = Saver(tmp_path / "r.h5", None, print)
    saver.checkpoint(made)
    assert not saver.out.exists()


def failing(times: int) -> Callable[..., None]:
    """Return a `Result.save` that meets a full disk so many times."""
    save, left = Result.save, [times]

    def attempt(self: Result, path: Path) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(28, "No space left on device")
        save(self, path)

    return attempt


def test_a_full_disk_is_reported_once_and_the_run_goes_on(
    run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch, made: Result
) -> None:
    monkeypatch.setattr(Result, "save", failing(3))
    monkeypatch.setattr(checkpoint, "_SHARE", 0)
    out = recipe.with_name("r.h5")
    ran = run("run", recipe, "--set", "run.checkpoint=1e-9", "--out", out)
    assert ran.code == 0, ran.err
    assert ran.err.count("the checkpoint could not be written (No space left on device)") == 1
    assert np.array_equal(Result.load(out).estimate.object, made.estimate.object)


def test_a_result_that_cannot_be_written_at_the_end_takes_refuge(
    run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch, made: Result, tmp_path: Path
) -> None:
    monkeypatch.setattr(Result, "save", failing(1))
    monkeypatch.setattr(checkpoint.tempfile, "mkdtemp", lambda prefix: str(tmp_path))
    ran = run("run", recipe, "--out", recipe.with_name("r.h5"), "--quiet")
    sentence = ran.refused(code=1)
    assert "could not be written (No space left on device); the result is in" in sentence
    kept = Result.load(sentence.rsplit(" in ", 1)[1].strip().rstrip("."))
    assert np.array_equal(kept.estimate.object, made.estimate.object)


def test_a_result_that_cannot_be_written_anywhere_is_said_to_be_lost(
    run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Result, "save", failing(9))
    assert "the result is lost" in run("run", recipe, "--quiet").refused(code=1)


def stopping(error: BaseException, after: int) -> Callable[..., Iterator[Progress]]:
    def steps_until(recipe: Recipe, *rest: Any) -> Iterator[Progress]:
        for progress in reconstruct(recipe, *rest):
            yield progress
            if progress.iteration == after:
                raise error

    return steps_until


def test_interrupted_the_last_complete_iteration_is_kept(
    run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch, made: Result
) -> None:
    monkeypatch.setattr(_work, "reconstruct", stopping(KeyboardInterrupt(), 3))
    out = recipe.with_name("r.h5")
    ran = run("run", recipe, "--out", out, "--quiet")
    assert ran.code == 130
    assert "Stopped after 3 of 5 iterations" in ran.err
    assert f"saved as {out}; go on with: mixedptycho run --resume {out}" in ran.err
    assert len(Result.load(out).history) == 3
    monkeypatch.undo()
    assert run("run", "--resume", out, "--quiet").code == 0
    assert np.array_equal(Result.load(out).estimate.object, made.estimate.object)


def test_interrupted_before_the_first_iteration_nothing_is_saved(
    run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any) -> Iterator[Progress]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(_work, "reconstruct", nothing)
    ran = run("run", recipe, "--out", recipe.with_name("r.h5"), "--quiet")
    assert ran.code == 130
    assert "nothing was saved" in ran.err
    assert not recipe.with_name("r.h5").exists()


def test_an_engine_that_fails_leaves_the_last_complete_iteration(
    run: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_work, "reconstruct", stopping(MemoryError("no more"), 2))
    out = recipe.with_name("r.h5")
    assert "not enough memory" in run("run", recipe, "--out", out, "--quiet").refused(code=1)
    assert len(Result.load(out).history) == 2


@pytest.mark.skipif(os.name == "nt", reason="signals are another matter there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_real_signal_in_the_middle(recipe: Path, number: int, code: int) -> None:
    out = recipe.with_name("r.h5")
    arguments = [
        "run",
        str(recipe),
        "--out",
        str(out),
        "--iterations",
        "100000",
        "--set",
        "run.checkpoint=1e-3",
    ]
    start = "import sys; from napari_mixedptycho.cli import main; sys.exit(main(sys.argv[1:]))"
    with subprocess.Popen(
        [sys.executable, "-c", start, *arguments], stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not out.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert "saved as" in err
    assert len(Result.load(out).history) >= 1
    assert sorted(path.name for path in out.parent.iterdir()) == ["r.h5", "recipe.toml"]


def test_a_signal_while_saving_waits_until_the_file_is_complete(
    made: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Result.save

    def interrupted(self: Result, path: Path) -> None:
        signal.raise_signal(signal.SIGINT)
        save(self, path)

    monkeypatch.setattr(Result, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Saver(tmp_path / "r.h5", 1.0, print).save(made)
    monkeypatch.undo()
    assert len(Result.load(tmp_path / "r.h5").history) == 5


def test_the_small_recipe_is_what_the_options_say(run: Run, tmp_path: Path, made: Result) -> None:
    (tmp_path / "empty.toml").write_text("")
    out = tmp_path / "r.h5"
    assert run("run", tmp_path / "empty.toml", "--out", out, "--quiet", *options()).code == 0
    assert Result.load(out).recipe == made.recipe
    assert len(SMALL) == 5
