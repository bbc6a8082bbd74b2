"""Units as files spell them: to Å, 1/Å and mrad."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

_LENGTHS = {
    "m": 1e10,
    "cm": 1e8,
    "mm": 1e7,
    "um": 1e4,
    "micron": 1e4,
    "microns": 1e4,
    "micrometer": 1e4,
    "nm": 10.0,
    "nanometer": 10.0,
    "nanometers": 10.0,
    "a": 1.0,
    "å": 1.0,
    "ang": 1.0,
    "angstrom": 1.0,
    "angstroms": 1.0,
    "pm": 1e-2,
}
_ANGLES = {"rad": 1e3, "radian": 1e3, "radians": 1e3, "mrad": 1.0, "urad": 1e-3, "deg": 1e3 * np.pi / 180}
_DRESS = str.maketrans("", "", "_ ${}")
_INVERSE = re.compile(r"^(?:1/(?P<over>.+)|(?P<power>.+?)(?:\^?\(?-1\)?|⁻¹|\*\*-1))$")


@dataclass(frozen=True)
class Sampling:
    """Distance between neighbours on an axis: a length (Å), a spatial frequency (1/Å) or an angle (mrad)."""

    length: float | None = None
    frequency: float | None = None
    angle: float | None = None


def sampling(value: float, unit: object) -> Sampling:
    """Read a distance with its unit; nothing is set when the unit says nothing or the value is no distance.

    Parameters
    ----------
    value
        Distance between two neighbours.
    unit
        As the file spells it: ``nm``, ``[n_m]``, ``1/nm``, ``Å⁻¹``, ``A^-1``, ``mrad``, ``m``…
    """
    value, name = abs(float(value)), plain(unit)
    if not (np.isfinite(value) and value > 0):
        return Sampling()
    if name in _LENGTHS:
        return Sampling(length=value * _LENGTHS[name])
    if name in _ANGLES:
        return Sampling(angle=value * _ANGLES[name])
    match = _INVERSE.match(name)
    base = (match["over"] or match["power"]) if match else ""
    if base in _LENGTHS:
        return Sampling(frequency=value / _LENGTHS[base])
    return Sampling()


def is_detector(unit: object) -> bool:
    """Tell whether a unit is one of a detector axis: an angle or a spatial frequency."""
    found = sampling(1.0, unit)
    return found.frequency is not None or found.angle is not None


def is_scan(unit: object) -> bool:
    """Tell whether a unit is a length."""
    return sampling(1.0, unit).length is not None


def plain(unit: object) -> str:
    """Return a unit in lower case without the dress of a format: ``[n_m^-1]`` becomes ``nm^-1``."""
    if isinstance(unit, np.ndarray) and unit.size == 1:
        unit = unit.item()
    text = unit.decode("utf-8", "replace") if isinstance(unit, bytes) else str(unit or "")
    text = text.strip().strip("[]").translate(_DRESS)
    return text.replace("µ", "u").replace("μ", "u").replace("Å", "Å").casefold()
