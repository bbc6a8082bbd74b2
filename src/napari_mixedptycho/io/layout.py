"""What must be typed in about a file that does not say how it is laid out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_mixedptycho.settings import Settings

Axes = Literal["scan_y scan_x ky kx", "scan_x scan_y ky kx", "ky kx scan_y scan_x", "kx ky scan_x scan_y"]
"""Meaning of the four axes of a dataset, as NumPy counts them."""

NumberType = Literal[
    "uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64", ">u2", ">u4", ">i2", ">f4"
]
"""How a raw binary file stores a number; with ``>``: the most significant byte first."""


class Layout(Settings):
    """How the patterns lie in their file; what a file states itself need not be set."""

    scan_shape: tuple[int, int] | None = Field(
        None,
        description="Rows and columns of the scan, when the file holds a mere stack of patterns; more "
        "columns (fly-back) are left out of each row. Wrong: virtual images fall into slanted stripes. Not "
        "set: from the file.",
    )
    axes: Axes | None = Field(
        None,
        description="What the four axes of the dataset are, when that is not scan_y scan_x ky kx. Wrong: "
        "the pattern shows the specimen, and the image the disk. Not set: from the file.",
    )
    square: Literal["crop", "pad"] = Field(
        "crop",
        description="Of a detector that is not square. crop: the central square is used; pad: it is "
        "continued to a square by pixels that count as not measured.",
    )
    detector_shape: tuple[int, int] | None = Field(
        None,
        description="Rows and columns of a pattern in a raw binary file, px. Wrong: slanted stripes for a "
        "disk. Not set: from the file.",
    )
    number_type: NumberType | None = Field(
        None,
        description="How a raw binary file stores a number. Wrong: noise for a disk. Not set: from the file.",
    )
    skip_bytes: int = Field(
        0,
        ge=0,
        description="Bytes before the first pattern of a raw binary file: its header. Wrong: the disk lies "
        "off the middle, or is noise.",
    )
    frame_gap: int = Field(
        0,
        ge=0,
        description="Bytes between two patterns of a raw binary file. Wrong: the disk wanders from pattern "
        "to pattern.",
    )
