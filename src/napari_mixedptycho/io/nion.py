"""Nion Swift: ``.ndata`` (a zip of data.npy and metadata.json) and ``.h5`` with its JSON ``properties``."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import numpy_file
from napari_mixedptycho.io.axes import Axis, described
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.lazy import in_order, native

_LARGEST_JSON = 2**26
_LOCAL_HEADER = "<4s5H3I2H"


def read(path: Path) -> Found:
    """Read an ``.ndata`` file; the array inside is mapped into memory, for Nion does not compress it.

    Raises
    ------
    InputError
        When the zip is damaged, compressed, or lacks one of its two parts.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {info.filename: info for info in archive.infolist()}
            data, text = entries.get("data.npy"), entries.get("metadata.json")
            if data is None or text is None:
                raise InputError(f"{path}: this is no Nion file; data.npy or metadata.json is missing.")
            if text.file_size > _LARGEST_JSON:
                raise InputError(f"{path}: the metadata are too large to be true; the file is damaged.")
            properties = json.loads(archive.read(text))
    except (zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the file is damaged ({error}).") from None
    if data.compress_type != zipfile.ZIP_STORED:
        raise InputError(f"{path}: data.npy is compressed; unpack the file and open data.npy itself.")
    with path.open("rb") as file:
        file.seek(data.header_offset)
        header = struct.unpack(_LOCAL_HEADER, file.read(struct.calcsize(_LOCAL_HEADER)))
    start = data.header_offset + struct.calcsize(_LOCAL_HEADER) + header[-2] + header[-1]
    return _found(native(numpy_file.mapped(path, start)), properties)


@dataclass(frozen=True)
class Told:
    """What the JSON of Nion Swift says: one entry per axis, and numbers."""

    axes: tuple[Axis, ...]
    numbers: dict[str, float]


def described_by(properties: Any, count: int) -> Told:
    """Read the calibrations of `count` axes and the high tension from Nion's JSON."""
    properties = properties if isinstance(properties, Mapping) else {}
    listed = properties.get("dimensional_calibrations") or properties.get("spatial_calibrations") or []
    entries = listed if isinstance(listed, list) else []
    axes = [_axis(entry) for entry in entries][:count]
    energy = _energy(properties.get("metadata"))
    numbers = {} if energy is None else {"energy": energy}
    return Told((*axes, *[Axis()] * (count - len(axes))), numbers)


def _found(stack: Any, properties: Any) -> Found:
    if len(stack.shape) not in (3, 4):
        return Found(stack, "Nion ndata")
    told = described_by(properties, len(stack.shape))
    axes = described(told.axes)
    numbers = {**axes.numbers, **told.numbers}
    ordered = in_order(stack, axes.order)
    return Found(ordered, "Nion ndata", "", numbers, axes.detector, notes=axes.notes)


def _axis(entry: Any) -> Axis:
    if not isinstance(entry, Mapping):
        return Axis()
    scale = entry.get("scale", 0.0)
    return Axis("", float(scale) if isinstance(scale, int | float) else 0.0, str(entry.get("units", "")))


def _energy(metadata: Any, depth: int = 6) -> float | None:
    """Return the high tension, V, wherever the instrument wrote it."""
    if not isinstance(metadata, Mapping) or depth == 0:
        return None
    for name in ("high_tension_v", "high_tension", "EHT"):
        value = metadata.get(name)
        if isinstance(value, int | float) and np.isfinite(value) and value > 1e3:
            return float(value)
    inner = (_energy(value, depth - 1) for value in metadata.values())
    return next((value for value in inner if value is not None), None)
