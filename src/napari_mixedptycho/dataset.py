"""A 4D-STEM scan with everything that must be known to reconstruct it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.optics import wavelength
from napari_mixedptycho.stored import Stored, Survey, digest, survey

Source = Literal["file", "measured", "user", "default"]
"""Where a number came from."""


_OF_PATTERNS = ("values", "survey", "mean_pattern", "hash")
"""What is read of the patterns and depends on nothing else."""


@dataclass(frozen=True)
class Truth:
    """What is known of a simulated specimen (Å; y, x; origin = first scan point).

    In a data set its axes are those along which the scan ran; `turned` brings it where a reconstruction lies.

    Attributes
    ----------
    columns_mean
        (column, 2): mean position of every atomic column.
    columns_per_snapshot
        (snapshot, column, 2): position of every column in each snapshot of the motion.
    columns_in_scan
        (column,) bool: the column lies inside the scanned field.
    atoms
        (snapshot, atom, 3): y, x, z of every atom.
    """

    columns_mean: NDArray[np.float64]
    columns_per_snapshot: NDArray[np.float64]
    columns_in_scan: NDArray[np.bool_]
    atoms: NDArray[np.float64]

    def cut(self, start: NDArray[np.float64], extent: NDArray[np.float64]) -> Truth:
        """Return the truth in the frame of a part of the scan: its first point and extent (y, x), Å."""
        mean = self.columns_mean - start
        inside = self.columns_in_scan & (mean >= 0).all(axis=1) & (mean <= extent).all(axis=1)
        atoms = self.atoms - np.array([*start, 0.0])
        return Truth(mean, self.columns_per_snapshot - start, inside, atoms)

    def turned(self, rotation: float) -> Truth:
        """Return the truth along the detector's axes, the scan turned by `rotation` degrees."""
        if not rotation:
            return self
        turn = turning(rotation).T
        atoms = np.concatenate([self.atoms[..., :2] @ turn, self.atoms[..., 2:]], axis=-1)
        snapshots = self.columns_per_snapshot @ turn
        return Truth(self.columns_mean @ turn, snapshots, self.columns_in_scan, atoms)


def check_units(name: str, energy: float | None, semiangle: float | None) -> None:
    """Refuse an energy in keV and a semi-angle in rad.

    Parameters
    ----------
    name
        Whose numbers these are.
    energy, semiangle
        eV, mrad; None: not given.

    Raises
    ------
    InputError
        Below 1000 eV, where no electron microscope works, or 0.1 mrad, where no probe is formed.
    """
    if energy is not None and not energy >= 1000:
        raise InputError(f"{name}: energy is {energy:g} eV; give eV: 60 keV is 60000.")
    if semiangle is not None and not semiangle >= 0.1:
        raise InputError(f"{name}: semiangle is {semiangle:g} mrad; give mrad: 0.03 rad is 30.")


def turning(rotation: float) -> NDArray[np.float64]:
    """Return the matrix (2, 2) from (y, x) along the scan to (y, x) along the detector.

    `rotation` in degrees turns the scan's x axis from the detector's x axis towards its y axis.
    """
    angle = np.deg2rad(rotation)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


