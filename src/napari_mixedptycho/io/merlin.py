"""Quantum Detectors Merlin: ``.mib``, big-endian patterns each with its header, and its ``.hdr``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.lazy import Decoded, native
from napari_mixedptycho.io.mapped import frames, leads

_TYPES = {"U08": "u1", "U16": ">u2", "U32": ">u4"}
_RAW_BITS = {1, 6, 12, 24}
_TIMES = 1100
"""Patterns whose times are looked at, to find where rows end."""
_CHIP = 256


@dataclass(frozen=True)
class Header:
    """Header of a pattern: its length, columns and rows as stored, kind of number, chips, counter depth."""

    length: int
    columns: int
    rows: int
    kind: str
    chips: str
    bits: int


def read(path: Path) -> Found:
    """Read a Merlin scan by its ``.mib`` or by its ``.hdr``.

    Raises
    ------
    InputError
        When the ``.mib`` is missing, damaged, or packed in a way that is not known.
    """
    if path.suffix.lower() == ".hdr":
        if not path.with_suffix(".mib").is_file():
            raise InputError(f"{path}: it belongs to {path.stem}.mib, which is not beside it; put it there.")
        path = path.with_suffix(".mib")
    header = _header(path)
    stack = _raw(path, header) if header.kind == "R64" else _processed(path, header)
    sidecar = _sidecar(path.with_suffix(".hdr"))
    shape, notes = _scan_shape(path, header, stack.shape[0], sidecar)
    # A counting detector: one unit is one electron.
    return Found(stack, "Merlin", numbers={}, scan_shape=shape, notes=notes)


def _header(path: Path) -> Header:
    """Read the header of the first pattern: fields between commas, from ``MQ1`` on."""
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.startswith(b"MQ1"):
        raise InputError(f"{path}: this is not a Merlin file; it does not start with MQ1.")
    fields = start.decode("latin1").split(",")
    try:
        length = int(fields[2])
        last = start[:length].decode("latin1").rstrip(", \0\r\n").rpartition(",")[2].strip()
        depth = int(last) if last.isdigit() else 0
        return Header(length, int(fields[4]), int(fields[5]), fields[6].strip(), fields[7].strip(), depth)
    except (ValueError, IndexError):
        raise InputError(f"{path}: the header of the first pattern is damaged.") from None


def _processed(path: Path, header: Header) -> Any:
    if header.kind not in _TYPES:
        raise InputError(f"{path}: numbers of kind '{header.kind}' are not known; U08, U16, U32 and R64 are.")
    stack = frames(path, (header.rows, header.columns), _TYPES[header.kind], lead=header.length)
    return native(stack)


def _raw(path: Path, header: Header) -> Any:
    """Map patterns as the chip sends them: 64-bit words from back to front, four chips in a row."""
    if header.bits not in _RAW_BITS - {24}:
        raise InputError(
            f"{path}: this is Merlin RAW of {header.bits or 'an unknown number of'} bits; 1, 6 and 12 can be "
            "read; record in binary instead of RAW."
        )
    if header.columns % 64 or header.columns * header.rows <= 0:
        raise InputError(f"{path}: the header of the first pattern is damaged.")
    quad = header.chips == "2x2"
    if quad and (header.columns, header.rows) != (4 * _CHIP, _CHIP):
        raise InputError(f"{path}: RAW of four chips with {header.columns}×{header.rows} px is not known.")
    row_bytes = header.columns * {1: 1, 6: 8, 12: 16}[header.bits] // 8
    stored = frames(path, (header.rows, row_bytes), "u1", lead=header.length)
    shape = (2 * _CHIP, 2 * _CHIP) if quad else (header.rows, header.columns)
    kind = np.uint16 if header.bits == 12 else np.uint8
    return Decoded(stored, shape, kind, lambda block: unpacked(block, header.bits, quad))


def unpacked(stored: NDArray[np.uint8], bits: int, quad: bool) -> NDArray[Any]:
    """Decode RAW patterns.

    Parameters
    ----------
    stored
        (pattern, row, byte): every eight bytes hold, from back to front, 64 (1 bit), 8 (6 bit) or 4 (12 bit,
        most significant byte first) neighbouring pixels.
    bits
        Counter depth.
    quad
        Four chips lie side by side in every row: the upper two, then the lower two, each turned by 180°.
    """
    count, rows, width = stored.shape
    words = stored.reshape(count, rows, width // 8, 8)
    if bits == 1:
        pixels = np.unpackbits(words[..., ::-1], axis=-1, bitorder="little")
    elif bits == 6:
        pixels = words[..., ::-1]
    else:
        pixels = np.ascontiguousarray(words).view(">u2")[..., ::-1].astype(np.uint16)
    image = pixels.reshape(count, rows, -1)
    if not quad:
        return image
    chips = [image[:, :, start : start + _CHIP] for start in range(0, 4 * _CHIP, _CHIP)]
    lower = [chip[:, ::-1, ::-1] for chip in chips[2:]]
    upper_half = np.concatenate(chips[:2], axis=2)
    return np.concatenate([upper_half, np.concatenate(lower, axis=2)], axis=1)


def _sidecar(path: Path) -> dict[str, str]:
    """Return name → value of a ``.hdr``; empty without one."""
    if not path.is_file() or path.stat().st_size > 2**20:
        return {}
    lines = path.read_bytes().decode("latin1").splitlines()
    pairs = (line.partition(":\t") for line in lines)
    return {name.split(" (")[0].strip(): value.strip() for name, mark, value in pairs if mark}


def _scan_shape(
    path: Path, header: Header, count: int, sidecar: dict[str, str]
) -> tuple[tuple[int, int] | None, tuple[str, ...]]:
    """Return rows and columns: of the ``.hdr``, by patterns per trigger, or by the pauses after rows."""
    if all(sidecar.get(name, "").isdigit() for name in ("ScanX", "ScanY")):
        stated = int(sidecar["ScanY"]), int(sidecar["ScanX"])
        if stated[0] * stated[1] == count:
            return stated, ()
    trigger = sidecar.get("Frames per Trigger", "")
    wanted = sidecar.get("Frames in Acquisition", "")
    notes: tuple[str, ...] = ()
    if wanted.isdigit() and int(wanted) > count:
        notes = (f"The recording stopped after {count} of {wanted} patterns.",)
    columns = int(trigger) if trigger.isdigit() else 0
    if columns < 2 or columns > count:
        columns = _columns_by_time(path, header, count)
    if columns < 2 or columns > count:
        return None, notes
    return (count // columns, columns), notes


def _columns_by_time(path: Path, header: Header, count: int) -> int:
    """Return the patterns of a row, when pauses between patterns come at equal distances; else 0."""
    kind = _TYPES.get(header.kind, "u1")
    width = (
        header.columns * {1: 1, 6: 8, 12: 16}.get(header.bits, 8) // 8
        if header.kind == "R64"
        else header.columns
    )
    heads = leads(path, (header.rows, width), kind, 0, header.length)[: min(count, _TIMES)]
    stamps = [re.search(rb"(\d+):(\d+):(\d+\.\d+)", head.tobytes()) for head in heads]
    if len(stamps) < 4 or any(stamp is None for stamp in stamps):
        return 0
    seconds = [int(s[1]) * 3600 + int(s[2]) * 60 + float(s[3]) for s in stamps if s is not None]
    waits = np.diff(seconds)
    usual = float(np.median(waits))
    pauses = np.flatnonzero(waits > 1.5 * usual) + 1
    if usual <= 0 or len(pauses) < 1 or len(pauses) > len(waits) // 2:
        return 0
    lengths = np.diff([0, *pauses])
    return int(lengths[0]) if (lengths == lengths[0]).all() else 0
