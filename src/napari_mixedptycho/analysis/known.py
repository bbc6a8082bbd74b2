"""Known positions that are not in the data: of a structure or trajectory, or of another result."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_mixedptycho.analysis.columns import inside_scan
from napari_mixedptycho.analysis.motion import ColumnMotion
from napari_mixedptycho.analysis.placement import Placement, place
from napari_mixedptycho.dataset import Truth
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.simulate.specimen import columns_of
from napari_mixedptycho.simulate.structure import Structure, filled

Floats = NDArray[np.float64]

_MOST = 200
"""Frames of a trajectory that are taken, evenly chosen."""


def truth_of_structure(
    structure: Structure, found: ArrayLike, scan: ArrayLike, species: Collection[str] = ()
) -> tuple[Truth, Placement]:
    """Lay a structure on found columns, and return it as their truth.

    Parameters
    ----------
    structure
        Atoms; what is periodic across the beam is repeated.
    found
        (N, 2) found columns, y, x in the scan frame, Å.
    scan
        (P, 2) scan points in the same frame, Å.
    species
        Elements that count as columns; none: all.

    Returns
    -------
    tuple
        The truth in the scan frame, and how the structure was turned and shifted into it.

    Raises
    ------
    InputError
        When no atom is of the species, or the structure does not fit on the columns.
    """
    here = np.asarray(found, dtype=np.float64).reshape(-1, 2)
    count = len(structure.frames)
    if count > _MOST:
        chosen = np.linspace(0, count - 1, _MOST).round().astype(np.int64)
        structure = _part(structure, structure.symbols, structure.frames[chosen])
    if species:
        kept = np.isin(np.array(structure.symbols), list(species))
        if not kept.any():
            there = ", ".join(sorted(set(structure.symbols)))
            raise InputError(f"{structure.name}: it has no {', '.join(species)}; its elements are {there}.")
        symbols = tuple(np.array(structure.symbols)[kept].tolist())
        structure = _part(structure, symbols, structure.frames[:, kept])
    reach = float(np.hypot(*np.ptp(here, axis=0))) / 2 + 6.0
    box = np.array([[-reach, -reach], [reach, reach]])
    if not any(structure.periodic):
        lateral = structure.frames.mean(axis=0)[:, :2] - structure.centre
        box = np.stack([lateral.min(axis=0), lateral.max(axis=0)]) + np.array([[-1.0], [1.0]])
    whole = filled(structure, structure.centre, box, np.eye(2), 0.0)
    column = columns_of(whole.frames.mean(axis=0)[:, :2])
    each = _column_means(whole.frames, column)
    placement = place(here, each.mean(axis=0))
    each = placement.applied(each)
    atoms = np.concatenate([placement.applied(whole.frames[..., :2]), whole.frames[..., 2:]], axis=-1)
    mean = each.mean(axis=0)
    return Truth(mean, each, inside_scan(mean, scan, 0.0), atoms), placement


def truth_of_motion(motion: ColumnMotion) -> Truth:
    """Return the columns of another result as if they were the truth; its states are the snapshots."""
    depth = np.zeros((*motion.positions.shape[:2], 1))
    inside = np.ones(motion.n_columns, dtype=bool)
    atoms = np.concatenate([motion.positions, depth], axis=-1)
    return Truth(motion.mean, motion.positions, inside, atoms)


def _part(structure: Structure, symbols: tuple[str, ...], frames: Floats) -> Structure:
    return Structure(
        structure.name, symbols, frames, structure.cell, structure.periodic, structure.depth, structure.fixed
    )


def _column_means(frames: Floats, column: NDArray[np.int64]) -> Floats:
    """Return the centre of each column (frame, column, 2), Å, from atoms (frame, atom, 3)."""
    count = int(column.max()) + 1
    order, sizes = np.argsort(column, kind="stable"), np.bincount(column, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.asarray(np.add.reduceat(frames[:, order, :2], starts, axis=1) / sizes[:, None])
