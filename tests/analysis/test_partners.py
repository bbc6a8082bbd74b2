"""Columns that move with one: those that were made to, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.analysis import partners
from napari_mixedptycho.errors import InputError


def places(states: int, count: int, seed: int) -> np.ndarray:
    return 0.05 * np.random.default_rng(seed).normal(size=(states, count, 2))


def test_what_moves_with_a_column_and_against_it_is_found() -> None:
    positions = places(12, 40, 3)
    positions[:, 7] = 2 * positions[:, 5]
    positions[:, 9] = -positions[:, 5] + 0.01 * positions[:, 9]
    found = partners(positions + np.arange(40)[:, None], 5)
    assert found.found.tolist() == [7, 9]
    assert found.correlation[[5, 7]] == pytest.approx(1.0)
    assert found.correlation[9] == pytest.approx(-1.0, abs=0.01)


def test_chance_is_believed_in_about_one_case_of_twenty() -> None:
    """Between 1 and 11 of 100: outside with a probability of 1.3 % when 5 % is right."""
    believed = sum(len(partners(places(8, 20, seed), 0, draws=200).found) > 0 for seed in range(100))
    assert 1 <= believed <= 11


def test_the_bound_is_that_of_the_best_of_many() -> None:
    positions = places(10, 60, 0)
    assert partners(positions, 0).chance > partners(positions[:, :2], 0).chance


def test_what_is_at_rest_moves_with_nothing() -> None:
    positions = places(6, 4, 1)
    positions[:, 2] = 1.5
    found = partners(positions, 2)
    assert not len(found.found)
    assert found.correlation.tolist() == [0.0] * 4


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(InputError, match="no column 4 among 4"):
        partners(places(3, 4, 0), 4)
