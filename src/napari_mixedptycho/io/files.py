"""Open a data set by its path, or a built-in sample by its name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.hdf5 import load_hdf5

SAMPLES = ("si_sigma9", "si_sigma9_static")
"""Built-in data: silicon Σ9 boundary with thermal motion, and its stationary twin, both at 1e6 e/Å²."""

SUFFIXES = (".h5", ".hdf5")
"""Of the files that can be read."""


def sample_path(name: str) -> Path:
    """Return the path of a built-in sample; `name` with or without ``sample:``.

    Raises
    ------
    InputError
        When there is no such sample.
    """
    name = name.removeprefix("sample:")
    if name not in SAMPLES:
        raise InputError(f"There is no sample '{name}'; there are: {', '.join(SAMPLES)}.")
    return Path(str(files("napari_mixedptycho") / "data" / f"{name}.h5"))


def data_path(file: str | os.PathLike[str]) -> Path:
    """Return the path of a data file or of a built-in sample.

    Parameters
    ----------
    file
        Path, or ``sample:NAME``.

    Raises
    ------
    InputError
        When there is no such file, or it is not of a known kind.
    """
    text = os.fspath(file)
    path = sample_path(text) if text.startswith("sample:") else Path(text)
    if path.is_dir():
        raise InputError(f"{path}: this is a folder; give a data file.")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: files of kind '{path.suffix}' cannot be read; convert it to HDF5 (.h5).")
    return path


def load(
    file: str | os.PathLike[str], dataset: str | None = None, numbers: Mapping[str, float] | None = None
) -> Dataset:
    """Open a data file.

    Parameters
    ----------
    file
        Path, or ``sample:NAME``.
    dataset
        Path of the 4-D dataset inside an HDF5 file; None: found by itself.
    numbers
        Field of `Dataset` → value, used instead of what the file states (or does not state).

    Returns
    -------
    Dataset
        Patterns are read lazily: ``patterns`` keeps the file open until it is let go.

    Raises
    ------
    InputError
        When the file is missing, damaged, or not of a known kind.
    """
    return load_hdf5(data_path(file), dataset, numbers)
