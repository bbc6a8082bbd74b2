"""Named arrays with calibrated axes into EMD 1.0 and TIFF, for other programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.new_hdf5 import new_hdf5
from napari_mixedptycho.words import size

_UNITS = {"Å": "A", "1/Å": "A^-1"}
"""How EMD files spell them."""
_LARGEST_TIFF = 2**32 - 2**24
_NANOMETRES = 0.1  # per Å


@dataclass(frozen=True)
class Axis:
    """An axis of an array.

    Attributes
    ----------
    name, unit
        Unit: Å, 1/Å, or nothing for numbers such as states.
    scale, offset
        Of a pixel, and of the first pixel.
    """

    name: str
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Field:
    """An array, what it is, and along what.

    Attributes
    ----------
    name
        No name may begin another one: RosettaSciIO would stack the two.
    values
        The last two axes are y and x.
    unit
        Of the values.
    axes
        One for each.
    """

    name: str
    values: NDArray[Any]
    unit: str
    axes: tuple[Axis, ...]


def write_emd_fields(path: Path, fields: Sequence[Field], facts: Mapping[str, str | float]) -> None:
    """Write arrays as EMD 1.0, as emdfile, py4DSTEM, HyperSpy and RosettaSciIO open it.

    Parameters
    ----------
    path
        The new file; it appears under its name when it is complete.
    fields
        What to write.
    facts
        Texts and numbers to keep beside them; RosettaSciIO would take a name that begins with "data" for an
        array.

    Raises
    ------
    InputError
        When the file cannot be written.
    """

    def fill(file: h5py.File) -> None:
        file.attrs.update({"emd_group_type": "file", "version_major": 1, "version_minor": 0})
        file.attrs["authoring_program"] = "napari-mixedptycho"
        root = file.create_group("result_root")
        root.attrs.update({"emd_group_type": "root", "python_class": "Root"})
        for field in fields:
            _fill_array(root.create_group(field.name), field)
        bundle = root.create_group("metadatabundle")
        bundle.attrs["emd_group_type"] = "metadatabundle"
        _fill_facts(bundle.create_group("result"), facts)

    _written(path, lambda part: new_hdf5(part, fill))


def _fill_array(group: h5py.Group, field: Field) -> None:
    group.attrs.update({"emd_group_type": "array", "python_class": "Array"})
    data = group.create_dataset("data", data=field.values, compression="gzip", compression_opts=1)
    data.attrs["units"] = field.unit
    for number, axis in enumerate(field.axes):
        # The first two values stand for an even axis; so it is also told where there is one pixel.
        dim = group.create_dataset(f"dim{number}", data=[axis.offset, axis.offset + axis.scale])
        dim.attrs.update({"name": axis.name, "units": _UNITS.get(axis.unit, axis.unit)})


def _fill_facts(group: h5py.Group, facts: Mapping[str, str | float]) -> None:
    group.attrs.update({"emd_group_type": "metadata", "python_class": "Metadata"})
    for name, value in facts.items():
        group[name] = value
        group[name].attrs["type"] = "string" if isinstance(value, str) else "number"


def write_tiff(path: Path, field: Field, labels: Sequence[str] | None = None) -> None:
    """Write an array as a TIFF of 32-bit floats that ImageJ opens with its pixel size, in nm.

    Axes before y and x become time points (states) and, of two, slices.

    Parameters
    ----------
    path
        The new file.
    field
        (y, x), (N, y, x) or (N, slice, y, x); the scales of y and x are in Å.
    labels
        Of the pages.

    Raises
    ------
    InputError
        When tifffile is not installed, or the file cannot be written or would be larger than TIFF allows.
    """
    try:
        tifffile = import_module("tifffile")
    except ImportError:
        raise InputError(
            f'{path}: TIFF needs tifffile; install it with: pip install "napari-mixedptycho[formats]".'
        ) from None
    values = np.ascontiguousarray(field.values, dtype=np.float32)
    if values.nbytes > _LARGEST_TIFF:
        raise InputError(f"{path}: {size(values.nbytes)} do not fit into a TIFF; take EMD instead.")
    metadata: dict[str, Any] = {"axes": {2: "YX", 3: "TYX", 4: "TZYX"}[values.ndim], "unit": "nm"}
    metadata |= {"min": float(values.min()), "max": float(values.max())}
    if values.ndim == 4:
        metadata["spacing"] = field.axes[1].scale * _NANOMETRES
    if labels is not None:
        metadata["Labels"] = list(labels)
    y, x = (1 / (axis.scale * _NANOMETRES) for axis in field.axes[-2:])

    def fill(part: Path) -> None:
        tifffile.imwrite(part, values, imagej=True, resolution=(x, y), metadata=metadata)

    _written(path, fill)


def _written(path: Path, fill: Callable[[Path], None]) -> None:
    """Write a file under another name first, so that it is there when it is complete."""
    part = path.with_name(f".{path.name}.part")
    try:
        fill(part)
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path}: the file cannot be written ({error.strerror or error}).") from None
    finally:
        part.unlink(missing_ok=True)
