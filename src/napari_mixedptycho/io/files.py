"""Open a data set by its path, or a built-in sample by its name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.dataset import Dataset, Source
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import (
    digital_micrograph,
    empad,
    hdf5,
    instruments,
    matlab,
    merlin,
    nion,
    numpy_file,
    own,
    rosetta,
    tiff,
    zarr_store,
)
from napari_mixedptycho.io.contents import Contents, Found
from napari_mixedptycho.io.laid_out import laid_out
from napari_mixedptycho.io.layout import Layout
from napari_mixedptycho.io.lazy import centred, padded

SAMPLES = ("si_sigma9", "si_sigma9_static")
"""Built-in data: silicon Σ9 boundary with thermal motion, and its stationary twin, both at 1e6 e/Å²."""

HDF5 = (".h5", ".hdf5", ".hdf", ".emd", ".hspy", ".nxs", ".nx5", ".nexus", ".py4dstem")
RAW = (".raw", ".bin", ".dat")
SUFFIXES = (
    *HDF5,
    *RAW,
    ".xml",
    ".mib",
    ".hdr",
    ".dm3",
    ".dm4",
    ".blo",
    ".tvips",
    ".mrc",
    ".npy",
    ".mat",
    ".ndata",
    ".tif",
    ".tiff",
    ".zarr",
)
"""Of what is read here, without RosettaSciIO; a folder `.zarr` too."""

_READERS = {
    ".xml": empad.read,
    ".mib": merlin.read,
    ".hdr": merlin.read,
    ".dm3": digital_micrograph.read,
    ".dm4": digital_micrograph.read,
    ".blo": instruments.read_blockfile,
    ".tvips": instruments.read_tvips,
    ".mrc": instruments.read_mrc,
    ".npy": numpy_file.read,
    ".ndata": nion.read,
    ".tif": tiff.read,
    ".tiff": tiff.read,
}


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
    if zarr_store.is_store(path):
        return path
    if path.is_dir():
        raise InputError(f"{path}: this is a folder; give a data file.")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    if path.suffix.lower() not in SUFFIXES and path.suffix.lower() not in rosetta.suffixes():
        raise InputError(
            f"{path}: files of kind '{path.suffix}' cannot be read; convert it to HDF5 (.h5), or "
            "rename it to .raw and set data.detector_shape and data.number_type."
        )
    return path


def read_contents(path: Path, key: str | None = None, layout: Layout | None = None) -> Contents:
    """Open a data file and find its patterns, which stay on disk.

    Parameters
    ----------
    path
        The file, as `data_path` returns it.
    key
        Path of the dataset inside a file that can hold several; None: found by itself.
    layout
        What the file does not say itself.

    Returns
    -------
    Contents
        Complete or not; without the shape of the scan, likely ones are proposed.

    Raises
    ------
    InputError
        When the file is damaged, not of a known kind, or holds no patterns.
    """
    layout = layout or Layout()
    try:
        return laid_out(path, _read(path, key, layout), layout)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - foreign bytes make any parser fail in any way
        what = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise InputError(f"{path}: the file is damaged, or not what its name says ({what}).") from None


def load(
    file: str | os.PathLike[str],
    dataset: str | None = None,
    numbers: Mapping[str, float] | None = None,
    layout: Layout | None = None,
) -> Dataset:
    """Open a data file.

    Parameters
    ----------
    file
        Path, or ``sample:NAME``.
    dataset
        Path of the dataset inside a file that can hold several; None: found by itself.
    numbers
        Field of `Dataset` → value, used instead of what the file states (or does not state).
    layout
        What the file does not say of how its patterns lie.

    Returns
    -------
    Dataset
        Patterns are read lazily: ``patterns`` keeps the file open until it is let go. Of a detector that is
        not square, the central square, or what `Layout.square` says.

    Raises
    ------
    InputError
        When the file is missing, damaged, or not of a known kind, or lacks a number that is needed.
    """
    contents = read_contents(data_path(file), dataset, layout)
    given = {name: float(value) for name, value in (numbers or {}).items()}
    check_scan(contents)
    energy = given.get("energy", contents.numbers.get("energy"))
    stated = contents.with_energy(energy) if energy else dict(contents.numbers)
    missing = [name for name in contents.missing if name not in given and name not in stated]
    if missing:
        raise InputError(_missing(contents, missing[0]))
    sources: dict[str, Source] = {**dict.fromkeys(stated, "file"), **dict.fromkeys(given, "user")}
    values: dict[str, Any] = {**stated, **given}
    patterns, mask = squared(contents, layout or Layout())
    return Dataset(
        patterns=patterns,
        name=contents.path.stem,
        truth=contents.truth,
        mask=mask,
        sources=sources,
        notes=contents.notes,
        descan=contents.descan,
        skipped=contents.skipped,
        **values,
    )


def squared(contents: Contents, layout: Layout) -> tuple[Any, Any]:
    """Return patterns and mask of a square detector, the zero angle at ``n // 2`` as before."""
    patterns, mask = contents.patterns, contents.mask
    high, wide = (int(n) for n in patterns.shape[-2:])
    if high == wide or layout.square == "crop":
        edge = (min(high, wide),) * 2
        return centred(patterns, edge), None if mask is None else centred(mask, edge)
    edge = (max(high, wide),) * 2
    measured = np.ones((high, wide), bool) if mask is None else mask
    return padded(patterns, edge), np.asarray(padded(measured, edge)[...])


def check_scan(contents: Contents) -> None:
    """Refuse a stack of patterns whose scan is not known, with what could be meant.

    Raises
    ------
    InputError
        As said.
    """
    if contents.scan_known:
        return
    likely = " or ".join(f"[{rows}, {columns}]" for rows, columns in contents.scan_shapes[:3])
    hint = " ".join(contents.notes)
    raise InputError(
        f"{contents.path}: the file holds {contents.patterns.shape[0]} patterns and does not say the shape "
        f"of the scan; set data.scan_shape (or --scan-shape), for example {likely}."
        + (f" {hint}" if hint else "")
    )


def _missing(contents: Contents, name: str) -> str:
    if contents.format == "HDF5":
        return (
            f"{contents.path}: the attribute {own.ATTRIBUTES[name]} is missing; set it in the file, or set "
            f"microscope.{name} in the recipe."
        )
    angle = " and microscope.energy" if name == "detector_sampling" and contents.detector_angle else ""
    return (
        f"{contents.path}: the file ({contents.format}) does not say {name}; set microscope.{name}{angle} "
        "in the recipe."
    )


def _read(path: Path, key: str | None, layout: Layout) -> Found:
    """Choose the reader by the suffix, and by the first bytes where a suffix means several things."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return zarr_store.read(path, key)
    if suffix in HDF5 or (suffix == ".mat" and matlab.is_version_7(path)):
        return hdf5.read(path, key)
    if suffix == ".mat":
        return matlab.read(path, key)
    if suffix in RAW:
        described = layout.detector_shape is not None or layout.number_type is not None
        if suffix == ".raw" and not described and empad.fits(path):
            return empad.read(path)
        return instruments.read_raw(path, layout)
    reader = _READERS.get(suffix)
    return reader(path) if reader else rosetta.read(path, key)
