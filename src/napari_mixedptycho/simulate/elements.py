"""Free atoms: how strongly they scatter electrons, and their mass.

I. Lobato, D. Van Dyck, Acta Cryst. A 70, 636 (2014): ``f(k) = Σ aᵢ·(2 + bᵢk²) / (1 + bᵢk²)²`` for the neutral
atoms from hydrogen to lawrencium, k = 1/d. The table is ``atoms.csv``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.optics import lorentz_factor, wavelength

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Element:
    """One line of the table.

    Attributes
    ----------
    symbol, number
        As in the periodic table.
    mass
        Standard atomic weight, u.
    strengths, widths
        (5,) aᵢ, Å, and bᵢ, Å².
    """

    symbol: str
    number: int
    mass: float
    strengths: tuple[float, ...]
    widths: tuple[float, ...]

    def scattering_factor(self, square: Floats) -> Floats:
        """Return the electron scattering factor, Å (without the relativistic mass), at k², 1/Å²."""
        found = np.zeros_like(square)
        for strength, width in zip(self.strengths, self.widths, strict=True):
            found += strength * (2.0 + width * square) / (1.0 + width * square) ** 2
        return found

    def phase(self, square: Floats, energy: float) -> Floats:
        """Return the Fourier transform of the phase that one atom adds to a wave, rad·Å².

        ``σ·V = γλ·f``: the constants of the potential (h²/2πme) and of the interaction (2πγmeλ/h²) cancel.

        Parameters
        ----------
        square
            k², 1/Å².
        energy
            Of the electrons, eV.
        """
        return lorentz_factor(energy) * wavelength(energy) * self.scattering_factor(square)


@cache
def table() -> dict[str, Element]:
    """Return all elements by their symbol, in the order of their number."""
    text = (files("napari_mixedptycho") / "simulate" / "atoms.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    found = {}
    for number, row in enumerate(rows, 1):
        strengths, widths = (tuple(float(row[f"{name}{i}"]) for i in range(1, 6)) for name in "ab")
        found[row["symbol"]] = Element(row["symbol"], number, float(row["mass"]), strengths, widths)
    return found


def element(symbol: str) -> Element:
    """Return an element by its symbol.

    Raises
    ------
    InputError
        When there is no such element in the table.
    """
    if symbol not in table():
        raise InputError(f"There are no scattering factors of '{symbol}'; write elements as Si, Sr, O.")
    return table()[symbol]


def symbol_of(number: int) -> str:
    """Return the symbol of an atomic number.

    Raises
    ------
    InputError
        When the table ends before it.
    """
    names = list(table())
    if not 1 <= number <= len(names):
        raise InputError(
            f"There are no scattering factors of atomic number {number}; 1 to {len(names)} have."
        )
    return names[number - 1]
