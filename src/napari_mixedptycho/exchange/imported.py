"""What every reader returns: a result in our conventions, whoever computed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.constants import c, e, h, m_e

from napari_mixedptycho.errors import InputError


@dataclass(frozen=True)
class Imported:
    """A result of another program in the conventions of docs/conventions.md.

    Attributes
    ----------
    program
        Who computed it.
    object
        (state, slice, y, x) complex transmission; positive phase at atoms.
    probe
        (mode, y, x) complex, centred on pixel ``n // 2``: the wave that lights one state. With a unitary
        transform to the detector, intensities sum over states and modes to the program's own patterns, in
        the program's own unit of intensity.
    positions
        (position, 2): y, x of the probe's centre on the object grid, px; None: not stated.
    sampling
        Å per object pixel.
    slice_spacing
        Å; None: one slice, or not stated.
    energy
        eV; None: not stated.
    """

    program: str
    object: NDArray[np.complex64]
    probe: NDArray[np.complex64]
    positions: NDArray[np.float64] | None
    sampling: float
    slice_spacing: float | None = None
    energy: float | None = None

    def __post_init__(self) -> None:
        """Refuse, in words, what no engine could go on from."""
        stored, probe, places = self.object, self.probe, self.positions
        if stored.ndim != 4 or probe.ndim != 3 or min(*stored.shape, *probe.shape) < 1:
            raise InputError(
                f"the {self.program} file holds an object of shape {stored.shape} and a probe of shape "
                f"{probe.shape}; (state, slice, y, x) and (mode, y, x) are needed."
            )
        if probe.shape[1] != probe.shape[2]:
            raise InputError(
                f"the {self.program} file holds a probe of {probe.shape[1]}×{probe.shape[2]} px; reconstruct "
                "on a square window."
            )
        if not (np.isfinite(stored).all() and np.isfinite(probe).all() and np.abs(probe).max() > 0):
            raise InputError(f"the {self.program} file holds NaN, infinite values or an empty probe.")
        if not (np.isfinite(self.sampling) and self.sampling > 0):
            raise InputError(f"the {self.program} file states {self.sampling} Å per pixel; repair it there.")
        if places is not None and (places.ndim != 2 or places.shape[1] != 2 or not np.isfinite(places).all()):
            raise InputError(
                f"the {self.program} file holds positions of shape {places.shape}; finite (position, 2) are "
                "needed."
            )


def energy_of(wavelength: float) -> float:
    """Return the energy, eV, of electrons of a relativistic wavelength, Å."""
    rest = m_e * c**2 / e
    return float(np.hypot(h * c / e * 1e10 / wavelength, rest) - rest)


def one_sampling(program: str, pixel: Any) -> float:
    """Return Å per pixel from (y, x) or a single number; raises `InputError` where they differ."""
    steps = np.atleast_1d(np.asarray(pixel, np.float64)).ravel()
    if steps.size not in {1, 2} or np.ptp(steps) > 1e-3 * np.abs(steps).max():
        sizes = " × ".join(f"{step:.4g}" for step in steps)
        raise InputError(f"the {program} file has pixels of {sizes} Å; square ones are needed.")
    return float(steps.mean())


def spacing_of(distances: Any) -> float | None:
    """Return the mean of positive distances between slices, Å; None where there are none.

    Uneven slices become even ones, which shifts each by a part of their difference.
    """
    steps = np.atleast_1d(np.asarray(distances, np.float64)).ravel()
    return float(steps.mean()) if steps.size and np.isfinite(steps).all() and steps.mean() > 0 else None


def unwrapped(
    stored: NDArray[Any], positions: NDArray[np.float64], size: int
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Make the object as large as its windows reach, where a program lets windows wrap around.

    Parameters
    ----------
    stored
        (…, y, x).
    positions
        (position, 2): y, x of the probe's centre, px.
    size
        Edge of the window, px.

    Returns
    -------
    tuple
        Object and positions in which no window leaves the grid.
    """
    corners = np.rint(positions).astype(np.int64) - size // 2
    before = np.maximum(-corners.min(axis=0), 0)
    after = np.maximum(corners.max(axis=0) + size - np.array(stored.shape[-2:]), 0)
    margins = [(0, 0)] * (stored.ndim - 2) + list(zip(before, after, strict=True))
    wide = np.pad(stored, margins, mode="wrap") if (before + after).any() else stored
    return wide, positions + before


def array(group: h5py.Group, key: str) -> NDArray[Any]:
    """Return a dataset as an array; `KeyError` where it is missing."""
    found = group[key]
    if not isinstance(found, h5py.Dataset):
        raise KeyError(f"'{key}' is no dataset")
    return np.asarray(found[()])


def number(group: h5py.Group, key: str) -> float | None:
    """Return a number that may be missing."""
    found = group.get(key)
    if not isinstance(found, h5py.Dataset) or found.size != 1 or found.dtype.kind not in "uif":
        return None
    return float(np.asarray(found[()]).ravel()[0])


def text(group: h5py.Group, key: str) -> str:
    """Return a string, empty where there is none."""
    found = group.get(key)
    value = found[()] if isinstance(found, h5py.Dataset) and found.shape == () else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
