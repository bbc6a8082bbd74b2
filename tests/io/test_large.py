"""Files larger than memory: a first look takes a moment, and one pattern reads one pattern."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_mixedptycho.cli.info import describe_data
from napari_mixedptycho.io import Layout, read_contents
from tests.io import formats
from tests.io.dm_file import DmFile

ROWS = COLUMNS = 256
EDGE = 256
BYTES = ROWS * COLUMNS * EDGE * EDGE * 4
"""17 GB, of which nothing is on the disk."""


def sparse(path: Path, size: int, head: bytes = b"") -> Path:
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    if path.stat().st_blocks * 512 > 2**20:
        pytest.skip("the file system does not keep holes in files")
    return path


def raw(folder: Path) -> tuple[Path, Layout]:
    layout = Layout(detector_shape=(EDGE, EDGE), number_type="float32", scan_shape=(ROWS, COLUMNS))
    return sparse(folder / "large.raw", BYTES), layout


def npy(folder: Path) -> tuple[Path, Layout]:
    header = {"descr": "<f4", "fortran_order": False, "shape": (ROWS, COLUMNS, EDGE, EDGE)}
    path = folder / "large.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        head = file.tell()
    return sparse(path, BYTES + head, path.read_bytes()), Layout()


def merlin(folder: Path) -> tuple[Path, Layout]:
    first = formats.merlin_header(EDGE, EDGE, "U32", 0)
    return sparse(folder / "large.mib", ROWS * COLUMNS * (384 + 4 * EDGE * EDGE), first), Layout(
        scan_shape=(ROWS, COLUMNS)
    )


def mrc(folder: Path) -> tuple[Path, Layout]:
    head = struct.pack("<4i", EDGE, EDGE, ROWS * COLUMNS, 2).ljust(1024, b"\0")
    return sparse(folder / "large.mrc", 1024 + BYTES, head), Layout()


def dm4(folder: Path) -> tuple[Path, Layout]:
    # The header of a small file, told that it is large: the array's length and its dimensions.
    small = DmFile().content(np.zeros((3, 5, 17, 17), np.float32), formats.DM_AXES, 200e3)
    length = 3 * 5 * 17 * 17 * 4
    head = small[: small.index(bytes(length))]
    tail = small[len(head) + length :]
    count, edges = ROWS * COLUMNS * EDGE * EDGE, (EDGE, EDGE, COLUMNS, ROWS)
    head = head[:-8] + struct.pack(">Q", count)
    for old, new in zip((17, 17, 5, 3), edges, strict=True):
        mark = b"%%%%" + struct.pack(">QQ", 1, 5)
        tail = tail.replace(mark + struct.pack("<I", old), mark + struct.pack("<I", new), 1)
    path = folder / "large.dm4"
    sparse(path, len(head) + BYTES, head)
    with path.open("ab") as file:
        file.write(tail)
    return path, Layout()


def hdf5(folder: Path) -> tuple[Path, Layout]:
    path = folder / "large.h5"
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset("data", (ROWS, COLUMNS, EDGE, EDGE), np.float32)
        data[0, 0, 0, 0] = 1  # allocates all of it, as a hole
    if path.stat().st_blocks * 512 > 2**24:
        pytest.skip("the file system does not keep holes in files")
    return path, Layout()


@pytest.mark.parametrize("write", [raw, npy, merlin, mrc, dm4, hdf5])
def test_a_first_look_at_a_file_larger_than_memory(
    tmp_path: Path, write: Callable[[Path], tuple[Path, Layout]]
) -> None:
    path, layout = write(tmp_path)
    try:
        assert os.path.getsize(path) > 15e9
        read_contents(path, layout=layout)  # what Python imports on first use does not count
        tracemalloc.start()
        began = time.process_time()
        contents = read_contents(path, layout=layout)
        opened = time.process_time() - began
        one = np.array(contents.patterns[(-1,) * (contents.patterns.ndim - 2)])
        seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert one.shape == (EDGE, EDGE)
        assert opened < 1.0
        assert seconds < 2.0
        # Without the scan's shape, some rows of 2048 patterns are looked at.
        assert peak < (8 if contents.scan_known else 100) * 2**20
    finally:
        path.unlink()


class Counting:
    """Counts what is read of an array."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.shape, self.dtype, self.pixels = inner, inner.shape, inner.dtype, 0

    def __getitem__(self, where: Any) -> Any:
        values = np.asarray(self.inner[where])
        self.pixels += values.size
        return values


def test_info_looks_at_a_part_of_it(tmp_path: Path) -> None:
    edge = 64  # as many patterns as in the others, but smaller: a few thousand of them are read
    path = sparse(tmp_path / "large.raw", ROWS * COLUMNS * edge**2 * 4)
    layout = Layout(detector_shape=(edge, edge), number_type="float32", scan_shape=(ROWS, COLUMNS))
    try:
        contents = read_contents(path, layout=layout)
        counting = Counting(contents.patterns)
        facts, _ = describe_data(replace(contents, patterns=counting))
        # Some from all over the scan, and few rows to see whether it has a fly-back.
        assert counting.pixels <= (1024 + 8 * COLUMNS) * edge**2
        assert facts["bytes"] == ROWS * COLUMNS * edge**2 * 4
        assert facts["patterns_read"] <= 1024
    finally:
        path.unlink()
