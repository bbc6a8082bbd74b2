"""All other formats that RosettaSciIO reads, when it is installed: an extra, for its licence is GPL-3."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.axes import Axis, described
from napari_mixedptycho.io.choice import choose
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.lazy import Lazy, Slices, in_order
from napari_mixedptycho.words import size

_WHOLE = 2**30
"""Bytes of a part that is always read at once, above which the user is told."""


def read(path: Path, key: str | None = None) -> Found:
    """Read a file by the reader that RosettaSciIO has for its suffix, lazily where that one can.

    Raises
    ------
    InputError
        When RosettaSciIO is not installed, does not know the suffix, or the file holds no patterns.
    """
    plugin = _plugin(path)
    reader = import_module(plugin["api"]).file_reader
    try:
        signals = reader(str(path), lazy=True)
    except NotImplementedError:
        signals = reader(str(path))
    there = {str(number): signal for number, signal in enumerate(signals)}
    chosen = choose(path, {name: tuple(signal["data"].shape) for name, signal in there.items()}, key)
    signal = there[chosen]
    data = signal["data"]
    axes = [
        Axis(str(a.get("name") or ""), float(a.get("scale") or 0.0), str(a.get("units") or ""))
        for a in sorted(signal.get("axes", []), key=lambda one: one.get("index_in_array", 0))
    ]
    told = described(axes if len(axes) == data.ndim else [Axis()] * data.ndim)
    stack = data if isinstance(data, np.ndarray) else _Computed(data)
    numbers = {**told.numbers, **_microscope(signal.get("metadata"))}
    notes = (*told.notes, *_chunks(data))
    name = f"{plugin['name']} (RosettaSciIO)"
    return Found(in_order(stack, told.order), name, chosen, numbers, told.detector, notes=notes)


def suffixes() -> tuple[str, ...]:
    """Return the suffixes that RosettaSciIO adds, in lower case; none when it is not installed."""
    try:
        plugins = import_module("rsciio").IO_PLUGINS
    except ImportError:
        return ()
    return tuple(sorted({f".{suffix.lower()}" for plugin in plugins for suffix in plugin["file_extensions"]}))


def _plugin(path: Path) -> Any:
    suffix = path.suffix.lower().lstrip(".")
    try:
        plugins = import_module("rsciio").IO_PLUGINS
    except ImportError:
        raise InputError(
            f"{path}: files of kind '{path.suffix}' cannot be read; convert the file to HDF5 (.h5), or see "
            'whether RosettaSciIO knows it: pip install "napari-mixedptycho[formats]".'
        ) from None
    for plugin in plugins:
        if suffix in (known.lower() for known in plugin["file_extensions"]):
            return plugin
    raise InputError(f"{path}: files of kind '{path.suffix}' cannot be read; convert it to HDF5 (.h5).")


class _Computed(Lazy):
    """A dask array: what is sliced is computed, on this thread."""

    def __init__(self, source: Any) -> None:
        super().__init__(source.shape, source.dtype)
        self.source = source

    def _read(self, slices: Slices) -> Any:
        return self.source[slices].compute(scheduler="synchronous")


def _chunks(data: Any) -> tuple[str, ...]:
    """Say when even one pattern takes the reading of a large part of the file."""
    chunk = getattr(data, "chunksize", None)
    whole = int(np.prod(chunk, dtype=object)) * data.dtype.itemsize if chunk else 0
    if whole <= _WHOLE:
        return ()
    return (f"Every pattern takes the reading of {size(whole)}; convert the file (mixedptycho convert).",)


def _microscope(metadata: Any) -> dict[str, float]:
    """Return energy (stated in kV) and semi-angle (mrad)."""
    node: Any = metadata
    for name in ("Acquisition_instrument", "TEM"):
        node = node.get(name) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping):
        return {}
    energy, angle = (node.get(name) for name in ("beam_energy", "convergence_angle"))
    numbers: dict[str, float] = {}
    if isinstance(energy, int | float) and energy > 1:
        numbers["energy"] = float(energy) * 1e3
    if isinstance(angle, int | float) and angle > 0:
        numbers["semiangle"] = float(angle)
    return numbers
