"""Our HDF5 layout: the microscope's numbers as attributes, optionally a known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_mixedptycho.dataset import Truth
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.tree import hard, reason

ATTRIBUTES = {
    "energy": "energy_eV",
    "semiangle": "semiangle_mrad",
    "scan_step": "scan_step_A",
    "detector_sampling": "dk",
    "defocus": "defocus_A",
    "thickness": "thickness_A",
    "electrons_per_unit": "electrons_per_unit",
    "scan_rotation": "scan_rotation_deg",
}
"""Field of `Dataset` → attribute of the file (Å, mrad, eV, 1/Å, electrons)."""

FORMAT = "napari-mixedptycho data"
"""Attribute ``format`` of the files that we write."""

TRUTH = {
    "columns_mean": "columns_mean",
    "columns_per_snapshot": "columns_per_snapshot",
    "columns_in_scan": "columns_in_scan",
    "atoms": "atoms_yxz",
}
"""Field of `Truth` → dataset of the group ``truth``."""
_MOST = 2**27


def numbers(file: h5py.File, node: h5py.Dataset, path: Path) -> dict[str, float]:
    """Return the numbers that attributes of the dataset, else of the file, state.

    Raises
    ------
    InputError
        When an attribute is not a number.
    """
    found = {field: _number(file, node, name, path) for field, name in ATTRIBUTES.items()}
    return {field: value for field, value in found.items() if value is not None}


def electrons(node: h5py.Dataset, file: h5py.File, path: Path) -> float | None:
    """Return the electrons of one stored unit: 1 for counts, else from the electrons per pattern."""
    if np.dtype(node.dtype).kind in "ui":
        return 1.0
    stated = _number(file, node, "electrons_per_pattern", path)
    if stated is None or stated <= 0 or node.size == 0 or np.dtype(node.dtype).kind != "f":
        return None
    middle = tuple(length // 2 for length in node.shape[:-2])
    try:
        total = float(np.sum(node[middle], dtype=np.float64))
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: the patterns cannot be read ({reason(error)}).") from None
    # A pattern that adds up to about the electrons themselves holds electrons; else one that misses the
    # detector by a little adds up to about one.
    return 1.0 if 0.5 < total / stated < 2 and not 0.5 < total < 2 else stated


def truth(file: h5py.File, path: Path) -> Truth | None:
    """Return the known specimen of simulated data; None when the file has none.

    Raises
    ------
    InputError
        When it is there and does not hold numbers.
    """
    group = hard(file, "truth")
    if not isinstance(group, h5py.Group):
        return None
    there = {field: _plain(group, name) for field, name in TRUTH.items()}
    if any(node is None for node in there.values()):
        return None
    kinds = {"columns_in_scan": bool}
    try:
        return Truth(
            **{field: node[()].astype(kinds.get(field, np.float64)) for field, node in there.items()}
        )
    except (TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: the group 'truth' does not hold numbers as it should.") from None


def mask(file: h5py.File, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """Return the measured pixels (ky, kx) of a file that we wrote ourselves; None: all are.

    Elsewhere a dataset of that name may as well mark the pixels that are bad.
    """
    node = hard(file, "mask") if file.attrs.get("format") == FORMAT else None
    if not isinstance(node, h5py.Dataset) or node.shape != shape or node.dtype.kind not in "bu":
        return None
    return np.asarray(node[()] != 0)


def counted(node: h5py.Dataset) -> bool:
    """Tell whether whole numbers are electrons: not where a file of ours says that this is unknown."""
    name = ATTRIBUTES["electrons_per_unit"]
    return name not in node.attrs or not np.isnan(np.asarray(node.attrs[name], dtype=np.float64)).any()


def notes(file: h5py.File) -> tuple[str, ...]:
    """Return what was done to the patterns of a file of ours before it was written, each a sentence."""
    stated = file.attrs.get("notes", "") if file.attrs.get("format") == FORMAT else ""
    return tuple(line[:500] for line in str(stated).splitlines()[:100])


def preprocessing(file: h5py.File, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return `descan` (3, 2) and `skipped` (scan_y, scan_x) of a preprocessed file of ours; None: none."""
    if file.attrs.get("format") != FORMAT:
        return {}
    descan, skipped = _plain(file, "descan"), _plain(file, "skipped")
    found: dict[str, Any] = {}
    if descan is not None and descan.shape == (3, 2) and descan.dtype.kind == "f":
        values = descan[()]
        found["descan"] = values.astype(np.float64) if np.isfinite(values).all() else None
    if skipped is not None and skipped.shape == shape[:2] and skipped.dtype.kind in "bu":
        found["skipped"] = np.asarray(skipped[()] != 0)
    return found


def _plain(group: h5py.Group, name: str) -> Any:
    """Return a dataset of the group itself, of a size that fits into memory; else None."""
    node = hard(group, name)
    return node if isinstance(node, h5py.Dataset) and (node.size or 0) < _MOST and not node.external else None


def _number(file: h5py.File, node: h5py.Dataset, name: str, path: Path) -> float | None:
    """Return an attribute of the dataset or of the file; None when it is missing or not finite."""
    holder = node if name in node.attrs else file
    if name not in holder.attrs:
        return None
    stated = holder.attrs[name]
    try:
        value = float(np.asarray(stated).item())
    except (TypeError, ValueError):
        raise InputError(f"{path}: the attribute {name} is {stated!r}; it must be one number.") from None
    # Files write "not known" as NaN too.
    return value if np.isfinite(value) else None


def new_patterns(group: h5py.Group, name: str, shape: tuple[int, ...], kind: DTypeLike) -> h5py.Dataset:
    """Make a dataset (scan_y, scan_x, ky, kx), a chunk for each pattern, lightly compressed."""
    return group.create_dataset(
        name, shape, kind, chunks=(1, 1, *shape[2:]), compression="gzip", compression_opts=1
    )
