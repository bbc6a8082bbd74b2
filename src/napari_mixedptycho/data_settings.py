"""What to do with patterns before they are compared."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings

MOST_LETTERS = 30_000
"""Of a list of masked pixels: a recipe stays a page that can be read."""
_NUMBERS = re.compile(r"\s*\d+\s*(-\s*\d+\s*)?(,\s*\d+\s*(-\s*\d+\s*)?)*")


class Preprocess(Settings):
    """What to do with patterns before they are compared; the steps are done in the order of the settings.

    Detector pixels are those of the patterns as stored (of a detector that is not square: of the square),
    until `detector_crop`.
    """

    scan_region: tuple[int, int, int, int] | None = Field(
        None,
        description="Part of the scan: first row, row after the last, first column, column after the last, "
        "counted from 0. A small part is fast, to try settings.",
    )
    scan_every: int = Field(
        1,
        ge=1,
        le=64,
        description="Take every n-th scan point of every n-th row of that part; probes must still overlap, "
        "else the grid of the scan shows in the object.",
    )
    skip_rows: str | None = Field(
        None,
        description="Scan rows whose patterns are not used (drift, a jump, a flash), counted from 0 in the "
        "whole scan, as in 10-12, 40; the others keep their places. Not set: all are used.",
    )
    skip_columns: str | None = Field(
        None,
        description="Scan columns whose patterns are not used (fly-back), as for rows. Not set: all are "
        "used.",
    )
    dark: str | None = Field(
        None,
        description="Image of the camera without beam, to be subtracted: dark.npy, dark.tif or "
        "file.h5:dataset. Not set: nothing is subtracted.",
    )
    dark_region: tuple[int, int, int, int] | None = Field(
        None,
        description="Part of the whole scan without beam, as scan_region, whose mean is subtracted. Not set: "
        "nothing is subtracted.",
    )
    gain: str | None = Field(
        None,
        description="Image of the camera in even light, by which patterns are divided (relative to its "
        "mean); pixels of no response count as not measured. A file, as for dark. Not set: none.",
    )
    mask: str | None = Field(
        None,
        description="Detector pixels that are measured (nonzero): mask.npy, mask.tif or file.h5:dataset; not "
        "set: all.",
    )
    masked_pixels: str | None = Field(
        None,
        max_length=MOST_LETTERS,
        description="Detector pixels that are not believed (a beam stop, a dead row), rows: columns, counted "
        "from 0, as in 12: 0-63; 30-33: 5, 7-9; they count as not measured. In the dock they are drawn on "
        "the pattern. Not set: none.",
    )
    bad_pixels: Literal["keep", "auto"] = Field(
        "keep",
        description="keep: all pixels are believed, but those without light amid light; auto: hot and dead "
        "ones, which no optics explains, are looked for and count as not measured.",
    )
    detector_crop: int | None = Field(
        None,
        ge=8,
        le=2**15,
        description="Keep so many pixels along each detector axis, about the zero angle. Too few: fine "
        "detail is lost. Not set: all.",
    )
    detector_bin: int = Field(
        1,
        ge=1,
        le=64,
        description="Add up n × n detector pixels to one; it is not measured where one of them is not. Too "
        "many: the probe no longer fits into its window, and the object repeats itself.",
    )
    negative: Literal["keep", "zero"] = Field(
        "keep",
        description="Values below zero. keep: as they are, for losses that take them, and refused for the "
        "others; zero: set to zero, after binning.",
    )

    @field_validator("skip_rows", "skip_columns")
    @classmethod
    def _numbers(cls, text: str | None) -> str | None:
        if text is not None and not _NUMBERS.fullmatch(text):
            raise ValueError("write numbers and ranges, as in 10-12, 40")
        return text

    @field_validator("masked_pixels")
    @classmethod
    def _pixels(cls, text: str | None) -> str | None:
        for entry in [] if text is None else text.split(";"):
            if [bool(_NUMBERS.fullmatch(part)) for part in entry.split(":")] != [True, True]:
                raise ValueError("write rows: columns, as in 12: 0-63; 30-33: 5, 7-9")
        return text

    @model_validator(mode="after")
    def _one_dark(self) -> Preprocess:
        if self.dark is not None and self.dark_region is not None:
            raise ValueError("set dark or dark_region, not both")
        return self

    @property
    def moves_patterns(self) -> bool:
        """Whether scan points are left out of the data set altogether."""
        return self.scan_region is not None or self.scan_every > 1


def numbered(text: str | None, length: int) -> NDArray[np.bool_]:
    """Return which of so many rows (or columns) a list such as ``10-12, 40`` names."""
    found = np.zeros(length, bool)
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first.strip():
            found[int(first) : int(last or first) + 1] = True
    return found


def pixels_named(text: str | None, size: int) -> NDArray[np.bool_]:
    """Return the pixels (size, size) that a list such as ``12: 0-63; 30-33: 5, 7-9`` names.

    Raises
    ------
    InputError
        When one of them does not lie on the detector.
    """
    found = np.zeros((size, size), bool)
    for entry in text.split(";") if text else ():
        rows, _, columns = entry.partition(":")
        last = max(int(number) for number in re.findall(r"\d+", entry))
        if last >= size:
            raise InputError(
                f"data.masked_pixels names pixel {last} ({entry.strip()}); the last one is {size - 1}."
            )
        found |= numbered(rows, size)[:, None] & numbered(columns, size)
    return found


def names_of_pixels(pixels: NDArray[np.bool_]) -> str | None:
    """Return the list of pixels (size, size) that `pixels_named` reads; None: there are none."""
    rows_of: dict[str, list[bool]] = {}
    for row in np.flatnonzero(pixels.any(axis=1)):
        rows_of.setdefault(_ranges(pixels[row]), [False] * len(pixels))[row] = True
    return "; ".join(f"{_ranges(np.array(rows))}: {columns}" for columns, rows in rows_of.items()) or None


def _ranges(chosen: NDArray[np.bool_]) -> str:
    """Return the numbers of what is chosen: ``10-12, 40``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    return ", ".join(
        f"{first}" if last == first + 1 else f"{first}-{last - 1}"
        for first, last in edges.reshape(-1, 2).tolist()
    )
