"""Heaps of texts anywhere in a file are looked at before HDF5 goes round in one."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import heaps, read_contents


def with_text_between(path: Path, *, chunked: bool) -> int:
    """Write two large datasets, mostly not on the disk, and a text between; return where its heap is."""
    shape = (40, 40, 128, 256)  # 105 MB each
    chunks = (40, 40, 128, 64) if chunked else None
    with h5py.File(path, "w") as file:
        first = file.create_dataset("data", shape, np.uint16, chunks=chunks)
        first[0, 0, 0, 0] = 1
        if chunked:
            first[0, 0, 0, 200] = 1
        file.attrs["text"] = "what lies in a heap of texts"
        file.attrs["more"] = ["one", "two"]
        second = file.create_dataset("other", shape[:3], np.float32)
        second[0, 0, 0] = 1
        file.create_dataset("last", shape, np.uint16)[0, 0, 0, 0] = 1
    content = np.memmap(path, np.uint8, "r")
    step, found = 2**22, -1
    for start in range(0, len(content), step):
        place = bytes(content[start : start + step + 4]).find(b"GCOL")
        if place >= 0:
            found = start + place
    return found


@pytest.mark.parametrize("chunked", [False, True])
def test_a_damaged_heap_in_the_middle_is_refused(tmp_path: Path, chunked: bool) -> None:
    path = tmp_path / "a.h5"
    place = with_text_between(path, chunked=chunked)
    size = path.stat().st_size
    if path.stat().st_blocks * 512 > 2**28 and not chunked:
        pytest.skip("the file system does not keep holes in files")
    assert heaps._LOOK < place < size - heaps._LOOK  # else the ends would show it
    assert read_contents(path, "data").patterns.shape == (40, 40, 128, 256)
    with path.open("r+b") as file:
        file.seek(place + 16)
        head = bytearray(file.read(16))
        head[:2], head[8:] = b"\0\0", bytes(8)  # free space of no length, on which HDF5 never ends
        file.seek(place + 16)
        file.write(head)
    with pytest.raises(InputError, match=f"heap of texts at byte {place}"):
        read_contents(path, "data")


def test_what_lies_in_patterns_is_no_heap(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (40, 40, 128, 256), np.uint16)
        data[0, 0, 0, 0] = 1
        offset = data.id.get_offset()
    damaged = b"GCOL" + bytes([1, 0, 0, 0]) + (64).to_bytes(8, "little") + bytes(48)
    with path.open("r+b") as file:
        file.seek(offset + 50 * 2**20)
        file.write(damaged)
    assert read_contents(path).patterns.shape == (40, 40, 128, 256)
