"""Open a data set by its path, or a built-in sample by its name."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.hdf5 import load_hdf5

SAMPLES = ("si_sigma9", "si_sigma9_static")
"""Built-in data: silicon Σ9 boundary with thermal motion, and its stationary twin, both at 1e6 e/Å²."""


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


def load(file: str | os.PathLike[str], dataset: str | None = None) -> Dataset:
    """Open a data file.

    Parameters
    ----------
    file
        Path, or ``sample:NAME``.
    dataset
        Path of the 4-D dataset inside an HDF5 file; None: found by itself.

    Returns
    -------
    Dataset
        Patterns are read lazily.

    Raises
    ------
    InputError
        When the file is missing, damaged, or not of a known kind.
    """
    text = os.fspath(file)
    path = sample_path(text) if text.startswith("sample:") else Path(text)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    if path.suffix.lower() not in {".h5", ".hdf5"}:
        raise InputError(f"{path}: files of kind '{path.suffix}' cannot be read; convert it to HDF5 (.h5).")
    return load_hdf5(path, dataset)
