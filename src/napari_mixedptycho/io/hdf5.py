"""HDF5 of any layout: the tree is walked, never out of the folder, and one dataset is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import dectris, own
from napari_mixedptycho.io.axes import Axis, described
from napari_mixedptycho.io.choice import choose
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.hdf5_layouts import Layout, layout_of
from napari_mixedptycho.io.lazy import Squeezed, in_order, native
from napari_mixedptycho.io.readable import check_readable
from napari_mixedptycho.io.tree import arrays, opened, reason


def read(path: Path, key: str | None = None) -> Found:
    """Open an HDF5 file and find its patterns, which stay on disk.

    Parameters
    ----------
    path
        The file.
    key
        Path of the dataset inside it; None: the only one of four axes, else the only one of three; one with
        a usual name before others.

    Raises
    ------
    InputError
        When the file is damaged or a result, when the dataset is missing, leads out of the file's folder, is
        larger than it can be, or when a filter or a linked file is missing.
    """
    file = opened(path)
    if "recipe.toml" in file and key is None:
        raise InputError(f"{path}: this is a result, not data; give the file of the patterns.")
    try:
        if key is None and dectris.fits(file):
            return dectris.read(file, path)
        return _generic(file, path, key)
    except (OSError, RuntimeError, KeyError) as error:
        raise InputError(f"{path}: the file is damaged ({reason(error)}).") from None


def _generic(file: h5py.File, path: Path, key: str | None) -> Found:
    there = arrays(file, path)
    # Complex numbers, records and texts are no patterns, but who names one is told so.
    fitting = {n: node for n, node in there.items() if key is not None or node.dtype.kind in "buif"}
    fitting = fitting if any(node.ndim >= 3 for node in fitting.values()) else there
    shapes = {name: tuple(node.shape[axis] for axis in _kept(node)) for name, node in fitting.items()}
    name = choose(path, shapes, key)
    node = there[name]
    check_readable(node, path)
    layout = layout_of(file, node)
    stack = _stack(node, layout)
    count = len(stack.shape)
    told = described(layout.axes if len(layout.axes) == count else [Axis()] * count)
    numbers = {**told.numbers, **layout.numbers, **own.numbers(file, node, path)}
    electrons = own.electrons(node, file, path) if own.counted(node) else None
    if electrons is not None:
        numbers.setdefault("electrons_per_unit", electrons)
    return Found(
        in_order(stack, told.order),
        layout.name,
        name,
        numbers,
        layout.detector or told.detector,
        truth=own.truth(file, path),
        mask=own.mask(file, tuple(stack.shape[-2:])),
        counts=own.counted(node),
        notes=(*own.notes(file), *told.notes, *layout.notes),
        **own.preprocessing(file, tuple(stack.shape)),
    )


def _stack(node: h5py.Dataset, layout: Layout) -> Any:
    """Return the patterns in the order the layout gives them, without superfluous axes of length one."""
    dropped = [axis for axis in range(node.ndim) if axis not in _kept(node)]
    plain = Squeezed(node, dropped) if dropped else node
    return native(in_order(plain, layout.order) if layout.order else plain)


def _kept(node: h5py.Dataset) -> list[int]:
    """Return the axes that count: of more than four, those of length one go until four are left."""
    excess = max(0, node.ndim - 4)
    ones = [axis for axis, length in enumerate(node.shape) if length == 1][:excess]
    return [axis for axis in range(node.ndim) if axis not in ones]
