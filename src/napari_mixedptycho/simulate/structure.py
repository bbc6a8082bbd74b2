"""Where the atoms are: of a built-in crystal, of the truth in a data file, or of any file that ASE reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import sample_path
from napari_mixedptycho.io.files import SAMPLES
from napari_mixedptycho.simulate.ase_file import read_frames
from napari_mixedptycho.simulate.crystals import CRYSTALS, Crystal
from napari_mixedptycho.simulate.elements import element, symbol_of

Floats = NDArray[np.float64]

HDF5 = (".h5", ".hdf5", ".hdf")
"""Files whose group `truth` holds atoms."""
_OF_TRUTH = ("atoms_yxz", "atomic_numbers", "cell")


@dataclass(frozen=True)
class Structure:
    """Atoms in one or several frames.

    Attributes
    ----------
    name
        What to call it.
    symbols
        (atom,) elements.
    frames
        (frame, atom, 3): y, x, z, Å; z along the beam. An atom does not jump across the cell between frames.
    cell
        (3, 3): the lattice vectors, rows in (y, x, z), Å.
    periodic
        Along which of them atoms are repeated.
    depth
        First and last z, Å, where it is known; None: around the atoms.
    fixed
        Coordinates lie along the scan, from its first point: they are not centred.
    """

    name: str
    symbols: tuple[str, ...]
    frames: Floats
    cell: Floats
    periodic: tuple[bool, bool, bool]
    depth: tuple[float, float] | None = None
    fixed: bool = False

    @property
    def centre(self) -> Floats:
        """(2,) y, x of what is put into the middle of the scan, Å: of the cell, else of the atoms."""
        lateral = self.frames.mean(axis=0)[:, :2]
        spanning = np.array([self.cell[i, :2] if self.periodic[i] else np.zeros(2) for i in range(3)])
        box = (lateral.min(axis=0) + lateral.max(axis=0)) / 2
        return np.asarray(np.where(np.abs(spanning).sum(axis=0) > 0, spanning.sum(axis=0) / 2, box))


def open_structure(name: str, symbol: str | None = None, axis: str = "z") -> Structure:
    """Open a structure by its name.

    Parameters
    ----------
    name
        A crystal of `CRYSTALS`, ``sample:NAME`` or a data file with truth, or a file that ASE reads.
    symbol
        Element of all atoms where the file does not say it (truth of a data file).
    axis
        Axis of an ASE file that lies along the beam: x, y or z.

    Raises
    ------
    InputError
        When there is no such structure, or it cannot be read.
    """
    if name in CRYSTALS:
        return of_crystal(name, CRYSTALS[name])
    if name.removeprefix("sample:") in SAMPLES:
        return of_truth(sample_path(name), symbol or "Si")
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"{name}: there is no such file, and no built-in crystal of that name; there are: "
            f"{', '.join(CRYSTALS)}."
        )
    if path.suffix.lower() in HDF5:
        return of_truth(path, symbol)
    return of_frames(path, axis)


def of_crystal(name: str, crystal: Crystal) -> Structure:
    """Return one cell of a built-in crystal."""
    cell = np.diag(crystal.cell)
    places = np.array([site[1:] for site in crystal.sites]) * np.array(crystal.cell)
    symbols = tuple(site[0] for site in crystal.sites)
    return Structure(name, symbols, places[None], cell, (True, True, not crystal.layer))


def of_truth(path: Path, symbol: str | None) -> Structure:
    """Return the atoms of a data file's truth; they stay where they are.

    Raises
    ------
    InputError
        When the file holds none, or not what they are.
    """
    try:
        with h5py.File(path, "r") as file:
            if "truth/atoms_yxz" not in file:
                raise InputError(f"{path}: the file holds no truth (truth/atoms_yxz) to take atoms from.")
            group = {name: np.asarray(node) for name, node in file["truth"].items() if name in _OF_TRUTH}
    except OSError:
        raise InputError(f"{path}: this is not an HDF5 file that can be read.") from None
    frames = group["atoms_yxz"].astype(np.float64)
    numbers = group.get("atomic_numbers")
    if numbers is None and symbol is None:
        raise InputError(f"{path}: the truth does not name the element; say it with --element Si.")
    if numbers is None:
        symbols = (element(symbol or "").symbol,) * frames.shape[1]
    else:
        symbols = tuple(symbol_of(int(number)) for number in numbers)
    repeated = "cell" in group
    cell = np.diag(group["cell"].astype(np.float64)) if repeated else np.zeros((3, 3))
    depth = (0.0, float(cell[2, 2])) if repeated else None
    return Structure(path.stem, symbols, frames, cell, (repeated, repeated, False), depth, fixed=True)


def of_frames(path: Path, axis: str) -> Structure:
    """Return the frames of a file that ASE reads, with `axis` along the beam; errors as `read_frames`."""
    found = read_frames(path)
    # The other two axes follow in cyclic order, so that the frame stays right-handed: (x, y, z) of the
    # microscope is (y, z, x), (z, x, y) or (x, y, z) of the file.
    order = {"x": (2, 1, 0), "y": (0, 2, 1), "z": (1, 0, 2)}[axis]
    frames = _unwrapped(found.positions, found.cell, found.periodic)[..., order]
    for symbol in set(found.symbols):
        element(symbol)
    return Structure(path.stem, found.symbols, frames, found.cell[:, order], found.periodic)


def _unwrapped(frames: Floats, cell: Floats, periodic: tuple[bool, bool, bool]) -> Floats:
    """Undo jumps of atoms across the cell between frames."""
    if len(frames) == 1 or not any(periodic):
        return frames
    moves = (frames - frames[0]) @ np.linalg.pinv(cell)
    whole = np.where(np.array(periodic), np.rint(moves), 0.0)
    return np.asarray(frames - whole @ cell)


def filled(structure: Structure, centre: Floats, box: Floats, turn: Floats, thickness: float) -> Structure:
    """Return a structure repeated and turned so that it fills a box; its centre becomes the origin.

    Parameters
    ----------
    structure
        One cell.
    centre
        (2,) y, x about which it is turned, Å.
    box
        (2, 2): first and last (y, x), Å, about the centre once turned.
    turn
        (2, 2): matrix from the structure's (y, x) to the wanted ones.
    thickness
        Å along the beam; as many copies as come nearest, where it is repeated that way.
    """
    rest = structure.frames.mean(axis=0)
    corners = (
        np.array([[box[i, 0], box[j, 1]] for i in (0, 1) for j in (0, 1)]) @ turn + centre
    )  # turned back
    shifts = _repeats(structure, corners, thickness)
    every = (rest[None] + shifts[:, None]).reshape(-1, 3)
    lateral = (every[:, :2] - centre) @ turn.T
    kept = np.flatnonzero(((lateral >= box[0]) & (lateral <= box[1])).all(axis=1))
    atom, copy = kept % len(rest), kept // len(rest)
    frames = structure.frames[:, atom] + shifts[copy]
    frames = np.concatenate([(frames[..., :2] - centre) @ turn.T, frames[..., 2:]], axis=-1)
    symbols = tuple(structure.symbols[i] for i in atom)
    return replace(structure, symbols=symbols, frames=frames, periodic=(False, False, False))


def _repeats(structure: Structure, corners: Floats, thickness: float) -> Floats:
    """Return the lattice vectors (copy, 3), Å, of all copies that may lie between corners (4, 2)."""
    shifts, rest = np.zeros((1, 3)), structure.frames.mean(axis=0)[:, :2]
    across = [i for i in range(3) if structure.periodic[i] and _is_lateral(structure.cell[i])]
    if across:
        lattice = structure.cell[across]
        # In units of the lattice vectors, corners and atoms span boxes; copies fill one with the other.
        inverse = np.linalg.pinv(lattice[:, :2])
        wanted, there = corners @ inverse, rest @ inverse
        first = np.floor(wanted.min(axis=0) - there.max(axis=0)).astype(int)
        last = np.ceil(wanted.max(axis=0) - there.min(axis=0)).astype(int)
        steps = np.meshgrid(*[np.arange(a, b + 1) for a, b in zip(first, last, strict=True)], indexing="ij")
        shifts = np.stack([step.ravel() for step in steps], axis=1) @ lattice
    for i in range(3):
        if structure.periodic[i] and not _is_lateral(structure.cell[i]):
            count = max(1, round(thickness / abs(structure.cell[i, 2])))
            shifts = (shifts[:, None] + np.arange(count)[:, None] * structure.cell[i]).reshape(-1, 3)
    return shifts


def _is_lateral(vector: Floats) -> bool:
    """Tell whether a lattice vector lies across the beam rather than along it."""
    return bool(np.hypot(vector[0], vector[1]) > abs(vector[2]))
