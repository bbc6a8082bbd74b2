"""The size of the motion in the terms of crystallography: B factors, ellipses, mean frequencies.

A column is seen from its end, so what moves is its centre: of n atoms that move on their own it moves
by 1/√n of what each atom does, of atoms that move together by as much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import angstrom, atomic_mass, hbar, k
from scipy.optimize import brentq

from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.analysis.motion import ColumnMotion, MotionSettings, resampled_sd
from napari_mixedptycho.errors import InputError


@dataclass(frozen=True)
class Ellipses:
    """The 1σ ellipses of N columns.

    Attributes
    ----------
    major, minor
        (N,) half axes, Å.
    angle
        (N,) of the long axis, degrees from +x towards +y, -90 to 90.
    """

    major: Floats
    minor: Floats
    angle: Floats


def ellipses(covariance: ArrayLike) -> Ellipses:
    """Return the 1σ ellipses of covariances (N, 2, 2) over y and x, Å²."""
    values, axes = np.linalg.eigh(np.asarray(covariance, dtype=np.float64).reshape(-1, 2, 2))
    half = np.sqrt(np.maximum(values, 0.0))
    long = axes[:, :, 1]
    angle = np.degrees(np.arctan2(long[:, 0], long[:, 1]))
    return Ellipses(half[:, 1], half[:, 0], np.asarray((angle + 90.0) % 180.0 - 90.0))


def b_factor(u_rms: ArrayLike, atoms: ArrayLike = 1, together: float = 1.0) -> Floats:
    """Return B = 8π²⟨u²⟩ per atom, Å², from the motion of columns' centres.

    Parameters
    ----------
    u_rms
        Root mean square displacement per axis of the centre, Å.
    atoms
        Atoms n in a column.
    together
        Correlation between the displacements of two atoms of a column, 0 to 1. The centre moves by
        ⟨u²⟩·(1 + (n − 1)·together)/n. 1, the default, corrects nothing: B is then a lower bound; 0 (Einstein)
        gives n times as much, an upper bound.

    Raises
    ------
    InputError
        When there are no atoms or `together` is outside 0 to 1.
    """
    number = np.asarray(atoms, dtype=np.float64)
    if not ((number >= 1).all() and 0 <= together <= 1):
        raise InputError(
            f"A column of {number.min():g} atoms that move together to {together}: give at least one "
            "atom, and 0 to 1."
        )
    share = (1 + (number - 1) * together) / number
    return np.asarray(8 * np.pi**2 * np.asarray(u_rms, dtype=np.float64) ** 2 / share)


def u_rms_interval(motion: ColumnMotion, settings: MotionSettings | None = None) -> Floats:
    """Return the bootstrap interval (N, low/high) of `u_rms` of each column, Å, as that of the sd."""
    chosen = settings or MotionSettings()
    drawn = np.sqrt((resampled_sd(motion.positions - motion.mean, chosen) ** 2).mean(axis=-1))
    tail = (1 - chosen.confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.stack([motion.u_rms**2 / high, motion.u_rms**2 / low], axis=-1))


def mean_square(frequency: ArrayLike, mass: float, temperature: float) -> Floats:
    """Return ⟨u²⟩ per axis of a harmonic oscillator, Å²: ħ/(2mω)·coth(ħω/2k_BT).

    Parameters
    ----------
    frequency
        ω/2π, THz.
    mass, temperature
        Unified atomic mass units, K (0: zero-point motion alone).
    """
    omega = 2e12 * np.pi * np.asarray(frequency, dtype=np.float64)
    zero_point = hbar / (2 * mass * atomic_mass * omega)
    if temperature > 0:
        zero_point = zero_point / np.tanh(hbar * omega / (2 * k * temperature))
    return np.asarray(zero_point / angstrom**2)


def mean_frequency(square: float, mass: float, temperature: float) -> float:
    """Return the frequency, THz, at which a harmonic oscillator has ⟨u²⟩ = `square` per axis, Å².

    The inverse of `mean_square`, which falls with the frequency (arXiv:2309.12017v2). 0 for infinite motion,
    infinite for none.

    Parameters
    ----------
    square
        ⟨u²⟩ along one axis, Å².
    mass
        Unified atomic mass units, of what moves: of all n atoms of a column for the motion of its centre, and
        for the in-phase and anti-phase motion (u₁ ± u₂)/√2 of two such columns.
    temperature
        K.

    Raises
    ------
    InputError
        When mass or temperature is not positive, or the motion is negative or not a number.
    """
    if not (mass > 0 and temperature >= 0 and square >= 0):
        raise InputError(
            f"⟨u²⟩ = {square} Å², mass {mass} and temperature {temperature} K give no frequency; none may be "
            "negative, and the mass not zero."
        )
    if square == 0 or not np.isfinite(square):
        return float("inf") if square == 0 else 0.0
    ends = np.log([1e-9, 1e9])
    difference = [float(np.log(mean_square(np.exp(end), mass, temperature) / square)) for end in ends]
    if difference[0] * difference[1] > 0:
        return 0.0 if difference[0] < 0 else float("inf")
    found = brentq(lambda end: float(np.log(mean_square(np.exp(end), mass, temperature) / square)), *ends)
    return float(np.exp(found))
