"""Gatan DigitalMicrograph ``.dm3`` and ``.dm4``: a tree of tags; the patterns are mapped into memory."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.axes import Axis, described
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.lazy import in_order, native
from napari_mixedptycho.io.mapped import cube

_SIMPLE = {2: "h", 3: "i", 4: "H", 5: "I", 6: "f", 7: "d", 8: "B", 9: "b", 10: "B", 11: "q", 12: "Q"}
"""Code of a type → its letter for `struct`."""
_STRUCT, _STRING, _ARRAY = 15, 18, 20
_PIXELS = {1: "i2", 2: "f4", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8", 14: "u1"}
"""ImageData.DataType of real pixels → NumPy's name."""
_MOST_TAGS, _DEPTH, _TEXT = 200_000, 40, 2**16


@dataclass(frozen=True)
class Block:
    """An array that stays in the file: its first byte, and its length in bytes."""

    offset: int
    length: int


def read(path: Path) -> Found:
    """Read the largest image of three or four axes.

    Raises
    ------
    InputError
        When the file is damaged, or holds no such image.
    """
    tags, order = _tags(path)
    images = [entry for entry in _children(tags.get("ImageList")) if isinstance(entry, dict)]
    stacks = [image for image in images if len(_dimensions(image)) in (3, 4)]
    if not stacks:
        there = ", ".join(str(_dimensions(image)) for image in images) or "none"
        raise InputError(f"{path}: there is no image of three or four axes; images: {there}.")
    image = max(stacks, key=lambda one: int(np.prod(_dimensions(one), dtype=object)))
    data = image["ImageData"]
    kind, block = _PIXELS.get(data.get("DataType")), data.get("Data")
    if kind is None or not isinstance(block, Block):
        raise InputError(
            f"{path}: pixels of type {data.get('DataType')} are not known; real ones are needed."
        )
    # Dimensions are listed from the fastest to the slowest.
    shape = tuple(reversed(_dimensions(image)))
    stack = native(cube(path, shape, order + kind, block.offset))
    told = described(_axes(data, len(shape)))
    numbers, turn = dict(told.numbers), told.order
    energy = _energy(image)
    if energy is not None:
        numbers["energy"] = energy
    return Found(in_order(stack, turn), "DigitalMicrograph", "", numbers, told.detector, notes=told.notes)


def _dimensions(image: dict[str, Any]) -> tuple[int, ...]:
    data = image.get("ImageData")
    sizes = _children(data.get("Dimensions")) if isinstance(data, dict) else []
    return tuple(int(n) for n in sizes if isinstance(n, int) and n > 0)


def _axes(data: dict[str, Any], count: int) -> list[Axis]:
    calibrations = data.get("Calibrations")
    entries = _children(calibrations.get("Dimension")) if isinstance(calibrations, dict) else []
    axes = [
        Axis("", float(entry.get("Scale", 0.0)), str(entry.get("Units", "")))
        for entry in entries
        if isinstance(entry, dict)
    ][:count]
    return ([*axes, *[Axis()] * (count - len(axes))])[::-1]


def _energy(image: dict[str, Any]) -> float | None:
    node: Any = image
    for name in ("ImageTags", "Microscope Info", "Voltage"):
        node = node.get(name) if isinstance(node, dict) else None
    return float(node) if isinstance(node, int | float) and 1e3 < node < 1e7 else None


def _children(node: Any) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else []


def _tags(path: Path) -> tuple[dict[str, Any], str]:
    """Return the tree of tags and the byte order of the values."""
    with path.open("rb") as file:
        version, *_ = struct.unpack(">I", _exactly(file, 4))
        if version not in (3, 4):
            raise InputError(f"{path}: this is not a DigitalMicrograph file of version 3 or 4.")
        _exactly(file, 8 if version == 4 else 4)
        (little,) = struct.unpack(">I", _exactly(file, 4))
        reader = _Reader(file, version, "<" if little == 1 else ">", path.stat().st_size)
        try:
            return reader.group(0), reader.order
        except (EOFError, struct.error) as error:
            raise InputError(f"{path}: the file is damaged or truncated ({error}).") from None


class _Reader:
    """Reads tags from a file but for long arrays; counts them, so that it comes to an end."""

    def __init__(self, file: BinaryIO, version: int, order: str, size: int) -> None:
        self.file, self.order, self.size = file, order, size
        self.wide, self.left = version == 4, _MOST_TAGS

    def number(self) -> int:
        """Return a length: four bytes in version 3, eight in version 4, the most significant first."""
        width = 8 if self.wide else 4
        return int.from_bytes(_exactly(self.file, width), "big")

    def group(self, depth: int) -> dict[str, Any]:
        """Return name → value; entries without a name are numbered."""
        if depth > _DEPTH:
            raise EOFError("tags lie too deep")
        _exactly(self.file, 2)
        found: dict[str, Any] = {}
        for index in range(self.number()):
            self.left -= 1
            if self.left < 0:
                raise EOFError("there are too many tags")
            kind, length = struct.unpack(">BH", _exactly(self.file, 3))
            name = _exactly(self.file, length).decode("latin1") or str(index)
            if self.wide:
                _exactly(self.file, 8)
            if kind not in (20, 21):
                raise EOFError(f"a tag has the unknown kind {kind}")
            found[name] = self.group(depth + 1) if kind == 20 else self.value(name)
        return found

    def value(self, name: str) -> Any:
        """Return a number, text, a tuple of numbers, or where an array lies."""
        if _exactly(self.file, 4) != b"%%%%":
            raise EOFError("the mark before a value is missing")
        count = self.number()
        if not 0 < count < 10_000:
            raise EOFError("the description of a value is damaged")
        what = [self.number() for _ in range(count)]
        if what[0] == _ARRAY:
            return self._array(what, name)
        if what[0] == _STRUCT:
            return self._numbers([what[i] for i in range(4, len(what), 2)])
        if what[0] == _STRING and len(what) == 2:
            return self._text(what[1])
        return self._numbers([what[0]])[0]

    def _numbers(self, kinds: list[int]) -> tuple[Any, ...]:
        layout = self.order + "".join(self._letter(kind) for kind in kinds)
        return struct.unpack(layout, _exactly(self.file, struct.calcsize(layout)))

    def _array(self, what: list[int], name: str) -> Any:
        kinds = [what[1]] if what[1] != _STRUCT else [what[i] for i in range(5, len(what) - 1, 2)]
        item = struct.calcsize(self.order + "".join(self._letter(kind) for kind in kinds))
        length = what[-1] * item
        offset = self.file.tell()
        if offset + length > self.size:
            raise EOFError("an array ends beyond the file")
        if kinds == [4] and length <= _TEXT and name != "Data":  # text is an array of uint16 too
            return self._text(length)
        self.file.seek(length, 1)
        return Block(offset, length)

    def _text(self, length: int) -> str:
        if length > _TEXT:
            raise EOFError("a text is too long")
        codec = "utf-16-le" if self.order == "<" else "utf-16-be"
        return _exactly(self.file, length).decode(codec, "replace")

    def _letter(self, kind: int) -> str:
        if kind not in _SIMPLE:
            raise EOFError(f"a value has the unknown type {kind}")
        return _SIMPLE[kind]


def _exactly(file: BinaryIO, count: int) -> bytes:
    found = file.read(count)
    if len(found) < count:
        raise EOFError("the file ends within a tag")
    return found
