from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import History, Result
from tests.small import small, steps


@pytest.fixture(scope="module")
def result() -> Result:
    return steps(small("model.probe_modes=2"))[-1].result


def assert_same(a: Result, b: Result) -> None:
    """Equal in all they hold, arrays bit for bit."""
    assert a.recipe == b.recipe
    assert a.geometry == b.geometry
    assert a.history == b.history
    assert dict(a.versions) == dict(b.versions)
    assert (a.name, a.data_hash, a.scan_shape) == (b.name, b.data_hash, b.scan_shape)
    for entry in fields(a.estimate):
        identical(getattr(a.estimate, entry.name), getattr(b.estimate, entry.name))
    assert set(a.memory) == set(b.memory)
    for key in a.memory:
        identical(a.memory[key], b.memory[key])


def identical(a: Any, b: Any) -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    assert a.tobytes() == b.tobytes()


def test_a_saved_result_comes_back_bit_for_bit(result: Result, tmp_path: Path) -> None:
    result.save(tmp_path / "r.h5")
    assert_same(Result.load(tmp_path / "r.h5"), result)
    assert [path.name for path in tmp_path.iterdir()] == ["r.h5"]


def test_saving_makes_missing_folders(result: Result, tmp_path: Path) -> None:
    result.save(tmp_path / "a" / "b" / "r.h5")
    assert (tmp_path / "a" / "b" / "r.h5").is_file()


def test_a_result_file_holds_no_pickles(result: Result, tmp_path: Path) -> None:
    result.save(tmp_path / "r.h5")
    kinds = set()
    with h5py.File(tmp_path / "r.h5") as file:
        file.visititems(lambda _, node: kinds.add(node.dtype.kind) if hasattr(node, "dtype") else None)
        assert h5py.check_string_dtype(file["recipe.toml"].dtype)
        assert file["estimate/object"].dtype == np.float32
    assert kinds <= set("fciuO")  # O: the text of the recipe
    assert b"cpickle" not in (tmp_path / "r.h5").read_bytes().lower()


def test_pictures_follow_from_the_estimate(result: Result) -> None:
    states, slices, *shape = result.estimate.object.shape
    assert result.phase().shape == (states, slices, *shape)
    assert result.projected_phase().shape == (states, *shape)
    np.testing.assert_allclose(result.mean_phase(), result.phase().sum(axis=1).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(result.state_spread(), result.projected_phase().std(axis=0), rtol=1e-6)
    assert (result.amplitude() == 1).all()
    assert result.scan_extent == pytest.approx((2.0, 2.0))
    assert result.slice_spacing == pytest.approx(7.68 / 2, rel=1e-3)


def test_phase_and_amplitude_of_a_complex_object(result: Result) -> None:
    transmission = (0.9 * np.exp(1j * result.estimate.object)).astype(np.complex64)
    estimate = result.estimate.with_blocks({"object": transmission})
    other = result.replace(estimate=estimate)
    np.testing.assert_allclose(other.phase(), result.phase(), atol=1e-6)
    np.testing.assert_allclose(other.amplitude(), 0.9, rtol=1e-6)


def test_history_grows_by_copies() -> None:
    first = History().add(loss=1.0, seconds=0.1, evaluations=2.0, separation=0.0, stage=0)
    second = first.add(loss=0.5, seconds=0.1, evaluations=1.0, separation=0.1, stage=1)
    assert (len(History()), len(first), len(second)) == (0, 1, 2)
    assert second.loss == (1.0, 0.5)


KILLED = """
import os, signal, sys
from napari_mixedptycho.result import Result

result = Result.load(sys.argv[1])
write = Result._write

def killed(self, file):
    write(self, file)
    file.flush()  # as much as possible is on the disk
    os.kill(os.getpid(), signal.SIGKILL)

Result._write = killed
result.replace(name="half written").save(sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_while_saving_the_earlier_file_stays(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    result.save(path)
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert_same(Result.load(path), result)
    # What the killed program left behind is in nobody's way.
    result.replace(name="again").save(path)
    assert Result.load(path).name == "again"
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.h5"]


def test_a_full_disk_is_an_error_and_the_earlier_file_stays(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.h5"
    result.save(path)
    before = path.read_bytes()

    def full(self: Result, file: h5py.File) -> None:
        file["estimate/object"] = self.estimate.object
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Result, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        result.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.h5"]


LIMITED = """
import resource, sys
from napari_mixedptycho.result import Result

result = Result.load(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    result.save(sys.argv[1])
except OSError as error:
    print("refused")
    sys.exit(0)
sys.exit(3)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_disk_that_is_really_full_is_survived(result: Result, tmp_path: Path, share: float) -> None:
    path = tmp_path / "r.h5"
    result.save(path)
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(int(share * len(before)))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "refused"), done.stderr
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.h5"]


def test_what_is_not_a_result_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.h5: there is no such file"):
        Result.load(tmp_path / "nothing.h5")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(InputError, match=r"data\.h5: this HDF5 file is not a result"):
        Result.load(tmp_path / "data.h5")
    (tmp_path / "text.h5").write_text("text")
    with pytest.raises(InputError, match=r"text\.h5: the result cannot be read"):
        Result.load(tmp_path / "text.h5")


@pytest.mark.parametrize("keep", [0.05, 0.5, 0.99])
def test_a_truncated_result_is_refused(result: Result, tmp_path: Path, keep: float) -> None:
    path = tmp_path / "r.h5"
    result.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(InputError, match=r"r\.h5: the result cannot be read") as caught:
        Result.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("entry", ["recipe.toml", "estimate/probe", "geometry", "history/stage", "versions"])
def test_a_result_that_lacks_something_is_refused(result: Result, tmp_path: Path, entry: str) -> None:
    path = tmp_path / "r.h5"
    result.save(path)
    with h5py.File(path, "r+") as file:
        del file[entry]
    with pytest.raises(InputError, match=r"r\.h5: the result cannot be read"):
        Result.load(path)
    if entry == "versions":
        return
    with h5py.File(path, "r+") as file:
        file[entry] = np.zeros((2, 3))
    with pytest.raises(InputError, match=r"r\.h5: the result cannot be read"):
        Result.load(path)


def test_a_result_of_a_newer_version_says_so(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    result.save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(InputError, match="a newer version wrote this result"):
        Result.load(path)


def test_settings_of_another_version_are_left_out_and_told(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    text = result.recipe.with_set("model.slices=3").to_toml()
    text = text.replace("[model]", "[model]\nflavour = 'strange'", 1).replace('"displaced"', '"folded"')
    rewrite(result, path, text)
    loaded = Result.load(path)
    assert set(loaded.forgotten) == {"model.flavour", "guess.spread"}
    assert loaded.recipe.model.slices == 3, "what is known is kept"
    np.testing.assert_array_equal(loaded.estimate.object, result.estimate.object)
    loaded.save(path)
    assert Result.load(path).forgotten == loaded.forgotten, "also after it was saved by this version"


def test_a_recipe_that_is_none_is_refused(result: Result, tmp_path: Path) -> None:
    rewrite(result, tmp_path / "r.h5", "[model")
    with pytest.raises(InputError, match=r"r\.h5: this is not valid TOML"):
        Result.load(tmp_path / "r.h5")


def rewrite(result: Result, path: Path, recipe: str) -> None:
    """Save a result with another recipe."""
    result.save(path)
    with h5py.File(path, "r+") as file:
        del file["recipe.toml"]
        file["recipe.toml"] = recipe
