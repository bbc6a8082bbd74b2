"""Dectris ARINA and EIGER: a ``_master.h5`` that leads to files of patterns, and the microscope's ``.h5``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.lazy import Joined
from napari_mixedptycho.io.readable import check_readable
from napari_mixedptycho.io.tree import external, hard
from napari_mixedptycho.io.units import Sampling

_DETECTOR = "entry/instrument/detector"
_SPECIFIC = f"{_DETECTOR}/detectorSpecific"


def fits(file: h5py.File) -> bool:
    """Tell whether a file is a master file: ``entry/data`` holds ``data_000001`` and so on."""
    return bool(_names(file)) and isinstance(hard(file, _DETECTOR), h5py.Group)


def read(file: h5py.File, path: Path) -> Found:
    """Read the patterns of all files that a master file leads to, in order, unread.

    Raises
    ------
    InputError
        When one of them is missing, damaged, elsewhere, or of another shape.
    """
    group, parts = file["entry/data"], []
    for name in _names(file):
        link = group.get(name, getlink=True)
        part = external(path, link) if isinstance(link, h5py.ExternalLink) else group[name]
        if not isinstance(part, h5py.Dataset) or part.ndim != 3:
            raise InputError(f"{path}: entry/data/{name} holds no stack of patterns; the file is damaged.")
        check_readable(part, path)
        parts.append(part)
    if len({part.shape[1:] for part in parts}) > 1 or len({part.dtype for part in parts}) > 1:
        raise InputError(f"{path}: its files hold patterns of different shapes or kinds.")
    stack: Any = parts[0] if len(parts) == 1 else Joined(parts)
    told = _microscope(path)
    numbers, shape, notes = _numbers(file, told), _scan_shape(told, stack.shape[0]), _notes(file, told, stack)
    return Found(
        stack,
        "Dectris",
        "entry/data",
        numbers,
        Sampling(angle=_angle(file, told)),
        shape,
        mask=_mask(file, stack.shape[1:]),
        notes=notes,
    )


def _names(file: h5py.File) -> list[str]:
    group = hard(file, "entry/data")
    return (
        sorted(name for name in group if name.startswith("data_0")) if isinstance(group, h5py.Group) else []
    )


def _microscope(path: Path) -> dict[str, float]:
    """Return the numbers of the file that the microscope's computer writes beside the master file."""
    beside = path.with_name(path.name.replace("_master.h5", ".h5"))
    if beside == path or not beside.is_file():
        return {}
    try:
        with h5py.File(beside, "r") as file:
            attributes = file["STEM Metadata"].attrs
            stated = {name: np.asarray(attributes[name]) for name in attributes}
    except (OSError, KeyError, RuntimeError, AttributeError):
        return {}
    return {name: float(v.item()) for name, v in stated.items() if v.size == 1 and v.dtype.kind in "uif"}


def _scalar(file: h5py.File, name: str) -> float | None:
    node = hard(file, name)
    if not isinstance(node, h5py.Dataset) or node.size != 1 or node.dtype.kind not in "uif":
        return None
    value = float(np.asarray(node[()]).item())
    return value if np.isfinite(value) and value > 0 else None


def _numbers(file: h5py.File, told: dict[str, float]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    energy = told.get("High Tension") or _scalar(file, f"{_SPECIFIC}/photon_energy") or 0.0
    # What an X-ray detector is set to by default is no electron energy.
    if energy > 2e4:
        numbers["energy"] = energy
    if told.get("Pixel Size", 0.0) > 0:
        numbers["scan_step"] = told["Pixel Size"] * 10
    return numbers


def _angle(file: h5py.File, told: dict[str, float]) -> float | None:
    """Return mrad per pixel from the camera length, both in metres."""
    length, pixel = told.get("Camera Length", 0.0), _scalar(file, f"{_DETECTOR}/x_pixel_size")
    return 1e3 * pixel / length if length > 0 and pixel else None


def _scan_shape(told: dict[str, float], count: int) -> tuple[int, int] | None:
    rows, columns = int(told.get("NumPixelsY", 0)), int(told.get("NumPixelsX", 0))
    return (rows, columns) if rows > 0 and columns > 0 and rows * columns == count else None


def _notes(file: h5py.File, told: dict[str, float], stack: Any) -> tuple[str, ...]:
    notes = []
    if told.get("Camera Length"):
        notes.append("The detector sampling comes from the nominal camera length; calibrate it.")
    if told.get("Pixel Size") and not told.get("IsPixelSizeCalibrated", 1.0):
        notes.append("The microscope says that its scan step is not calibrated.")
    expected = (_scalar(file, f"{_SPECIFIC}/ntrigger") or 1) * (_scalar(file, f"{_SPECIFIC}/nimages") or 1)
    if expected > stack.shape[0]:
        notes.append(f"The recording stopped after {stack.shape[0]} of {expected:.0f} patterns.")
    return tuple(notes)


def _mask(file: h5py.File, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """Return the pixels that the detector calls good; None when all are."""
    name = f"{_SPECIFIC}/pixel_mask"
    node = hard(file, name)
    if not isinstance(node, h5py.Dataset) or node.shape != shape or node.dtype.kind not in "ui":
        return None
    good = np.asarray(node[()] == 0)
    return None if good.all() or not good.any() else good
