"""What a column's motion means, given what the column is made of."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.analysis import Matter, mean_square


def test_an_atom_among_others_may_move_more_than_their_centre() -> None:
    low, high = Matter(atoms=4).b_factors(0.05)
    assert low == pytest.approx(8 * np.pi**2 * 0.05**2)
    assert high == pytest.approx(4 * low)
    assert Matter().b_factors(0.05) == (low, low)


def test_the_frequency_is_that_of_the_whole_column() -> None:
    """⟨u²⟩ of an oscillator of two silicon atoms at 5 THz gives 5 THz back, and not without the masses."""
    matter = Matter(atoms=2, mass=28.085, temperature=250.0)
    assert matter.frequency(float(mean_square(5.0, 56.17, 250.0))) == pytest.approx(5.0)
    assert Matter(atoms=2).frequency(0.01) is None
    assert Matter(mass=28.085).frequency(0.01) is None
