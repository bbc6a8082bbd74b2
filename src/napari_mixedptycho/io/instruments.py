"""Camera formats of one header and patterns one after the other: blockfile, TVIPS, MRC; and plain raw."""

from __future__ import annotations

import itertools
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.layout import Layout
from napari_mixedptycho.io.lazy import Joined, native
from napari_mixedptycho.io.mapped import cube, frames, leads
from napari_mixedptycho.io.units import Sampling, sampling

_BLOCKFILE = struct.Struct("<6sHIIIHHHHHddIHI")
_TVIPS = struct.Struct("<13I")
_TVIPS_FRAME = 60
_ROTATOR = 48
"""Byte of a TVIPS pattern's header where the number of the scan point stands."""
_MOST_HEADS = 2**17
_MRC_TYPES = {0: "u1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_CAMERA = "A camera's units are not electrons; set microscope.electrons_per_unit if a unit is known."


def read_blockfile(path: Path) -> Found:
    """Read a NanoMegas ``.blo``: patterns of uint8, each after six bytes of its own.

    The detector's pixels are stated in pixels per 100 cm, the camera length in tenths of a millimetre.

    Raises
    ------
    InputError
        When the file is truncated or no blockfile.
    """
    fields = _header(path, _BLOCKFILE)
    if not fields[0].startswith(b"IMGBLO"):
        raise InputError(f"{path}: this is not a blockfile; it does not start with IMGBLO.")
    offset, edge, columns, rows = fields[3], fields[5], fields[7], fields[8]
    step, energy, density, camera = fields[10], fields[12], fields[13], fields[14]
    stack = frames(path, (edge, edge), "u1", offset, lead=6)
    numbers = {"energy": float(energy)} if energy > 1000 else {}
    if np.isfinite(step) and step > 0:
        numbers["scan_step"] = step * 10
    angle = None
    if density and camera:
        pixel, length = 1.0 / density, camera * 1e-4  # both in metres
        angle = 1e3 * pixel / length
    shape, notes = _stated((rows, columns), len(stack), path)
    return Found(
        stack, "Blockfile", "", numbers, Sampling(angle=angle), shape, counts=False, notes=(*notes, _CAMERA)
    )


def read_tvips(path: Path) -> Found:
    """Read a TVIPS ``_000.tvips`` stream and the files that go on with it.

    Raises
    ------
    InputError
        When the file is truncated, no stream, or not its first file.
    """
    size, version, columns, rows, bits, *_, tension, _, extra = _header(path, _TVIPS)
    if version not in (1, 2) or bits not in (8, 16) or size < _TVIPS.size or size > 2**16:
        raise InputError(f"{path}: this is not the first file of a TVIPS stream (…_000.tvips).")
    lead = 12 if version == 1 else extra
    if lead > 2**16:
        raise InputError(f"{path}: the header is damaged.")
    files = [path, *_going_on(path)]
    shape, kind = (rows, columns), f"<u{bits // 8}"
    starts = [size, *[0] * (len(files) - 1)]
    parts = [frames(file, shape, kind, start, lead) for file, start in zip(files, starts, strict=True)]
    stack: Any = parts[0] if len(parts) == 1 else Joined(parts)
    volts = float(tension) * (1e3 if tension < 3000 else 1)
    numbers = {"energy": volts} if volts > 1e3 else {}
    notes: tuple[str, ...] = (_CAMERA,)
    first, count = _scan_points(leads(path, shape, kind, size, lead)) if lead >= _TVIPS_FRAME else (0, 0)
    if len(parts) == 1 and 1 < count < len(parts[0]):
        notes = (f"The scan is patterns {first} to {first + count - 1} of {len(stack)}.", *notes)
        stack = stack[first : first + count]
    edge = int(len(stack) ** 0.5)
    square = (edge, edge) if count and edge * edge == len(stack) else None
    return Found(native(stack), "TVIPS", "", numbers, scan_shape=square, counts=False, notes=notes)


def _going_on(path: Path) -> list[Path]:
    """Return the files _001, _002… beside a file _000."""
    if not path.stem.endswith("_000"):
        return []
    names = (path.with_stem(f"{path.stem[:-4]}_{number:03d}") for number in range(1, 1000))
    return list(itertools.takewhile(Path.is_file, names))


def read_mrc(path: Path) -> Found:
    """Read an ``.mrc`` of patterns, as Direct Electron's cameras write it, and its ``_info.txt``.

    Raises
    ------
    InputError
        When the file is truncated, no MRC file, or its kind of number is not known.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    if len(head) < 1024:
        raise InputError(f"{path}: the file is too short for an MRC file.")
    order = ">" if head[212:213] == b"\x11" else "<"
    columns, rows, count, mode = struct.unpack(f"{order}4i", head[:16])
    (extended,) = struct.unpack(f"{order}i", head[92:96])
    if mode not in _MRC_TYPES or min(columns, rows, count) < 1 or not 0 <= extended < 2**31:
        raise InputError(f"{path}: this is not a readable MRC file (mode {mode}, {count}×{rows}×{columns}).")
    offset = 1024 + extended
    stack = cube(path, (count, rows, columns), order + _MRC_TYPES[mode], offset)
    facts = _info(path)
    shape = tuple(_whole(facts.get(name)) for name in ("Scan - Size Y", "Scan - Size X"))
    stated, notes = _stated((shape[0], shape[1]), count, path) if all(shape) else (None, ())
    numbers = {}
    step = sampling(_real(facts.get("Specimen Pixel Size X (nanometers)")), "nm").length
    if step is not None:
        numbers["scan_step"] = step
    return Found(native(stack), "MRC", "", numbers, scan_shape=stated, notes=(*notes, _CAMERA))


def read_raw(path: Path, layout: Layout) -> Found:
    """Read plain binary numbers as the settings describe them.

    Raises
    ------
    InputError
        When the settings are not complete, or the file is too short.
    """
    if layout.detector_shape is None or layout.number_type is None:
        raise InputError(
            f"{path}: a raw file ({path.stat().st_size} bytes) does not say how it is laid out; set "
            'data.detector_shape, as in [128, 128], and data.number_type, as in "uint16" (also '
            "data.skip_bytes and data.scan_shape)."
        )
    kind = np.dtype(layout.number_type)
    stack = frames(path, layout.detector_shape, kind, layout.skip_bytes, gap=layout.frame_gap)
    return Found(native(stack), "raw binary")


def _header(path: Path, layout: struct.Struct) -> tuple[Any, ...]:
    with path.open("rb") as file:
        head = file.read(layout.size)
    if len(head) < layout.size:
        raise InputError(f"{path}: the file is too short for its header; it is truncated.")
    return layout.unpack(head)


def _stated(shape: tuple[int, int], count: int, path: Path) -> tuple[tuple[int, int] | None, tuple[str, ...]]:
    """Return the scan's shape of a header when the patterns are there; else what is the matter."""
    if min(shape) < 1:
        return None, ()
    if shape[0] * shape[1] == count:
        return shape, ()
    if shape[0] * shape[1] < count <= shape[0] * shape[1] + shape[1]:
        return shape, ()
    whole = count // shape[1]
    note = f"{path.name} holds {count} patterns where {shape[0]} × {shape[1]} are stated"
    if 1 <= whole < shape[0]:
        return (whole, shape[1]), (f"{note}; the {whole} whole rows are taken.",)
    return None, (f"{note}; set data.scan_shape.",)


def _scan_points(heads: NDArray[Any]) -> tuple[int, int]:
    """Return the first pattern of a scan and their number, from the counter that each pattern carries."""
    counter = np.ascontiguousarray(heads[:_MOST_HEADS, _ROTATOR : _ROTATOR + 4]).view("<u4")[:, 0]
    starts = np.flatnonzero(counter == 1)
    if not len(starts):
        return 0, 0
    first = int(starts[0])
    steady = np.flatnonzero(counter[first:] != np.arange(1, len(counter) - first + 1))
    return first, int(steady[0]) if len(steady) else len(counter) - first


def _info(path: Path) -> dict[str, str]:
    """Return name → value of the text file beside a movie; empty without one."""
    stem = path.stem.removesuffix("_movie")
    names = (f"{one}_info.txt" for one in (stem, re.sub(r"_\d+$", "", stem)))
    sidecar = next((file for file in map(path.with_name, names) if file.is_file()), None)
    if sidecar is None or sidecar.stat().st_size > 2**20:
        return {}
    pairs = (line.partition("=") for line in sidecar.read_text("utf-8", "replace").splitlines())
    return {name.strip(): value.strip() for name, mark, value in pairs if mark}


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.isdigit() else 0


def _real(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
