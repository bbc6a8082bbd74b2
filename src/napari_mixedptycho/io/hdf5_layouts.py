"""What programs say of their patterns in HDF5: EMD, py4DSTEM, fpd, HyperSpy, Nion, NeXus, Velox, MATLAB."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from napari_mixedptycho.io import matlab, nion
from napari_mixedptycho.io.axes import Axis
from napari_mixedptycho.io.tree import hard
from napari_mixedptycho.io.units import Sampling, plain, sampling

_LARGEST_TEXT = 2**24
_MOST_NODES = 2000


@dataclass(frozen=True)
class Layout:
    """What a program says of the dataset it wrote.

    Attributes
    ----------
    name
        What the layout is called.
    axes
        One per axis, in the order after `order`; empty when nothing is said.
    order
        Axes of the dataset as they must be rearranged, whatever their units; empty: as they are.
    numbers
        Field of `Dataset` → value.
    detector
        Detector sampling when it is not said by the axes.
    notes
        What the user should know.
    """

    name: str
    axes: tuple[Axis, ...] = ()
    order: tuple[int, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)
    detector: Sampling | None = None
    notes: tuple[str, ...] = ()


def layout_of(file: h5py.File, node: h5py.Dataset) -> Layout:
    """Return what the first program that knows the dataset as its own says of it."""
    known: tuple[Callable[[h5py.File, h5py.Dataset], Layout | None], ...] = (
        _nion,
        _hyperspy,
        _velox,
        _emd,
        _nexus,
        _matlab,
    )
    for recognise in known:
        layout = recognise(file, node)
        if layout is not None:
            return layout
    return Layout("HDF5")


def _nion(file: h5py.File, node: h5py.Dataset) -> Layout | None:
    text = node.attrs.get("properties")
    if not isinstance(text, str | bytes) or len(text) > _LARGEST_TEXT:
        return None
    try:
        told = nion.described_by(json.loads(text), node.ndim)
    except ValueError:
        return None
    return Layout("Nion HDF5", told.axes, (), told.numbers)


def _hyperspy(file: h5py.File, node: h5py.Dataset) -> Layout | None:
    group = node.parent
    entries = [hard(group, f"axis-{axis}") for axis in range(node.ndim)]
    if not all(isinstance(entry, h5py.Group) for entry in entries):
        return None
    axes = tuple(
        Axis(_text(e.attrs.get("name")), _real(e.attrs.get("scale")), _text(e.attrs.get("units")))
        for e in entries
    )
    # HyperSpy itself says which axes are the scan's.
    moves = [axis for axis, e in enumerate(entries) if _real(e.attrs.get("navigate"))]
    stays = [axis for axis in range(node.ndim) if axis not in moves]
    order = (*moves, *stays) if len(stays) == 2 else ()
    microscope = hard(group, "metadata/Acquisition_instrument/TEM")
    numbers: dict[str, float] = {}
    if isinstance(microscope, h5py.Group):
        energy, angle = (_real(microscope.attrs.get(n)) for n in ("beam_energy", "convergence_angle"))
        numbers |= {"energy": energy * 1e3} if 1 < energy < 1e4 else {}
        numbers |= {"semiangle": angle} if angle > 0 else {}
    return Layout("HyperSpy", tuple(axes[a] for a in order) if order else axes, order, numbers)


def _velox(file: h5py.File, node: h5py.Dataset) -> Layout | None:
    if not str(node.name).startswith("/Data/Image/") or node.ndim != 3:
        return None
    text = hard(node.parent, "Metadata")
    facts = _json_column(text) if isinstance(text, h5py.Dataset) else {}
    optics, binary = facts.get("Optics", {}), facts.get("BinaryResult", {})
    energy, angle = _real(optics.get("AccelerationVoltage")), _real(optics.get("BeamConvergence"))
    numbers = {"energy": energy} if energy > 1e3 else {}
    numbers |= {"semiangle": angle * 1e3} if 0 < angle < 0.5 else {}
    size = binary.get("PixelSize", {})
    detector = (
        sampling(_real(size.get("width")), binary.get("PixelUnitX")) if isinstance(size, dict) else None
    )
    # Velox stores a series of images with the number of the image last.
    return Layout("Velox EMD", (), (2, 0, 1), numbers, detector)


def _emd(file: h5py.File, node: h5py.Dataset) -> Layout | None:
    group = node.parent
    first = 0 if isinstance(hard(group, "dim0"), h5py.Dataset) else 1
    dims = [hard(group, f"dim{first + axis}") for axis in range(node.ndim)]
    if not all(isinstance(dim, h5py.Dataset) for dim in dims):
        return None
    axes = tuple(
        Axis(_text(dim.attrs.get("name")), _spacing(dim), _text(dim.attrs.get("units"))) for dim in dims
    )
    axes = tuple(axis for axis, length in zip(axes, node.shape, strict=True) if node.ndim <= 4 or length > 1)
    name = "py4DSTEM" if first == 0 or "4DSTEM" in str(node.name) else "EMD"
    name = "fpd" if "fpd_expt" in str(node.name) else name
    numbers, detector = _py4dstem(file) if first == 0 else ({}, None)
    return Layout(name, axes, (), {**_prismatic(file), **numbers}, detector)


def _py4dstem(file: h5py.File) -> tuple[dict[str, float], Sampling | None]:
    """Read the first ``calibration`` of the file: R_ and Q_pixel_size with their units."""
    group = _find(file, "calibration")
    if group is None:
        return {}, None
    step = sampling(_real(_entry(group, "R_pixel_size")), _entry(group, "R_pixel_units"))
    pixel = sampling(_real(_entry(group, "Q_pixel_size")), _entry(group, "Q_pixel_units"))
    known = pixel.frequency is not None or pixel.angle is not None
    return ({"scan_step": step.length} if step.length else {}), (pixel if known else None)


def _prismatic(file: h5py.File) -> dict[str, float]:
    """Read energy (kV) and semi-angle (mrad) of a Prismatic simulation."""
    group = hard(file, "4DSTEM_simulation/metadata/metadata_0/original/simulation_parameters")
    if not isinstance(group, h5py.Group):
        return {}
    energy, angle = _real(group.attrs.get("E")), _real(group.attrs.get("sa"))
    return ({"energy": energy * 1e3} if energy > 1 else {}) | ({"semiangle": angle} if angle > 0 else {})


def _nexus(file: h5py.File, node: h5py.Dataset) -> Layout | None:
    group = node.parent
    if _text(group.attrs.get("NX_class")) != "NXdata":
        return None
    names = [_text(name) for name in np.atleast_1d(group.attrs.get("axes", [])).tolist()]
    axes = tuple(_nexus_axis(group, name) for name in names) if len(names) == node.ndim else ()
    energy = 0.0
    for place in ("instrument/beam/incident_energy", "instrument/beam/energy", "instrument/source/energy"):
        holder = hard(group.parent, place)
        if isinstance(holder, h5py.Dataset) and holder.size == 1:
            scale = {"kev": 1e3, "mev": 1e6, "j": 1 / 1.602176634e-19}.get(
                plain(holder.attrs.get("units")), 1.0
            )
            energy = energy or _real(holder[()]) * scale
    return Layout("NeXus", axes, (), {"energy": energy} if energy > 1e3 else {})


def _nexus_axis(group: h5py.Group, name: str) -> Axis:
    node = hard(group, name) if name not in ("", ".") else None
    if not isinstance(node, h5py.Dataset):
        return Axis(name)
    return Axis(name, _spacing(node), _text(node.attrs.get("units")))


def _matlab(file: h5py.File, node: h5py.Dataset) -> Layout | None:
    """MATLAB's arrays come out of HDF5 with their axes from back to front."""
    if file.userblock_size < 512 or not _is_matlab(file.filename):
        return None
    count = node.ndim
    if count not in matlab.ORDERS:
        return None
    return Layout("MATLAB 7.3", (), tuple(count - 1 - axis for axis in matlab.ORDERS[count]))


