"""The specimen of a simulation: atoms in their snapshots over the scanned field, in slices and columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from napari_mixedptycho.dataset import Truth, turning
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.simulate.motion import snapshots_of
from napari_mixedptycho.simulate.settings import SimulationSettings
from napari_mixedptycho.simulate.structure import Structure, filled

Floats = NDArray[np.float64]

_TOGETHER = 0.3
"""Å across the beam: atoms nearer to each other than this are of one column."""
_TOLD = 3.0
"""Å beyond the scan, up to which the truth tells atoms."""


@dataclass(frozen=True)
class Specimen:
    """Atoms over the field of a scan.

    Attributes
    ----------
    symbols
        (atom,) elements.
    snapshots
        (snapshot, atom, 3): y, x, z, Å from the first scan point along the detector's axes; z from the
        entrance surface.
    slices
        (atom,) the slice that each lies in.
    thickness, spacing
        Å of the whole, and of a slice.
    columns
        (atom,) the column that each belongs to, numbered from the top.
    """

    symbols: NDArray[np.str_]
    snapshots: Floats
    slices: NDArray[np.int64]
    thickness: float
    spacing: float
    columns: NDArray[np.int64]

    @property
    def slice_count(self) -> int:
        """Number of slices."""
        return round(self.thickness / self.spacing)

    def truth(self, scan: Floats) -> tuple[Truth, NDArray[np.bool_]]:
        """Return what is known of the columns near a scan, and which atoms (atom,) that are.

        Parameters
        ----------
        scan
            Corners (4, 2) of the scan, first row first, Å.
        """
        count = int(self.columns.max(initial=-1)) + 1
        atoms = np.bincount(self.columns, minlength=count)
        each = np.stack(
            [
                np.stack([np.bincount(self.columns, s[:, axis], count) / atoms for axis in (0, 1)], axis=1)
                for s in self.snapshots
            ]
        )
        mean = each.mean(axis=0)
        near = _within(mean, scan, _TOLD)
        told = near[self.columns]
        truth = Truth(mean[near], each[:, near], _within(mean[near], scan, 0.0), self.snapshots[:, told])
        return truth, told


def make_specimen(
    structure: Structure, settings: SimulationSettings, box: Floats, middle: Floats
) -> Specimen:
    """Fill the field with atoms and let them move.

    Parameters
    ----------
    structure
        What to repeat.
    settings
        Thickness, rotation, vacancies, motion, slices.
    box
        (2, 2): first and last (y, x) that the beam may reach, Å from the first scan point.
    middle
        (2,): y, x of the middle of the scan, where the structure's centre comes to lie.

    Raises
    ------
    InputError
        When no atom lies in the field, or the motion cannot be had from this structure.
    """
    wish = settings.specimen
    turn, scan = turning(wish.rotation), turning(settings.scan.rotation)
    # What has its place lies along the scan, which the detector may see turned.
    centre = middle @ scan if structure.fixed else structure.centre
    turn = turn @ scan if structure.fixed else turn
    whole = filled(structure, centre, box - middle, turn, wish.thickness)
    if not whole.symbols:
        raise InputError(
            f"{structure.name}: no atom of it lies in the scanned field; it is not repeated sideways, so "
            "give one that is larger, or periodic."
        )
    moved = snapshots_of(wish.motion, whole.symbols, whole.frames, wish.snapshots, settings.seed)
    moved = moved + np.array([*middle, 0.0])
    depth = structure.depth or _depth(whole.frames.mean(axis=0)[:, 2], structure, wish.thickness)
    thickness = depth[1] - depth[0]
    count = max(1, int(np.ceil(thickness / settings.accuracy.slice_thickness - 1e-6)))
    spacing = thickness / count
    start = depth[0] - (0.0 if structure.depth else spacing / 2)
    moved[..., 2] -= start
    rest = whole.frames.mean(axis=0) + np.array([*middle, 0.0])
    slices = np.clip(np.floor((rest[:, 2] - start) / spacing + 1e-9), 0, count - 1).astype(np.int64)
    columns = columns_of(rest[:, :2])
    kept = _without(columns, rest[:, :2] @ scan, wish.missing)
    order = np.unique(columns[kept], return_inverse=True)[1]
    return Specimen(np.array(whole.symbols)[kept], moved[:, kept], slices[kept], thickness, spacing, order)


def _depth(z: Floats, structure: Structure, wanted: float) -> tuple[float, float]:
    """Return where the first layer lies, and where a further one would."""
    layers = np.unique(np.round(z, 2))
    gap = float(np.diff(layers).mean()) if len(layers) > 1 else 2.0
    along = [abs(v[2]) for v, on in zip(structure.cell, structure.periodic, strict=True) if on]
    height = max(along, default=0.0)
    thickness = max(1, round(wanted / height)) * height if height else float(np.ptp(z)) + gap
    return float(z.min()), float(z.min()) + thickness


def columns_of(places: Floats) -> NDArray[np.int64]:
    """Return the column (atom,) of atoms at `places` (atom, 2), Å; numbered from top to bottom."""
    pairs = cKDTree(places).query_pairs(_TOGETHER, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(places),) * 2)
    count, label = connected_components(links, directed=False)
    sums = np.stack([np.bincount(label, places[:, axis], count) for axis in (0, 1)], axis=1)
    mean = sums / np.bincount(label, minlength=count)[:, None]
    rank = np.empty(count, np.int64)
    rank[np.lexsort((mean[:, 1], np.round(mean[:, 0], 3)))] = np.arange(count)
    return np.asarray(rank[label])


def _without(
    columns: NDArray[np.int64], places: Floats, missing: tuple[tuple[float, float], ...]
) -> NDArray[np.bool_]:
    """Return the atoms (atom,) that are left when the columns nearest to some places are taken out."""
    kept = np.ones(len(columns), bool)
    for place in missing:
        nearest = int(np.argmin(np.hypot(*(places - np.array(place)).T)))
        kept &= columns != columns[nearest]
    return kept


def _within(points: Floats, corners: Floats, margin: float) -> NDArray[np.bool_]:
    """Tell which points (N, 2) lie in a turned rectangle of corners (4, 2), made larger by a margin, Å."""
    origin, along_x, along_y = corners[0], corners[1] - corners[0], corners[2] - corners[0]
    inside = np.ones(len(points), bool)
    for edge, other in ((along_y, along_x), (along_x, along_y)):
        length = float(np.hypot(*edge))
        # A scan of one row has no direction down; it is across the row.
        along = edge if length else np.array([other[1], -other[0]])
        at = (points - origin) @ along / max(float(np.hypot(*along)), 1e-12)
        inside &= (at >= -margin) & (at <= length + margin)
    return inside