@dataclass(frozen=True)
class Dataset:
    """Measured patterns and the microscope's numbers.

    Attributes
    ----------
    patterns
        (scan_y, scan_x, ky, kx), zero angle at ``n // 2``; NumPy array or lazily read HDF5 dataset, or
        `Stored` where they shall not all be in memory.
    energy, semiangle, defocus
        eV, mrad (probe-forming), Å (positive: crossover below the entrance surface).
    scan_step, detector_sampling
        Å between scan points, 1/Å per detector pixel.
    astigmatism_a, astigmatism_b
        Two-fold astigmatism C12a, C12b of the probe, Å (`optics.focus_phase`).
    thickness
        Specimen thickness, Å, when known.
    electrons_per_unit
        Stored value × this = electrons; None when unknown or for noise-free data.
    mask
        (ky, kx) bool, True where a pixel is measured; None: all are.
    scan_rotation
        Degrees, of the scan's x axis from the detector's x axis towards its y axis.
    descan
        Where the disk's centre lies off the zero angle: (3, 2) px (y, x), at the first scan point, and
        more of it per scan row and per scan column; None: nowhere.
    skipped
        (scan_y, scan_x) bool, True where a pattern is not to be used; None: all are.
    name
        What to call the data on screen.
    truth
        The known specimen of simulated data.
    sources
        For each number, where it came from.
    stated
        Numbers as they were before scan points were left out and detector pixels joined.
    notes
        What was done to the patterns, each a sentence.
    """

    patterns: Any
    energy: float
    semiangle: float
    scan_step: float
    detector_sampling: float
    defocus: float = 0.0
    thickness: float | None = None
    electrons_per_unit: float | None = None
    mask: NDArray[np.bool_] | None = None
    scan_rotation: float = 0.0
    descan: NDArray[np.float64] | None = None
    skipped: NDArray[np.bool_] | None = None
    name: str = "data"
    truth: Truth | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)
    stated: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    astigmatism_a: float = 0.0
    astigmatism_b: float = 0.0

    def __post_init__(self) -> None:
        """Fail at the door, in words; past the door the numbers are trusted."""
        shape = tuple(self.patterns.shape)
        if len(shape) != 4 or min(shape) < 1:
            raise InputError(
                f"{self.name}: patterns have shape {shape}; four axes (scan_y, scan_x, ky, kx) are needed."
            )
        if shape[2] != shape[3] or shape[2] < 8:
            raise InputError(
                f"{self.name}: patterns are {shape[2]}×{shape[3]} px; crop them to a square of at least 8 px."
            )
        if np.dtype(self.patterns.dtype).kind not in "uif":
            raise InputError(
                f"{self.name}: patterns have dtype {self.patterns.dtype}; real numbers are needed."
            )
        for number in ("energy", "semiangle", "scan_step", "detector_sampling"):
            value = getattr(self, number)
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"{self.name}: {number} is {value}; give a positive number.")
        check_units(self.name, self.energy, self.semiangle)
        if self.electrons_per_unit is not None and not self.electrons_per_unit > 0:
            raise InputError(
                f"{self.name}: electrons_per_unit is {self.electrons_per_unit}; it must be positive."
            )
        if self.mask is not None and self.mask.shape != shape[2:]:
            raise InputError(f"{self.name}: mask has shape {self.mask.shape}; patterns have {shape[2:]}.")

    @property
    def scan_shape(self) -> tuple[int, int]:
        """(scan_y, scan_x)."""
        return int(self.patterns.shape[0]), int(self.patterns.shape[1])

    @property
    def detector_size(self) -> int:
        """Edge of a pattern, px."""
        return int(self.patterns.shape[-1])

    @property
    def astigmatism(self) -> tuple[float, float]:
        """C12a, C12b, Å."""
        return self.astigmatism_a, self.astigmatism_b

    @property
    def wavelength(self) -> float:
        """Å."""
        return wavelength(self.energy)

    @property
    def max_angle(self) -> float:
        """Largest angle along a detector axis, mrad."""
        return 1e3 * self.wavelength * self.detector_sampling * self.detector_size / 2

    @cached_property
    def values(self) -> NDArray[Any]:
        """All patterns in memory, in their native dtype."""
        return np.asarray(self.patterns[...])

    @property
    def rows(self) -> NDArray[Any] | Stored:
        """Gives scan row after scan row (scan_x, ky, kx), from memory where the patterns may be there."""
        return self.patterns if isinstance(self.patterns, Stored) else self.values

    @cached_property
    def survey(self) -> Survey:
        """What one pass over the patterns tells."""
        return survey(self.rows, self.skipped)

    @cached_property
    def mean_pattern(self) -> NDArray[np.float64]:
        """(ky, kx) mean over the scan, stored units."""
        return self.survey.mean

    @cached_property
    def electrons_per_pattern(self) -> float | None:
        """Mean electrons that reached the detector per scan point; None when unknown."""
        if self.electrons_per_unit is None:
            return None
        return float(self.mean_pattern.sum() * self.electrons_per_unit)

    @property
    def dose(self) -> float | None:
        """Electrons per Å² of scanned area; None when unknown."""
        electrons = self.electrons_per_pattern
        return None if electrons is None else electrons / self.scan_step**2

    @cached_property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the patterns."""
        return digest(self.rows)

    def told(self, *notes: str) -> Dataset:
        """Return a copy with more said of what was done to the patterns."""
        return self.replace(notes=(*self.notes, *notes))

    def replace(self, **changes: Any) -> Dataset:
        """Return a copy with some fields changed; what was read of the same patterns stays known."""
        copy = replace(self, **changes)
        if copy.patterns is self.patterns and copy.skipped is self.skipped:
            known = {name: value for name, value in vars(self).items() if name in _OF_PATTERNS}
            vars(copy).update(known)
        return copy
