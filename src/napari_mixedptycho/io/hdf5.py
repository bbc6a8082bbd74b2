"""Read our HDF5 layout: one 4-D dataset, the microscope's numbers as attributes, optionally a known truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_mixedptycho.dataset import Dataset, Source, Truth
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

REQUIRED = ("energy", "semiangle", "scan_step", "detector_sampling")
"""Fields without which nothing can be reconstructed."""

_TRUTH = {
    "columns_mean": "columns_mean",
    "columns_per_snapshot": "columns_per_snapshot",
    "columns_in_scan": "columns_in_scan",
    "atoms": "atoms_yxz",
}
"""Field of `Truth` → dataset of the group ``truth``."""


@dataclass(frozen=True)
class Contents:
    """What a data file holds, complete or not.

    Attributes
    ----------
    path, key
        The file, and the path of the 4-D dataset inside it.
    patterns
        The HDF5 dataset, unread; it keeps the file open as long as it lives.
    numbers
        Field of `Dataset` → value, for the numbers that the file states.
    truth
        The known specimen of simulated data.
    """

    path: Path
    key: str
    patterns: h5py.Dataset
    numbers: Mapping[str, float]
    truth: Truth | None

    @property
    def missing(self) -> tuple[str, ...]:
        """Required numbers that the file does not state."""
        return tuple(field for field in REQUIRED if field not in self.numbers)


def read_contents(path: Path, key: str | None = None) -> Contents:
    """Open an HDF5 file and find its patterns, which stay on disk.

    Parameters
    ----------
    path
        The file.
    key
        Path of the dataset inside it; None: the only 4-D dataset, or the one called ``data``.

    Raises
    ------
    InputError
        When the file is damaged or a result, or the dataset is missing or not 4-D, or an attribute is
        not a number.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: this is not a readable HDF5 file ({_reason(error)}).") from None
    try:
        patterns = _patterns(file, path, key)
        attributes = {**dict(file.attrs), **dict(patterns.attrs)}
        truth = _truth(file, path)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: the file is damaged ({_reason(error)}).") from None
    found = {field: _number(attributes, name, path) for field, name in ATTRIBUTES.items()}
    found["electrons_per_unit"] = _electrons(patterns, attributes, path)
    numbers = {field: value for field, value in found.items() if value is not None}
    return Contents(path, patterns.name.lstrip("/"), patterns, numbers, truth)


def load_hdf5(path: Path, key: str | None = None, numbers: Mapping[str, float] | None = None) -> Dataset:
    """Open an HDF5 file as a data set; patterns stay on disk until they are asked for.

    Parameters
    ----------
    path, key
        As for `read_contents`.
    numbers
        Field of `Dataset` → value, used instead of what the file states (or does not state).

    Raises
    ------
    InputError
        As `read_contents`, and when a required number is missing.
    """
    contents = read_contents(path, key)
    given = {name: float(value) for name, value in (numbers or {}).items()}
    missing = [field for field in contents.missing if field not in given]
    if missing:
        raise InputError(
            f"{path}: the attribute {ATTRIBUTES[missing[0]]} is missing; set it in the file, or set "
            f"microscope.{missing[0]} in the recipe."
        )
    sources: dict[str, Source] = {**dict.fromkeys(contents.numbers, "file"), **dict.fromkeys(given, "user")}
    values: dict[str, Any] = {**contents.numbers, **given}
    return Dataset(
        patterns=contents.patterns, name=path.stem, truth=contents.truth, sources=sources, **values
    )


def _patterns(file: h5py.File, path: Path, key: str | None) -> h5py.Dataset:
    found: dict[str, h5py.Dataset] = {}
    file.visititems(lambda name, node: found.update({name: node}) if isinstance(node, h5py.Dataset) else None)
    stacks = [name for name, node in found.items() if node.ndim == 4]
    there = ", ".join(f"{name} {node.shape}" for name, node in found.items() if node.ndim >= 3) or "none"
    if key is not None:
        if key.strip("/") not in found:
            raise InputError(f"{path}: there is no dataset '{key}'; datasets of three or more axes: {there}.")
        chosen = found[key.strip("/")]
    elif "recipe.toml" in found:
        raise InputError(f"{path}: this is a result, not data; give the file of the patterns.")
    elif len(stacks) == 1 or "data" in stacks:
        chosen = found["data" if "data" in stacks else stacks[0]]
    elif stacks:
        raise InputError(f"{path}: there are several data sets; set data.dataset to one of: {there}.")
    else:
        raise InputError(
            f"{path}: there is no dataset of four axes (scan_y, scan_x, ky, kx); datasets of three or more "
            f"axes: {there}."
        )
    if chosen.ndim != 4:
        raise InputError(
            f"{path}: the dataset '{chosen.name.strip('/')}' has shape {chosen.shape}; four axes "
            "(scan_y, scan_x, ky, kx) are needed."
        )
    return chosen


def _number(attributes: Mapping[str, Any], name: str, path: Path) -> float | None:
    if name not in attributes:
        return None
    try:
        value = float(np.asarray(attributes[name]).item())
    except (TypeError, ValueError):
        raise InputError(
            f"{path}: the attribute {name} is {attributes[name]!r}; it must be one number."
        ) from None
    # Files write "not known" as NaN too.
    return value if np.isfinite(value) else None


def _electrons(patterns: h5py.Dataset, attributes: Mapping[str, Any], path: Path) -> float | None:
    """Return the electrons of one stored unit: 1 for counts, else from the electrons per pattern."""
    if np.dtype(patterns.dtype).kind in "ui":
        return 1.0
    electrons = _number(attributes, "electrons_per_pattern", path)
    if electrons is None or electrons <= 0 or patterns.size == 0 or np.dtype(patterns.dtype).kind != "f":
        return None
    middle = tuple(length // 2 for length in patterns.shape[:2])
    try:
        total = float(np.sum(patterns[middle], dtype=np.float64))
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: the patterns cannot be read ({_reason(error)}).") from None
    # A pattern that adds up to about the electrons themselves holds electrons; else one that misses the
    # detector by a little adds up to about one.
    return 1.0 if 0.5 < total / electrons < 2 and not 0.5 < total < 2 else electrons


def _truth(file: h5py.File, path: Path) -> Truth | None:
    group = file.get("truth")
    if not isinstance(group, h5py.Group) or any(name not in group for name in _TRUTH.values()):
        return None
    kinds = {"columns_in_scan": bool}
    try:
        return Truth(
            **{field: group[name][()].astype(kinds.get(field, np.float64)) for field, name in _TRUTH.items()}
        )
    except (TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: the group 'truth' does not hold numbers as it should.") from None


def _reason(error: BaseException) -> str:
    """Return what HDF5 says, without its line breaks and the closing full stop."""
    return " ".join(str(error).split()).rstrip(".")
