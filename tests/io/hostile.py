"""HDF5 files that mean no good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def cycle(file: h5py.File, folder: Path) -> None:
    group = file.create_group("a/b")
    group["again"] = file["a"]
    file["soft"] = h5py.SoftLink("/soft")


def huge(file: h5py.File, folder: Path) -> None:
    file.create_dataset("data", (10**6, 10**6, 256, 256), "f4", chunks=(1, 1, 256, 256))
    file["data"][0, 0] = 1


def huge_pattern(file: h5py.File, folder: Path) -> None:
    file.create_dataset("data", (2, 2, 10**6, 10**6), "f4", chunks=(1, 1, 64, 64))
    file["data"][0, 0, :64, :64] = 1


def huge_chunk(file: h5py.File, folder: Path) -> None:
    shape = (2, 2, 16384, 16384)
    file.create_dataset("data", shape, "u1", chunks=shape, compression=1)
    file["data"].id.write_direct_chunk((0, 0, 0, 0), b"x" * 100)


def empty(file: h5py.File, folder: Path) -> None:
    file.create_dataset("data", (64, 64, 64, 64), "u2", chunks=(1, 1, 64, 64))


def link_outside(file: h5py.File, folder: Path) -> None:
    file["data"] = h5py.ExternalLink("../secret.h5", "/data")


def raw_outside(file: h5py.File, folder: Path) -> None:
    file.create_dataset("data", (1, 1, 8, 8), "u1", external=[(str(folder.parent / "secret.h5"), 0, 64)])


def virtual_outside(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout((1, 1, 8, 8), "u2")
    layout[...] = h5py.VirtualSource(str(folder.parent / "secret.h5"), "data", (1, 1, 8, 8))
    file.create_virtual_dataset("data", layout)


def deep(file: h5py.File, folder: Path) -> None:
    group = file
    for _ in range(100):
        group = group.create_group("g")
    group["data"] = np.zeros((2, 2))


def holding(values: Any) -> Callable[[h5py.File, Path], None]:
    def write(file: h5py.File, folder: Path) -> None:
        file["data"] = values

    return write


def references(file: h5py.File, folder: Path) -> None:
    file.create_dataset("data", (2, 2, 8, 8), h5py.ref_dtype)


TRICKS: dict[str, Callable[[h5py.File, Path], None]] = {
    "cycle": cycle,
    "huge": huge,
    "huge pattern": huge_pattern,
    "huge chunk": huge_chunk,
    "empty": empty,
    "outside": link_outside,
    "raw outside": raw_outside,
    "virtual outside": virtual_outside,
    "complex": holding(np.zeros((2, 2, 8, 8), complex)),
    "text": holding(np.full((2, 2, 8, 8), b"text")),
    "record": holding(np.zeros((2, 2, 8, 8), [("a", "f4"), ("b", "i4")])),
    "references": references,
    "deep": deep,
}
