"""napari's way in: a scan in any format, or a result file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py

from napari_mixedptycho._napari.images import KEY, LayerData, View, dataset_layers, result_layers, scan_layers
from napari_mixedptycho._napari.missing import IncompleteError, completed
from napari_mixedptycho._napari.virtual import Scan
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import SUFFIXES, data_path, load, read_contents, rosetta
from napari_mixedptycho.recipe import Data, Microscope
from napari_mixedptycho.result import FORMAT, Result

OURS = (".mib", ".hdr", ".blo", ".tvips", ".ndata")
"""Suffixes of files that hold patterns and nothing else."""

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def suffixes() -> tuple[str, ...]:
    """Return the suffixes of all files that can be opened, those that RosettaSciIO reads among them."""
    return (*SUFFIXES, *(suffix for suffix in rosetta.suffixes() if suffix not in SUFFIXES))


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
    """Tell whether a file holds patterns.

    Where other programs' images have the same suffix, only four axes, or a format that is surely one of
    patterns, are enough; a stack of three may be anything. What is damaged is left to others too, but for
    suffixes that nobody else reads: there the reader says what is wrong.
    """
    suffix = Path(path).suffix.lower()
    try:
        contents = read_contents(data_path(path))
    except InputError:
        return suffix in OURS and Path(path).is_file()
    return contents.scan_known or suffix in OURS


def _layers(file: str) -> list[LayerData]:
    if not is_result(file):
        return _scan_layers(file)
    result = Result.load(file)
    layers = result_layers(result, View.of(result), Path(file).stem)
    for _, look, _ in layers:
        look["metadata"] = {KEY: {**look["metadata"][KEY], "result": file}}
    return layers


def _scan_layers(file: str) -> list[LayerData]:
    """Return the bright field; of a file that lacks numbers too, in pixels: the dock asks for them."""
    try:
        numbers = completed(file, Data(), Microscope())
    except IncompleteError as asked:
        if asked.contents is None or not asked.contents.scan_known:
            raise
        return scan_layers(Scan.of_contents(asked.contents), file)
    return dataset_layers(load(file, numbers=numbers), file)


def _paths(path: Paths) -> list[str]:
    return [os.fspath(path)] if isinstance(path, str | os.PathLike) else [os.fspath(p) for p in path]
