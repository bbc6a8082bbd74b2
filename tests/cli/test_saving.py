"""What is saved, whatever happens to a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho import checkpoint
from napari_mixedptycho.checkpoint import Saver
from napari_mixedptycho.cli import _work
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from tests.small import small

Run = Callable[..., Any]


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
