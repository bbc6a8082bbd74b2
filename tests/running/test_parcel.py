"""Messages between processes: what arrives is what was sent, and arrays are not copied on the way."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.errors import DivergedError, FarError, InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.running import parcel
from napari_mixedptycho.running.parcel import pack, receive, send
from napari_mixedptycho.stored import Stored
from tests.small import small
from tests.strict_device import install


def there_and_back(message: Any, folder: Path) -> Any:
    stream = io.BytesIO()
    send(stream, pack(message), folder)
    stream.seek(0)
    return receive(stream)


def test_large_arrays_arrive_uncopied_and_leave_no_file(tmp_path: Path) -> None:
    sent = {
        "wave": np.arange(3 * 2**18, dtype=np.complex64).reshape(3, 512, 512),
        "odd": np.arange(2**20 + 7, dtype=np.uint8),
        "fortran": np.asfortranarray(np.random.default_rng(0).normal(size=(300, 400))),
        "none": np.zeros((0, 3)),
        "text": "Å",
    }
    found = there_and_back(sent, tmp_path)
    assert found.keys() == sent.keys()
    assert found["text"] == "Å"
    for name in ("wave", "odd", "fortran", "none"):
        np.testing.assert_array_equal(found[name], sent[name])
        assert found[name].dtype == sent[name].dtype
    assert not found["wave"].flags.owndata
    assert not found["wave"].flags.writeable
    assert found["wave"].ctypes.data % 64 == 0
    assert not list(tmp_path.iterdir())


def test_without_room_for_a_file_they_take_the_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = np.random.default_rng(0).normal(size=(3, 300, 300))
    written = []

    def full(file: io.FileIO, part: memoryview) -> None:
        written.append(part.nbytes)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parcel, "_write", full)
    np.testing.assert_array_equal(there_and_back(sent, tmp_path), sent)
    assert written
    assert not list(tmp_path.iterdir())


def test_a_message_cut_off_is_the_end(tmp_path: Path) -> None:
    stream = io.BytesIO()
    send(stream, pack({"a": np.arange(1000)}), tmp_path)
    with pytest.raises(EOFError):
        receive(io.BytesIO(stream.getvalue()[:-500]))
    with pytest.raises(EOFError):
        receive(io.BytesIO())


def test_what_lies_in_a_file_is_opened_there_again(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 99, (5, 6, 16, 16)).astype(np.uint16)
    path = tmp_path / "patterns.h5"
    with h5py.File(path, "w") as file:
        file["a/b"] = values
    with h5py.File(path, "r") as file:
        plain = Dataset(file["a/b"], 60e3, 30, 0.3, 0.1, name="five")
        part = plain.replace(patterns=Stored.of(file["a/b"]).cut(1, 4, 2, 5).crop(2, 10))
        assert plain.values.shape == values.shape
        hashed = plain.hash
        heads = [pack(plain), pack(part)]
        found = [there_and_back(one, tmp_path) for one in (plain, part)]
    assert all(len(head) + sum(b.raw().nbytes for b in bs) < values.nbytes / 4 for head, bs in heads)
    assert isinstance(found[0].patterns, h5py.Dataset)
    assert found[0].hash == hashed
    np.testing.assert_array_equal(found[0].values, values)
    np.testing.assert_array_equal(found[1].patterns[...], values[1:4, 2:5, 2:10, 2:10])


def test_parts_of_memory_maps_are_mapped_again(tmp_path: Path) -> None:
    record = np.dtype([("head", "u1", 5), ("pattern", ">u2", (8, 8))])
    values = np.zeros(12, record)
    values["pattern"] = np.random.default_rng(0).integers(0, 99, (12, 8, 8))
    path = tmp_path / "raw.bin"
    path.write_bytes(b"head" * 1500 + values.tobytes())
    mapped = np.memmap(path, record, "r", 6000, (12,))
    parts = [
        mapped["pattern"],
        mapped["pattern"].reshape(3, 4, 8, 8)[1:, ::2, ::-1],
        mapped["pattern"][3:, 1],
    ]
    for part in parts:
        head, buffers = pack(part)
        assert not buffers
        assert len(head) < 500
        found = pickle.loads(head)
        assert isinstance(found, np.memmap)
        np.testing.assert_array_equal(found, part)
    # What is no map any more is handed over itself.
    added = mapped["pattern"] + 1
    np.testing.assert_array_equal(there_and_back(added, tmp_path), added)


def test_progress_arrives_whole(tmp_path: Path) -> None:
    *_, last = reconstruct(small())
    found = there_and_back(last, tmp_path)
    assert found.result.history == last.result.history
    assert found.result.recipe == last.result.recipe
    assert found.result.geometry == last.result.geometry
    assert found.health.signs() == last.health.signs()
    assert found.result.memory.keys() == last.result.memory.keys()
    for name, value in vars(last.result.estimate).items():
        np.testing.assert_array_equal(getattr(found.result.estimate, name), value)


def test_what_lies_on_a_device_comes_to_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    xp = install(monkeypatch)
    wave = np.ones((1, 8, 8), np.complex64)
    estimate = Estimate(xp.asarray(np.ones((2, 1, 9, 9))), xp.asarray(wave), np.zeros((3, 2))).by_and_by()
    found = there_and_back({"estimate": estimate, "memory": xp.asarray(wave)}, tmp_path)
    assert type(found["estimate"]) is Estimate
    assert isinstance(found["estimate"].object, np.ndarray)
    np.testing.assert_array_equal(found["memory"], wave)
    assert isinstance(found["memory"], np.ndarray)


class OddError(Exception):
    """Cannot be made anew of what it says."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} of {two}")


class DeviceFullError(MemoryError):
    """As CuPy's."""


def test_errors_are_understood_without_what_raised_them(tmp_path: Path) -> None:
    for error in (InputError("no file"), DivergedError("the probe"), OSError(28, "No space left", "/a")):
        found = there_and_back(error, tmp_path)
        assert type(found) is type(error)
        assert str(found) == str(error)
    assert str(there_and_back(OddError(1, 2), tmp_path)) == "OddError: 1 of 2"
    assert isinstance(there_and_back(OddError(1, 2), tmp_path), FarError)
    assert type(there_and_back(DeviceFullError("3 bytes"), tmp_path)) is MemoryError


def test_the_sample_and_an_array_in_memory_are_handed_over(tmp_path: Path) -> None:
    dataset = open_dataset(small())
    found = there_and_back(dataset, tmp_path)
    assert found.hash == dataset.hash
    assert found.truth is not None
    array = dataset.replace(patterns=np.asarray(dataset.values))
    assert there_and_back(array, tmp_path).hash == dataset.hash
