"""Structures and trajectories of any kind that ASE reads; ASE (LGPL) is optional."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AtomFrames:
    """What a file holds, in its own axes.

    Attributes
    ----------
    symbols
        (atom,) elements.
    positions
        (frame, atom, 3): x, y, z, Å.
    cell
        (3, 3): the lattice vectors, in rows, Å.
    periodic
        Along which of them.
    """

    symbols: tuple[str, ...]
    positions: Floats
    cell: Floats
    periodic: tuple[bool, bool, bool]


def read_frames(path: Path) -> AtomFrames:
    """Read all frames of a structure or trajectory.

    Raises
    ------
    InputError
        When ASE is not installed, the file cannot be read, or its frames hold different atoms.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    images = _images(path)
    symbols = tuple(images[0].get_chemical_symbols())
    if any(tuple(image.get_chemical_symbols()) != symbols for image in images):
        raise InputError(
            f"{path}: its frames hold different atoms; give frames of the same atoms in one order."
        )
    if not symbols:
        raise InputError(f"{path}: the file holds no atoms.")
    cell = np.asarray(images[0].cell.array, dtype=np.float64)
    # An axis without a length cannot be repeated, whatever its flag.
    periodic = np.asarray(images[0].pbc) & (np.linalg.norm(cell, axis=1) > 0)
    positions = np.stack([np.asarray(image.positions, dtype=np.float64) for image in images])
    return AtomFrames(symbols, positions, cell, (bool(periodic[0]), bool(periodic[1]), bool(periodic[2])))


def _images(path: Path) -> list[Any]:
    try:
        from ase.io import read
    except ImportError:
        raise InputError(
            f"{path}: structure files are read by ASE, which is not installed; pip install "
            '"napari-mixedptycho[structures]" brings it, or name a built-in crystal.'
        ) from None
    try:
        found = read(str(path), index=":")
    except Exception as error:  # noqa: BLE001 - ASE raises whatever its many readers raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: ASE cannot read this structure ({reason}).") from None
    return found if isinstance(found, list) else [found]
