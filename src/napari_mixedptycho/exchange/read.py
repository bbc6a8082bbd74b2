"""Find out by its content which program wrote a file, and read it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.exchange import phaser, ptyrad, py4dstem, pypty, quantem
from napari_mixedptycho.exchange.imported import Imported

_HDF5: dict[Callable[[h5py.File], bool], Callable[[h5py.File], Imported]] = {
    program.recognise: program.read for program in (phaser, ptyrad, pypty, py4dstem)
}
PROGRAMS = "pypty, PtyRAD, phaser, py4DSTEM and quantem"
"""Whose results can be read."""
_FAULTS = (OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, zipfile.BadZipFile)


def read_foreign(path: str | os.PathLike[str]) -> Imported:
    """Read a result of another program; the name of the file plays no part.

    Raises
    ------
    InputError
        When the file is missing, of no known program, damaged, or a pickle.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file.")
    _refuse_pickles(path)
    try:
        found = _numpy(path) if zipfile.is_zipfile(path) else _hdf5(path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except _FAULTS as error:
        reason = " ".join(str(error).split()).strip("'\"").rstrip(".")
        raise InputError(f"{path}: the result of another program cannot be read ({reason}).") from None
    if found is None:
        raise InputError(
            f"{path}: this is no result that is known here; those of this program and of {PROGRAMS} are."
        )
    return found


def _hdf5(path: Path) -> Imported | None:
    if path.is_dir() or not h5py.is_hdf5(path):
        return None
    with h5py.File(path, "r") as file:
        for recognise, read in _HDF5.items():
            if recognise(file):
                return read(file)
    return None


def _numpy(path: Path) -> Imported | None:
    with zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
    if not quantem.recognise(names):
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return quantem.read({name: arrays[name] for name in names if arrays[name].dtype.kind in "biufc"})


def _refuse_pickles(path: Path) -> None:
    """Name the export that works, for what could only be read by running what is inside."""
    if path.is_dir():
        if (path / "params.pkl").exists() or (path / "co.npy").exists():
            raise InputError(f"{path}: pypty keeps its numbers in a pickle; write one file: {pypty.EXPORT}.")
        if (path / "zarr.json").exists():
            raise InputError(f"{path}: quantem saves pickles; write its arrays: {quantem.EXPORT}.")
        return
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if "zarr.json" in names:
            raise InputError(f"{path}: quantem saves pickles; write its arrays: {quantem.EXPORT}.")
        if any(name.endswith("data.pkl") for name in names):
            raise InputError(f"{path}: this is a pickle of PyTorch; save HDF5 there (PtyRAD does by itself).")
        return
    with path.open("rb") as handle:
        start = handle.read(2)
    if start[:1] == b"\x80" and start[1:] in {bytes([version]) for version in range(2, 6)}:
        raise InputError(f"{path}: this is a pickle, which is not opened; from pypty write: {pypty.EXPORT}.")
