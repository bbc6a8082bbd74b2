"""A look at the global heaps of an HDF5 file (where texts lie) before the HDF5 library sees them.

A heap with an object of length zero makes the library, at least up to 2.0.0, go round in circles without
end, and nothing in the process can stop it. Layout: HDF5 File Format Specification 3.0, section III.E.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from napari_mixedptycho.errors import InputError

_LOOK = 2**25
"""Bytes at either end of a file that are looked at."""
_HEAD = 16
_LARGEST = 2**24


def check_heaps(path: Path) -> None:
    """Refuse a file with a damaged heap.

    Raises
    ------
    InputError
        When an object of a heap has no length, or reaches beyond its heap.
    """
    if path.stat().st_size < _HEAD:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = len(content)
        parts = [(0, end)] if end <= 2 * _LOOK else [(0, _LOOK), (end - _LOOK, end)]
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