def _is_matlab(filename: str) -> bool:
    with open(filename, "rb") as file:
        return file.read(6) == b"MATLAB"


def _spacing(node: h5py.Dataset) -> float:
    """Return the distance between the first two of an axis' coordinates; 0 when there are none."""
    if node.ndim != 1 or node.size < 2 or node.dtype.kind not in "uif":
        return 0.0
    first, second = (float(value) for value in node[:2])
    return second - first


def _entry(group: h5py.Group, name: str) -> Any:
    """Return a value of a group: an attribute, or a dataset of one element."""
    if name in group.attrs:
        return group.attrs[name]
    node = hard(group, name)
    return node[()] if isinstance(node, h5py.Dataset) and (node.size or 0) == 1 else None


def _find(file: h5py.File, name: str) -> h5py.Group | None:
    """Return the first group of a name."""
    found: list[h5py.Group] = []
    left = _MOST_NODES

    def visit(path: str, link: Any) -> bool | None:
        nonlocal left
        left -= 1
        if path.rpartition("/")[2] == name and isinstance(link, h5py.HardLink):
            node = hard(file, path)
            if isinstance(node, h5py.Group):
                found.append(node)
        return True if found or left < 0 else None

    file.visititems_links(visit)
    return found[0] if found else None


def _json_column(node: h5py.Dataset) -> dict[str, Any]:
    """Return the JSON that Velox writes as the bytes of the first column."""
    if node.ndim != 2 or node.shape[0] > _LARGEST_TEXT or node.dtype.itemsize != 1:
        return {}
    try:
        found = json.loads(node[:, 0].tobytes().rstrip(b"\0").decode("utf-8", "replace"))
    except ValueError:
        return {}
    return (
        {name: part for name, part in found.items() if isinstance(part, dict)}
        if isinstance(found, dict)
        else {}
    )


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    return (
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str("" if value is None else value)
    )


def _real(value: Any) -> float:
    """Return one number; 0 when it is none, or not finite."""
    try:
        number = float(np.asarray(value if value is not None else 0).item())
    except (TypeError, ValueError):
        return 0.0
    return number if np.isfinite(number) else 0.0
