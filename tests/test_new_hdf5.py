"""A disk that is full while HDF5 writes: told as an error, and the process lives on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.new_hdf5 import new_hdf5


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(40, 40))

    def fill(file: h5py.File) -> None:
        chunks = file.create_dataset("packed", (40, 40), "f8", chunks=(1, 40), compression="gzip")
        chunks[10:] = values[10:]
        file["group/whole"] = values
        file.attrs["name"] = "sigma"
        np.testing.assert_array_equal(chunks[10:], values[10:])

    new_hdf5(tmp_path / "a.h5", fill)
    with h5py.File(tmp_path / "a.h5", "r") as file:
        np.testing.assert_array_equal(file["group/whole"][...], values)
        np.testing.assert_array_equal(file["packed"][10:], values[10:])
        assert file.attrs["name"] == "sigma"


_FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from napari_mixedptycho.new_hdf5 import new_hdf5

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that must not grow fails as on a full disk
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

def fill(file):
    packed = file.create_dataset("packed", (200, 512), "f8", chunks=(1, 512), compression="gzip")
    packed[...] = np.random.default_rng(0).normal(size=(200, 512))
    for name in range(30):
        file[f"group/{name}"] = np.arange(name + 1)
        file.attrs[f"number{name}"] = name

try:
    new_hdf5(Path(sys.argv[1]), fill)
except OSError as error:
    print("told:", error.strerror, error.filename)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
@pytest.mark.parametrize("limit", [0, 1000, 100_000, 700_000, 790_000, 800_000, 805_000])
def test_a_full_disk_is_an_error_and_not_a_crash(limit: int, tmp_path: Path) -> None:
    command: list[Any] = [sys.executable, "-c", _FULL, str(tmp_path / "a.h5"), str(limit)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert ended.stdout.startswith("told: File too large")


def test_other_errors_pass(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        new_hdf5(tmp_path / "a.h5", fill)
    with pytest.raises(FileNotFoundError):
        new_hdf5(tmp_path / "nowhere" / "a.h5", fill)
