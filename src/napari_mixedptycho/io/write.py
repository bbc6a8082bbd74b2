"""Patterns into a file of ours, or into EMD 1.0 that py4DSTEM, HyperSpy and RosettaSciIO open."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.contents import Contents
from napari_mixedptycho.io.own import ATTRIBUTES, FORMAT, TRUTH, new_patterns
from napari_mixedptycho.new_hdf5 import Step, growing_hdf5
from napari_mixedptycho.stored import held, rows_at_once

BLOCK = 2**26
"""Bytes of patterns that are read at a time; with changed copies, some three times as much is held."""
_ROUNDING = 0.05
"""Part of the intensity that rounding to whole numbers may change."""


def write_hdf5(contents: Contents, path: Path) -> Iterator[tuple[int, int]]:
    """Write our HDF5: ``data (scan_y, scan_x, ky, kx)`` and the known numbers as attributes.

    Parameters
    ----------
    contents
        What to write; the shape of its scan must be known.
    path
        The new file; it appears under its name when it is complete.

    Yields
    ------
    tuple
        Rows written, and rows in all.

    Raises
    ------
    InputError
        When the file cannot be written, or the patterns cannot be read.
    """
    yield from _written(contents, path, _fill_own)


def write_emd(contents: Contents, path: Path) -> Iterator[tuple[int, int]]:
    """Write EMD 1.0: one datacube with its calibrations; arguments and errors as `write_hdf5`."""
    yield from _written(contents, path, _fill_emd)


def _written(contents: Contents, path: Path, fill: Any) -> Iterator[tuple[int, int]]:
    part = path.with_name(f".{path.name}.part")
    try:
        with growing_hdf5(part) as do:
            target = do(lambda file: fill(file, contents))
            yield from _copied(contents, target, do)
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path}: the file cannot be written ({error.strerror or error}).") from None
    finally:
        part.unlink(missing_ok=True)


def _copied(contents: Contents, target: h5py.Dataset, do: Step) -> Iterator[tuple[int, int]]:
    """Copy some rows, or a part of one, at a time."""
    patterns = contents.patterns
    rows, columns = (int(n) for n in patterns.shape[:2])
    many = max(1, BLOCK // held(patterns))
    down = rows_at_once(patterns, many)
    along = columns if down * columns <= 4 * many else min(columns, many)
    kind = do(lambda _: target.dtype)
    for first in range(0, rows, down):
        for start in range(0, columns, along):
            where = slice(first, first + down), slice(start, start + along)
            values = _fitted(_read(contents, where), kind, contents)
            do(partial(_put, target, where, values))
        yield min(first + down, rows), rows


def _put(target: h5py.Dataset, where: Any, values: NDArray[Any], _file: h5py.File) -> None:
    target[where] = values


def _read(contents: Contents, where: tuple[slice, slice]) -> NDArray[Any]:
    try:
        return np.asarray(contents.patterns[where])
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{contents.path}: rows from {where[0].start} on cannot be read ({error}); the file is damaged."
        ) from None


def _fitted(values: NDArray[Any], kind: np.dtype[Any], contents: Contents) -> NDArray[Any]:
    """Return values as numbers of a type; refuse those that it cannot hold."""
    if values.dtype == kind or kind.kind == "f":
        return values
    limits = np.iinfo(kind)
    whole = np.rint(values) if values.dtype.kind == "f" else values
    low, high = float(np.min(whole)), float(np.max(whole))
    if not (limits.min <= low and high <= limits.max):
        raise InputError(
            f"{contents.path}: patterns hold values from {low:g} to {high:g}, which {kind} cannot "
            "hold; choose another number type."
        )
    before, after = float(values.sum(dtype="f8")), float(whole.sum(dtype="f8"))
    if abs(after - before) > _ROUNDING * abs(before):
        raise InputError(
            f"{contents.path}: patterns hold fractions; as {kind} they would add up to {after:.4g} in place "
            f"of {before:.4g}; choose float32."
        )
    return whole.astype(kind)


def _dataset(group: h5py.Group, name: str, contents: Contents) -> h5py.Dataset:
    kind = contents.number_type or np.dtype(contents.patterns.dtype).newbyteorder("=")
    return new_patterns(group, name, tuple(int(n) for n in contents.patterns.shape), kind)


def _fill_own(file: h5py.File, contents: Contents) -> h5py.Dataset:
    data = _dataset(file, "data", contents)
    data.attrs.update(_attributes(contents.numbers))
    if "electrons_per_unit" not in contents.numbers:
        data.attrs[ATTRIBUTES["electrons_per_unit"]] = np.nan  # else whole numbers would pass for counts
    file.attrs["format"] = FORMAT
    file.attrs["notes"] = "\n".join(contents.notes)
    if contents.descan is not None:
        file["descan"] = contents.descan
    if contents.skipped is not None:
        file["skipped"] = contents.skipped.astype(np.uint8)
    if contents.mask is not None:
        file["mask"] = contents.mask.astype(np.uint8)
    if contents.truth is not None:
        for field, name in TRUTH.items():
            file[f"truth/{name}"] = getattr(contents.truth, field)
    return data


def _attributes(numbers: Mapping[str, float]) -> dict[str, float]:
    return {ATTRIBUTES[name]: value for name, value in numbers.items() if name in ATTRIBUTES}


def _fill_emd(file: h5py.File, contents: Contents) -> h5py.Dataset:
    """Write the tree that emdfile and py4DSTEM 0.14 write: a root, an array, and a bundle of metadata."""
    file.attrs.update({"emd_group_type": "file", "version_major": 1, "version_minor": 0})
    file.attrs["authoring_program"] = "napari-mixedptycho"
    root = file.create_group("datacube_root")
    root.attrs.update({"emd_group_type": "root", "python_class": "Root"})
    cube = root.create_group("datacube")
    cube.attrs.update({"emd_group_type": "array", "python_class": "DataCube"})
    data = _dataset(cube, "data", contents)
    data.attrs["units"] = "pixel intensity"
    step, pixel = (contents.numbers.get(name) for name in ("scan_step", "detector_sampling"))
    scales = [(step, "A")] * 2 + [(pixel, "A^-1")] * 2
    for axis, (name, (scale, unit)) in enumerate(zip(("Rx", "Ry", "Qx", "Qy"), scales, strict=True)):
        length = contents.patterns.shape[axis]
        dim = cube.create_dataset(f"dim{axis}", data=np.arange(length) * (scale or 1.0))
        dim.attrs.update({"name": name, "units": unit if scale else "pixels"})
    bundle = root.create_group("metadatabundle")
    bundle.attrs.update({"emd_group_type": "metadatabundle"})
    calibration = bundle.create_group("calibration")
    calibration.attrs.update({"emd_group_type": "metadata", "python_class": "Calibration"})
    values = {
        "R_pixel_size": step or 1.0,
        "R_pixel_units": "A" if step else "pixels",
        "Q_pixel_size": pixel or 1.0,
        "Q_pixel_units": "A^-1" if pixel else "pixels",
        "QR_flip": False,
    }
    for name, value in values.items():
        calibration[name] = value
        kinds = {bool: "bool", str: "string"}  # emdfile reads nothing that has no type
        calibration[name].attrs["type"] = kinds.get(type(value), "number")
    # Our own numbers stand beside them, so that nothing is lost on the way back.
    data.attrs.update(_attributes(contents.numbers))
    return data
