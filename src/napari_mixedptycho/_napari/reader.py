"""napari's way in: a scan in our HDF5 layout, or a result file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py

from napari_mixedptycho._napari.images import KEY, LayerData, View, dataset_layers, result_layers
from napari_mixedptycho.io import load
from napari_mixedptycho.result import FORMAT, Result

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def get_reader(path: Paths) -> Callable[[Paths], list[LayerData]] | None:
    """Return the reader when the file is a scan or a result, else None so that others may try."""
    first = _paths(path)[0]
    return read if is_result(first) or is_scan(first) else None


def read(path: Paths) -> list[LayerData]:
    """Return the layers of files; raises `InputError` when one cannot be used."""
    return [layer for file in _paths(path) for layer in _layers(file)]


def is_result(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is a result of this package."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:
        return False


def is_scan(path: str | os.PathLike[str]) -> bool:
    """Tell whether an HDF5 file holds patterns: a dataset of four axes."""
    try:
        with h5py.File(path, "r") as file:
            return bool(
                file.visititems(lambda _, node: True if len(getattr(node, "shape", ())) == 4 else None)
            )
    except OSError:
        return False


def _layers(file: str) -> list[LayerData]:
    if not is_result(file):
        return dataset_layers(load(file), file)
    result = Result.load(file)
    layers = result_layers(result, View.of(result), Path(file).stem)
    for _, look, _ in layers:
        look["metadata"] = {KEY: {**look["metadata"][KEY], "result": file}}
    return layers


def _paths(path: Paths) -> list[str]:
    return [os.fspath(path)] if isinstance(path, str | os.PathLike) else [os.fspath(p) for p in path]
