"""Read our HDF5 layout: one 4-D dataset, the microscope's numbers as attributes, optionally a known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_mixedptycho.dataset import Dataset, Truth
from napari_mixedptycho.errors import InputError

ATTRIBUTES = {
    "energy": "energy_eV",
    "semiangle": "semiangle_mrad",
    "scan_step": "scan_step_A",
    "detector_sampling": "dk",
    "defocus": "defocus_A",
    "thickness": "thickness_A",
}
"""Field of `Dataset` → attribute of the file (Å, mrad, eV, 1/Å)."""

_REQUIRED = ("energy", "semiangle", "scan_step", "detector_sampling")


def load_hdf5(path: Path, key: str | None = None) -> Dataset:
    """Open an HDF5 file; patterns stay on disk until they are asked for.

    Parameters
    ----------
    path
        The file.
    key
        Path of the dataset inside it; None: the only 4-D dataset, or the one called ``data``.

    Raises
    ------
    InputError
        When the file is damaged, the dataset is missing or not 4-D, or a number is missing.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: this is not a readable HDF5 file ({error}).") from None
    patterns = _patterns(file, path, key)
    attributes = {**dict(file.attrs), **dict(patterns.attrs)}
    numbers = {field: _number(attributes, name, path) for field, name in ATTRIBUTES.items()}
    missing = [ATTRIBUTES[field] for field in _REQUIRED if numbers[field] is None]
    if missing:
        raise InputError(
            f"{path}: the attribute {missing[0]} is missing; set it in the file or in the recipe."
        )
    known: dict[str, Any] = {field: value for field, value in numbers.items() if value is not None}
    counts = np.dtype(patterns.dtype).kind in "ui"
    return Dataset(
        patterns=patterns,
        electrons_per_unit=1.0 if counts else _number(attributes, "electrons_per_pattern", path),
        name=path.stem,
        truth=_truth(file),
        sources=dict.fromkeys(known, "file"),
        **known,
    )


def _patterns(file: h5py.File, path: Path, key: str | None) -> h5py.Dataset:
    found: dict[str, h5py.Dataset] = {}
    file.visititems(lambda name, node: found.update({name: node}) if isinstance(node, h5py.Dataset) else None)
    stacks = [name for name, node in found.items() if node.ndim == 4]
    if key is None:
        key = "data" if "data" in stacks or len(stacks) != 1 else stacks[0]
    if key not in found:
        there = ", ".join(f"{name} {node.shape}" for name, node in found.items() if node.ndim >= 3) or "none"
        raise InputError(f"{path}: there is no dataset '{key}'; datasets of three or more axes: {there}.")
    return found[key]


def _number(attributes: dict[str, Any], name: str, path: Path) -> float | None:
    if name not in attributes:
        return None
    try:
        return float(attributes[name])
    except (TypeError, ValueError):
        raise InputError(
            f"{path}: the attribute {name} is {attributes[name]!r}; it must be a number."
        ) from None


def _truth(file: h5py.File) -> Truth | None:
    names = {
        "columns_mean": "columns_mean",
        "columns_per_snapshot": "columns_per_snapshot",
        "columns_in_scan": "columns_in_scan",
        "atoms": "atoms_yxz",
    }
    group = file.get("truth")
    if not isinstance(group, h5py.Group) or any(name not in group for name in names.values()):
        return None
    kinds = {"columns_in_scan": bool}
    return Truth(
        **{field: group[name][()].astype(kinds.get(field, np.float64)) for field, name in names.items()}
    )
