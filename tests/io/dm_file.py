"""Write DigitalMicrograph files of version 3 and 4, little-endian, by their published tags."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_GROUP, _VALUE = 20, 21
_KINDS = {"uint16": (10, 4), "float32": (2, 6)}
"""NumPy's name → ImageData.DataType, and the code of an element."""


@dataclass(frozen=True)
class DmFile:
    """A writer; lengths are four bytes in version 3, and eight in version 4."""

    version: int = 4

    def content(self, stack: Any, axes: Sequence[tuple[float, str]], energy: float) -> bytes:
        """Return a file of a thumbnail and of a stack; axes (scale, unit) from the fastest to the slowest."""
        thumb = self.image(np.zeros((4, 4), np.uint16), [(1.0, "")] * 2, 0.0)
        image = self.image(stack, axes, energy)
        root = self.group(self.tag("ImageList", self.group(self.tag("", thumb), self.tag("", image))))
        return struct.pack(">I", self.version) + self.wide(len(root)) + struct.pack(">I", 1) + root + bytes(8)

    def image(self, stack: Any, axes: Sequence[tuple[float, str]], energy: float) -> bytes:
        kind, element = _KINDS[str(stack.dtype)]
        little = stack.astype(stack.dtype.newbyteorder("<")).tobytes()
        calibrations = self.group(*(self.tag("", self.calibration(*axis)) for axis in axes))
        brightness = self.calibration(1.0, "")
        data = self.group(
            self.tag(
                "Calibrations",
                self.group(self.tag("Brightness", brightness), self.tag("Dimension", calibrations)),
            ),
            self.tag("Data", self.value(20, element, stack.size, data=little), _VALUE),
            self.tag("DataType", self.integer(kind), _VALUE),
            self.tag(
                "Dimensions", self.group(*(self.tag("", self.integer(n), _VALUE) for n in stack.shape[::-1]))
            ),
        )
        microscope = self.group(self.tag("Voltage", self.real(energy), _VALUE))
        tags = self.group(self.tag("Microscope Info", microscope))
        return self.group(self.tag("ImageData", data), self.tag("ImageTags", tags))

    def calibration(self, scale: float, unit: str) -> bytes:
        text = self.value(20, 4, len(unit), data=unit.encode("utf-16-le"))
        return self.group(
            self.tag("Origin", self.real(0.0), _VALUE),
            self.tag("Scale", self.real(scale), _VALUE),
            self.tag("Units", text, _VALUE),
        )

    def wide(self, number: int) -> bytes:
        return struct.pack(">Q" if self.version == 4 else ">I", number)

    def tag(self, name: str, body: bytes, code: int = _GROUP) -> bytes:
        size = struct.pack(">Q", len(body)) if self.version == 4 else b""
        return struct.pack(">BH", code, len(name)) + name.encode() + size + body

    def group(self, *tags: bytes) -> bytes:
        return b"\0\1" + self.wide(len(tags)) + b"".join(tags)

    def value(self, *what: int, data: bytes) -> bytes:
        return b"%%%%" + self.wide(len(what)) + b"".join(self.wide(n) for n in what) + data

    def integer(self, n: int) -> bytes:
        return self.value(5, data=struct.pack("<I", n))

    def real(self, number: float) -> bytes:
        return self.value(6, data=struct.pack("<f", number))
