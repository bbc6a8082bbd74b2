"""The table of scattering factors against what theory says of every atom."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.simulate.elements import element, symbol_of, table

BOHR = 0.529177210903
"""Å (CODATA 2018)."""


@pytest.mark.parametrize("symbol", list(table()))
def test_far_out_an_atom_scatters_as_its_nucleus(symbol: str) -> None:
    # Mott-Bethe: f = (Z − f_x) / (2π²·a₀·k²), and f_x vanishes at large k. One wrong digit would show.
    atom, square = element(symbol), np.array([1e8])
    unscreened = atom.number / (2 * np.pi**2 * BOHR * square)
    assert atom.scattering_factor(square) == pytest.approx(unscreened, rel=1e-3)


@pytest.mark.parametrize(("symbol", "number", "mean_square_radius"), [("He", 2, 1.184), ("Ne", 10, 9.372)])
def test_closed_shells_have_the_known_diamagnetic_size(
    symbol: str, number: int, mean_square_radius: float
) -> None:
    # f(0) = Z·⟨r²⟩/(3·a₀): with Hartree-Fock's Σ⟨r²⟩ of all electrons, 2·1.1848 and 9.3720 a₀².
    total = mean_square_radius * (2 if symbol == "He" else 1) * BOHR**2
    assert element(symbol).number == number
    assert element(symbol).scattering_factor(np.zeros(1)) == pytest.approx(total / (3 * BOHR), rel=0.02)


def test_factors_fall_and_stay_positive() -> None:
    square = np.linspace(0.05, 60, 400)
    for atom in table().values():
        factor = atom.scattering_factor(square)
        assert (factor > 0).all() and (np.diff(factor) < 0).all(), atom.symbol


def test_silicon_is_silicon() -> None:
    # Peng, Ren, Dudarev & Whelan, Acta Cryst. A 52, 257 (1996): 5.83 Å forward for neutral silicon.
    silicon = element("Si")
    assert (silicon.number, silicon.mass) == (14, pytest.approx(28.085))
    assert silicon.scattering_factor(np.zeros(1)) == pytest.approx(5.83, rel=0.01)
    assert symbol_of(14) == "Si"


def test_unknown_elements_are_refused() -> None:
    with pytest.raises(InputError, match="'Xx'"):
        element("Xx")
    with pytest.raises(InputError, match="104"):
        symbol_of(104)
