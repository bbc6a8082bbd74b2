"""A look at the global heaps of an HDF5 file (where texts lie) before the HDF5 library sees them.

A heap with an object of length zero makes the library, at least up to 2.0.0, go round in circles without
end, and nothing in the process can stop it. Layout: HDF5 File Format Specification 3.0, section III.E.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

import h5py

from napari_mixedptycho.errors import InputError

_LOOK = 2**25
"""Bytes at either end of a file that are looked at."""
_MOST_CHUNKS, _MOST_BYTES = 2**16, 2**28
"""Places of patterns that are asked for, and bytes between them that are looked at, at most."""
_HEAD = 16
_LARGEST = 2**24


def check_heaps(path: Path) -> None:
    """Refuse a file with a damaged heap at either end; a small file is looked at from end to end.

    Raises
    ------
    InputError
        When an object of a heap has no length, or reaches beyond its heap.
    """
    end = path.stat().st_size
    _check(path, [(0, end)] if end <= 2 * _LOOK else [(0, _LOOK), (end - _LOOK, end)])


def check_between(file: h5py.File, path: Path) -> None:
    """Refuse a large file with a damaged heap in its middle: wherever no patterns lie.

    HDF5 is only asked where datasets lie, for which it reads no heap; no attribute may have been read
    before. Of a file with very many chunks, the gaps between the first of them are looked at.

    Raises
    ------
    InputError
        As `check_heaps`.
    """
    end = path.stat().st_size
    if end <= 2 * _LOOK:
        return
    filled: list[tuple[int, int]] = []

    def visit(name: str, link: Any) -> bool | None:
        if isinstance(link, h5py.HardLink):
            node = file.get(name)
            if isinstance(node, h5py.Dataset):
                filled.extend(_places(node.id))
        return True if len(filled) > _MOST_CHUNKS else None

    file.visititems_links(visit)
    last = end - _LOOK
    if len(filled) > _MOST_CHUNKS:  # where more patterns lie behind these is not known
        last = min(last, max(stop for _, stop in filled))
    gaps, place, left = [], _LOOK, _MOST_BYTES
    for start, stop in [*sorted(filled), (last, last)]:
        until = min(start, last, place + left)
        if until > place:
            gaps.append((place, until))
            left -= until - place
        place = max(place, stop)
    _check(path, gaps)


def _places(dataset: Any) -> list[tuple[int, int]]:
    """Return where the values of a dataset lie in its file: first byte, and the one after the last."""
    layout = dataset.get_create_plist().get_layout()
    if layout == h5py.h5d.CONTIGUOUS:
        start = dataset.get_offset()
        return [] if start is None else [(int(start), int(start) + int(dataset.get_storage_size()))]
    found: list[tuple[int, int]] = []
    if layout != h5py.h5d.CHUNKED or not hasattr(dataset, "chunk_iter"):
        return found

    def note(chunk: Any) -> int | None:
        if chunk.byte_offset is not None:
            found.append((int(chunk.byte_offset), int(chunk.byte_offset) + int(chunk.size)))
        return 1 if len(found) > _MOST_CHUNKS else None

    dataset.chunk_iter(note)
    return found


def _check(path: Path, parts: list[tuple[int, int]]) -> None:
    """Look at all heaps that begin in some parts of a file."""
    if path.stat().st_size < _HEAD or not parts:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for start, stop in parts:
            place = content.find(b"GCOL", start, stop)
            while place >= 0:
                if not _sound(content, place):
                    raise InputError(f"{path}: the file is damaged (a heap of texts at byte {place}).")
                place = content.find(b"GCOL", place + 4, stop)


def _sound(content: mmap.mmap, place: int) -> bool:
    """Walk the objects of a heap: 16 bytes of header and the object, free space (number 0) last."""
    version, size = content[place + 4 : place + 5], content[place + 8 : place + _HEAD]
    if version != b"\1" or len(size) < 8:
        return True  # four letters among the data, not a heap
    (length,) = struct.unpack("<Q", size)
    if not _HEAD <= length <= _LARGEST:
        return True
    position, end = place + _HEAD, min(place + length, len(content))
    while position + _HEAD <= end:
        number, _, _, size_here = struct.unpack("<HHIQ", content[position : position + _HEAD])
        step = size_here if number == 0 else _HEAD + -(-size_here // 8) * 8
        if step < 1 or position + step > place + length:
            return False
        position += step
    return True
