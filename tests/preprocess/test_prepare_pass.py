"""The prepare pass: a large file, preprocessed, into a new one, some rows at a time."""

from __future__ import annotations

import errno
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_mixedptycho.cli import main
from napari_mixedptycho.cli.info import describe_data
from napari_mixedptycho.data_settings import Preprocess
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.imaging import BRIGHT, look
from napari_mixedptycho.io import Layout, load, read_contents, sample_path, write_hdf5
from napari_mixedptycho.io import write as writing
from napari_mixedptycho.prepare import prepare
from napari_mixedptycho.preprocess import preprocessed
from napari_mixedptycho.stored import Stored, held
from tests.physics.toys import dataset, recipe
from tests.small import small_scan

SCAN, EDGE = 1024, 256
BYTES = SCAN * SCAN * EDGE * EDGE  # 69 GB of bytes, of which nothing is on the disk


def wish(**settings: Any) -> Preprocess:
    return Preprocess.parse(settings)


# --- what comes out -------------------------------------------------------------------------------


def test_a_file_that_was_prepared_gives_the_same_problem(tmp_path: Path) -> None:
    path = small_scan(tmp_path / "scan.h5")
    np.save(tmp_path / "mask.npy", np.arange(64 * 64).reshape(64, 64) % 401 != 7)
    settings = {
        "scan_region": [0, 5, 1, 6],
        "skip_rows": "2",
        "detector_crop": 60,
        "detector_bin": 2,
        "mask": str(tmp_path / "mask.npy"),
        "center": [31.0, 33.25],
        "flip_x": True,
    }
    words = [
        *("--scan-region", "0", "5", "1", "6", "--skip-rows", "2", "--detector-crop", "60"),
        *("--detector-bin", "2", "--mask", settings["mask"], "--center", "31", "33.25", "--flip-x"),
    ]
    assert main(["convert", str(path), str(tmp_path / "out.h5"), *map(str, words), "--quiet"]) == 0
    model = {"slices": 1, "states": 1, "padding": 1.0}
    at_once = prepare(recipe(data=settings, model=model), load(path))
    later = prepare(recipe(model=model), load(tmp_path / "out.h5"))
    np.testing.assert_array_equal(later.problem.measured, at_once.problem.measured)
    np.testing.assert_array_equal(later.problem.weight, at_once.problem.weight)
    np.testing.assert_array_equal(later.problem.skipped, at_once.problem.skipped)
    assert later.geometry == at_once.geometry
    assert later.dataset.descan is not None
    np.testing.assert_allclose(later.dataset.descan, at_once.dataset.descan)  # type: ignore[arg-type]
    assert later.dataset.dose == pytest.approx(at_once.dataset.dose)
    # And once more through a part of it.
    part = prepare(recipe(data={"scan_region": [1, 5, 0, 3]}, model=model), load(tmp_path / "out.h5"))
    assert part.dataset.skipped is not None
    assert part.dataset.skipped.sum() == 3


def test_it_says_what_it_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = small_scan(tmp_path / "scan.h5", electrons_per_pattern=1.0)
    with h5py.File(path, "a") as file:
        counts = np.rint(160_000 * file["data"][...])
        file["data"][...] = counts
    words = ["--detector-bin", "2", "--cast", "uint16"]
    assert main(["convert", str(path), str(tmp_path / "out.h5"), *words]) == 0
    told = capsys.readouterr().err
    assert "2 × 2 detector pixels are added up" in told
    assert "6 × 6 patterns of 32 × 32 px, uint16, " in told
    assert "before compression; about " in told
    assert "6 of 6 rows, 100%" in told
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["data"].dtype == np.uint16
    # Its history comes along, and is told with it.
    assert load(tmp_path / "out.h5").notes == read_contents(tmp_path / "out.h5").notes
    assert any("added up" in note for note in load(tmp_path / "out.h5").notes)
    emd = ["--skip-rows", "1"]
    assert main(["convert", str(path), str(tmp_path / "out.emd"), *emd]) == 0
    assert "EMD 1.0 has no place for: skipped; write .h5" in capsys.readouterr().err


def test_numbers_that_do_not_fit_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = np.full((2, 2, 16, 16), 300, np.int32)
    words = ["convert", str(tmp_path / "scan.h5"), str(tmp_path / "out.h5"), "--cast", "uint8"]
    assert main(words) == 2
    assert "uint8 cannot hold" in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["scan.h5"]


def test_unknown_numbers_stay_unknown(tmp_path: Path) -> None:
    np.save(tmp_path / "scan.npy", np.ones((4, 5, 16, 18), np.float32))
    contents = read_contents(tmp_path / "scan.npy")
    found = preprocessed(contents, wish(scan_every=2, detector_crop=14, bad_pixels="auto"))
    assert found.numbers == {}
    assert found.patterns.shape == (2, 3, 14, 14)
    assert not any("Å" in note or "mrad" in note for note in found.notes)


