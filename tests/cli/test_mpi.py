"""Several processes of one run, as `mpiexec` starts them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.io import sample_path
from napari_mixedptycho.result import Result
from tests.small import small, steps

_BESIDE_PYTHON = Path(sys.executable).parent
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(_BESIDE_PYTHON), os.environ.get("PATH", "")]))

pytestmark = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None,
    reason="mpiexec or mpi4py is not there (extra mpi, and an MPI library such as mpich)",
)


def command(count: int, *arguments: object) -> list[str]:
    program = "import sys; from napari_mixedptycho.cli import main; sys.exit(main())"
    return [str(MPIEXEC), "-n", str(count), sys.executable, "-c", program, *map(str, arguments)]


def mpiexec(count: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(count, *arguments), capture_output=True, text=True)


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    recipe = small("data.hold_out=5")
    (tmp_path / "recipe.toml").write_text(recipe.to_toml())
    done = mpiexec(2, "run", tmp_path / "recipe.toml")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("2 processes") == 1
    assert done.stderr.count("saved as") == 1
    found, expected = Result.load(tmp_path / "recipe.result.h5"), steps(recipe)[-1].result
    assert found.history.loss == expected.history.loss
    assert found.history.held_out == expected.history.held_out
    np.testing.assert_array_equal(found.estimate.object, expected.estimate.object)
    # Each holds a part of patterns that are too large for one, and it goes on with as many as one likes.
    longer = recipe.with_iterations(4)
    (tmp_path / "recipe.toml").write_text(longer.with_set("run.data_memory=2e-4").to_toml())
    done = mpiexec(3, "run", tmp_path / "recipe.toml", "--resume", tmp_path / "recipe.result.h5")
    assert done.returncode == 0, done.stderr
    more = Result.load(tmp_path / "recipe.result.h5").history.loss
    expected_more = steps(longer, expected)[-1].result.history.loss
    np.testing.assert_allclose(more, expected_more, rtol=1e-5)


def test_mini_batches_of_processes_that_hold_only_their_tiles(tmp_path: Path) -> None:
    recipe = small("stages.mixed.solver.kind=gradient_descent", "stages.mixed.patterns_per_update=10")
    (tmp_path / "recipe.toml").write_text(recipe.with_set("run.data_memory=4e-4").to_toml())
    done = mpiexec(2, "run", tmp_path / "recipe.toml")
    assert done.returncode == 0, done.stderr
    found = Result.load(tmp_path / "recipe.result.h5").history.loss
    np.testing.assert_allclose(found, steps(recipe)[-1].result.history.loss, rtol=1e-5)


def test_bad_input_is_refused_once_and_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(small("data.scan_region=[0,60,0,60]").to_toml())
    done = mpiexec(2, "run", tmp_path / "recipe.toml")
    assert done.returncode == 2
    assert done.stderr.count("data.scan_region is") == 1


def test_other_commands_are_not_shared(tmp_path: Path) -> None:
    done = mpiexec(2, "demo", "--out", tmp_path / "demo")
    assert done.returncode == 2
    assert "only `mixedptycho run` shares its work" in done.stderr
    assert not (tmp_path / "demo").exists()


def test_a_process_that_dies_ends_the_run_and_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    data = tmp_path / "scan.h5"
    shutil.copy(sample_path("si_sigma9"), data)
    changes = ("run.checkpoint=0.01", 'stages=[{name="mixed",iterations=1000}]', f'data.file="{data}"')
    (tmp_path / "recipe.toml").write_text(small(*changes).to_toml())
    words = command(2, "run", tmp_path / "recipe.toml")
    run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        kept, deadline = tmp_path / "recipe.result.h5", time.monotonic() + 120
        while not kept.exists():
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        victims = children(run.pid)
        os.kill(max(victims), 9)
        text, _ = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode != 0
    assert text, "nothing was said"
    assert len(Result.load(kept).history) >= 1


def children(parent: int) -> list[int]:
    """Return the Python processes below a process, in any depth."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = status.read_text().rsplit(")", 1)
        except OSError:
            continue
        number, above = int(status.parent.name), int(rest.split()[1])
        if above == parent:
            found += children(number)
            found += [number] if "python" in name else []
    return found


def test_a_part_that_fails_ends_the_run_with_its_reason_and_keeps_the_result(tmp_path: Path) -> None:
    """A data file that a process can no longer read."""
    data = tmp_path / "scan.h5"
    with h5py.File(sample_path("si_sigma9")) as sample, h5py.File(data, "w") as file:
        file["data"] = sample["data"][:6, :6]
        file.attrs.update(dict(sample.attrs))
    program = (
        "import sys\n"
        "from napari_mixedptycho.cli import main\n"
        "from napari_mixedptycho.engine.view import View\n"
        "lane, calls = View.lane, []\n"
        "def broken(self, indices):\n"
        "    calls.append(1)\n"
        "    if self.problem.comm.rank == 1 and len(calls) > 40:\n"
        "        raise OSError('the disk is gone')\n"
        "    return lane(self, indices)\n"
        "View.lane = broken\n"
        "sys.exit(main())\n"
    )
    (tmp_path / "recipe.toml").write_text(small(f'data.file="{data}"').to_toml())
    done = subprocess.run(
        [str(MPIEXEC), "-n", "2", sys.executable, "-c", program, "run", str(tmp_path / "recipe.toml")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "process 1 failed with OSError: the disk is gone" in done.stderr
    assert 1 <= len(Result.load(tmp_path / "recipe.result.h5").history) < 5
