"""Zarr folders: abTEM's, and any with one array of patterns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.axes import Axis, described
from napari_mixedptycho.io.choice import choose
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.lazy import Native, in_order
from napari_mixedptycho.io.mapped import check_pattern

MARKERS = ("zarr.json", ".zgroup", ".zarray")
"""Files that make a folder a zarr store."""
_LARGEST_CHUNK = 2**30
_MOST_NODES, _DEPTH = 1000, 8


def is_store(path: Path) -> bool:
    """Tell whether a folder is a zarr store."""
    return path.is_dir() and any((path / name).is_file() for name in MARKERS)


def read(path: Path, key: str | None = None) -> Found:
    """Read an array of three or four axes; chunks are read when they are asked for.

    Raises
    ------
    InputError
        When zarr is not installed, the store is damaged, or it does not hold one such array.
    """
    try:
        zarr = import_module("zarr")
    except ImportError:
        raise InputError(
            f'{path}: this needs zarr; install it with: pip install "napari-mixedptycho[formats]".'
        ) from None
    root = zarr.open(str(path), mode="r")
    there = dict(_walk(root, "", _DEPTH)) if hasattr(root, "members") else {"": root}
    chosen = (
        "" if set(there) == {""} else choose(path, {name: tuple(n.shape) for name, n in there.items()}, key)
    )
    node = there[chosen]
    shape = tuple(int(n) for n in node.shape)
    if len(shape) not in (3, 4) or np.dtype(node.dtype).kind not in "buif":
        raise InputError(
            f"{path}: the array has shape {shape} of {node.dtype}; patterns of real numbers are needed."
        )
    check_pattern(path, shape[-2:])
    if int(np.prod(node.chunks, dtype=object)) * np.dtype(node.dtype).itemsize > _LARGEST_CHUNK:
        raise InputError(
            f"{path}: '{chosen}' is stored in chunks {node.chunks}, too large to read; it is damaged."
        )
    axes, numbers, notes = _abtem(root.attrs, chosen, len(shape))
    told = described(axes if len(axes) == len(shape) else [Axis()] * len(shape))
    name = "abTEM zarr" if axes else "zarr"
    return Found(
        in_order(Native(node), told.order),
        name,
        chosen,
        {**told.numbers, **numbers},
        told.detector,
        notes=(*told.notes, *notes),
    )


def _walk(group: Any, prefix: str, depth: int) -> Iterable[tuple[str, Any]]:
    """Yield name and array of everything in a group."""
    for number, (name, node) in enumerate(group.members()):
        if number > _MOST_NODES or depth == 0:
            return
        if hasattr(node, "members"):
            yield from _walk(node, f"{prefix}{name}/", depth - 1)
        else:
            yield f"{prefix}{name}", node


def _abtem(attributes: Any, name: str, count: int) -> tuple[list[Axis], dict[str, float], tuple[str, ...]]:
    """Read what abTEM packs beside ``array0``: axes, sampling, energy (eV) and semi-angle (mrad)."""
    packed = attributes.get(f"kwargs{name.removeprefix('array')}") if name.startswith("array") else None
    facts = json.loads(packed) if isinstance(packed, str) else packed
    if not isinstance(facts, Mapping):
        return [], {}, ()
    metadata = facts.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    energy, angle = (_real(metadata.get(field)) for field in ("energy", "semiangle_cutoff"))
    numbers = ({"energy": energy} if energy > 1e3 else {}) | ({"semiangle": angle} if angle > 0 else {})
    entries = facts.get("ensemble_axes_metadata")
    scan = [_scan_axis(entry) for entry in _listed(entries)][-(count - 2) :]
    pixels = [_real(value) for value in _listed(facts.get("sampling"))] or [0.0]
    axes = [*scan, Axis("kx", pixels[0], "1/Å"), Axis("ky", pixels[-1], "1/Å")]
    shifted = facts.get("fftshift", True)
    notes = () if shifted else ("Zero angle stands at the corner; abTEM was told not to shift the patterns.",)
    return axes, numbers, notes


def _listed(value: Any) -> list[Any]:
    """Return a list that abTEM may have packed into a dictionary by number."""
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def _scan_axis(entry: Any) -> Axis:
    if not isinstance(entry, Mapping):
        return Axis()
    return Axis("scan", _real(entry.get("sampling")), str(entry.get("units") or "Å"))


def _real(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else 0.0