def test_units_that_are_not_counts_do_not_become_counts(tmp_path: Path) -> None:
    contents = read_contents(sample_path("si_sigma9"))
    numbers = {name: value for name, value in contents.numbers.items() if name != "electrons_per_unit"}
    unknown = type(contents)(contents.path, "", np.ones((2, 2, 16, 16), np.uint16), numbers)
    for _ in write_hdf5(unknown, tmp_path / "a.h5"):
        pass
    assert load(tmp_path / "a.h5").electrons_per_unit is None


# --- stopped half-way -----------------------------------------------------------------------------


def test_nothing_is_left_of_a_pass_that_is_cancelled(tmp_path: Path) -> None:
    contents = read_contents(sample_path("si_sigma9"))
    steps = write_hdf5(contents, tmp_path / "a.h5")
    next(steps)
    assert not (tmp_path / "a.h5").exists()
    assert [entry.suffix for entry in tmp_path.iterdir()] == [".part"]
    steps.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


def test_nor_of_one_that_ctrl_c_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any) -> NDArray[Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_fitted", interrupted)
    assert main(["convert", "sample:si_sigma9", str(tmp_path / "a.h5")]) == 130
    assert "is not written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nor_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> NDArray[Any]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing, "_fitted", full)
    assert main(["convert", "sample:si_sigma9", str(tmp_path / "a.h5")]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# --- larger than memory ---------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "large.raw"
    with path.open("wb") as file:
        file.truncate(BYTES)
    if path.stat().st_blocks * 512 > 2**20:
        path.unlink()
        pytest.skip("the file system does not keep holes in files")
    with path.open(
        "r+b"
    ) as file:  # the region that is prepared, and the points a first look sees, hold light
        for row in range(4):
            file.seek((row * SCAN) * EDGE * EDGE)
            file.write(np.full(3 * EDGE * EDGE, row + 1, np.uint8).tobytes())
    yield path
    path.unlink()


LAYOUT = Layout(detector_shape=(EDGE, EDGE), number_type="uint8", scan_shape=(SCAN, SCAN))


class Counting:
    """Counts the patterns that are read of an array."""

    def __init__(self, source: Any) -> None:
        self.inner, self.shape, self.dtype, self.patterns = source, source.shape, source.dtype, 0

    def __getitem__(self, where: Any) -> NDArray[Any]:
        values = np.array(self.inner[where])
        self.patterns += values.size // (EDGE * EDGE)
        return values


def test_a_file_larger_than_memory(large: Path, tmp_path: Path) -> None:
    assert large.stat().st_size == 2**36
    contents = read_contents(large, layout=LAYOUT)
    counting = Counting(contents.patterns)
    counted = type(contents)(contents.path, "", counting, contents.numbers)
    tracemalloc.start()

    # A first look.
    budget = 2**25
    *_, images = look(counting, budget=budget)
    assert images.done == 1.0
    assert images.sums[BRIGHT].shape[0] > 16
    # The disk is looked for on some patterns before.
    assert counting.patterns * EDGE * EDGE <= 2 * budget
    assert tracemalloc.get_traced_memory()[1] < 3 * 2**26

    # What it holds.
    counting.patterns = 0
    facts, _ = describe_data(counted)
    assert facts["bytes"] == 2**36
    assert counting.patterns <= 1024 + 2 * SCAN  # some from all over the scan, and two rows for the fly-back

    # A part of it, prepared; the background is a mean over rows that must be read.
    counting.patterns = 0
    tracemalloc.reset_peak()
    part = wish(scan_region=[0, 4, 0, 3], detector_bin=4, dark_region=[8, 10, 0, 64])
    for _ in write_hdf5(preprocessed(counted, part), tmp_path / "part.h5"):
        pass
    assert counting.patterns == 12 + 128
    assert tracemalloc.get_traced_memory()[1] < 4 * writing.BLOCK
    tracemalloc.stop()
    found = np.asarray(read_contents(tmp_path / "part.h5").patterns[...])
    expected = 16 * (np.arange(4) + 1)
    np.testing.assert_array_equal(found, np.broadcast_to(expected[:, None, None, None], found.shape))


def test_a_pass_holds_no_more_than_it_says(tmp_path: Path) -> None:
    # A row of the scan alone is four times what is held at once.
    shape = (2, 4096, EDGE, EDGE)
    source = np.broadcast_to(np.uint8(3), shape)
    contents = type(read_contents(sample_path("si_sigma9")))(tmp_path / "x.raw", "", source, {})
    lazily = preprocessed(contents, wish(detector_bin=16, skip_rows="1", negative="zero"))
    assert isinstance(lazily.patterns, Stored)
    assert held(lazily.patterns) == 4 * EDGE * EDGE
    tracemalloc.start()
    for _ in write_hdf5(lazily, tmp_path / "a.h5"):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * writing.BLOCK
    assert (np.asarray(read_contents(tmp_path / "a.h5").patterns[1, ::500]) == 3 * 256).all()


def test_a_missing_image_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such dark image"):
        prepare(recipe(data={"dark": str(tmp_path / "dark.npy")}), dataset())
    assert main(["convert", "sample:si_sigma9", str(tmp_path / "a.h5"), "--dark", "nowhere.npy"]) == 2
    assert list(tmp_path.iterdir()) == []
