"""Whether a dataset of an HDF5 file can be read, and without harm."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.mapped import check_pattern
from napari_mixedptycho.io.tree import check_links
from napari_mixedptycho.words import size

_LARGEST_CHUNK = 2**29
_LARGEST_PATTERN = 2**29
_EXPANDS = 20_000
"""An honest compression makes data at most so many times smaller than they are."""


def check_readable(node: h5py.Dataset, path: Path) -> None:
    """Refuse a dataset that cannot be read, or whose reading would do harm.

    Raises
    ------
    InputError
        When its numbers are not real, its size cannot be true, it was never written, a file it leads to is
        missing or elsewhere, or a filter is not installed.
    """
    name = str(node.name).strip("/")
    if np.dtype(node.dtype).kind not in "buif":
        raise InputError(
            f"{path}: the dataset '{name}' has dtype {node.dtype}: patterns need real numbers; choose "
            "another with data.dataset."
        )
    check_pattern(path, node.shape[-2:])
    pattern = int(np.prod(node.shape[-2:], dtype=object)) * node.dtype.itemsize
    chunk = int(np.prod(node.chunks or (1,), dtype=object)) * node.dtype.itemsize
    if pattern > _LARGEST_PATTERN or chunk > _LARGEST_CHUNK:
        raise InputError(
            f"{path}: one pattern of '{name}' {node.shape} would take {size(max(pattern, chunk))} "
            "to read; the file is damaged."
        )
    check_links(node, path)
    _check_size(node, path, name)
    _check_filters(node, path, name)


def _check_size(node: h5py.Dataset, path: Path, name: str) -> None:
    if node.is_virtual or node.external:
        return
    declared = int(np.prod(node.shape, dtype=object)) * node.dtype.itemsize
    stored = int(node.id.get_storage_size())
    if declared and not stored:
        raise InputError(f"{path}: the dataset '{name}' was never written; the recording did not start.")
    if declared > _EXPANDS * max(stored, 2**16):
        raise InputError(
            f"{path}: the dataset '{name}' is said to have shape {node.shape} and only {stored} bytes are "
            "there; the file is damaged, or hardly anything was recorded."
        )


def _check_filters(node: h5py.Dataset, path: Path, name: str) -> None:
    """Load the filters of hdf5plugin when one is needed, or say what to install."""
    missing = [code for code in _filters(node) if not h5py.h5z.filter_avail(code)]
    if not missing:
        return
    try:
        import_module("hdf5plugin")
    except ImportError:
        raise InputError(
            f"{path}: '{name}' is compressed with filter {missing[0]} of HDF5, which is not installed; "
            'install it with: pip install "napari-mixedptycho[formats]".'
        ) from None
    unknown = [code for code in missing if not h5py.h5z.filter_avail(code)]
    if unknown:
        raise InputError(
            f"{path}: '{name}' is compressed with filter {unknown[0]} of HDF5, which is not known."
        )


def _filters(node: h5py.Dataset) -> Iterator[int]:
    plist = node.id.get_create_plist()
    for index in range(plist.get_nfilters()):
        yield int(plist.get_filter(index)[0])
