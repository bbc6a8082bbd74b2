"""Which columns move with a given one, and how much likeness chance alone would show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.errors import InputError


@dataclass(frozen=True)
class Partners:
    """What the columns have in common with one of them.

    Attributes
    ----------
    column
        Which one.
    correlation
        (N,) Σ u_i·u_j / √(Σ|u_i|²·Σ|u_j|²) over the states; 1 for the column itself, 0 for what is at rest.
    chance
        |r| that the best of all N − 1 others exceeds in 5 % of shufflings of this column's states.
    """

    column: int
    correlation: Floats
    chance: float

    @property
    def found(self) -> NDArray[np.intp]:
        """The columns beyond chance, the strongest first."""
        strength = np.abs(self.correlation)
        strength[self.column] = 0.0
        order = np.argsort(-strength, kind="stable")
        return np.asarray(order[strength[order] > self.chance])


def partners(positions: ArrayLike, column: int, *, draws: int = 1000, seed: int = 0) -> Partners:
    """Find the columns that move with one.

    The bound is that of the largest of N − 1 correlations, not of one: among fifty columns two or three
    exceed that of a single pair by chance.

    Parameters
    ----------
    positions
        (state, N, 2) of the columns, Å.
    column
        Index of the one.
    draws, seed
        Of the shufflings.

    Raises
    ------
    InputError
        When there is no such column.
    """
    places = np.asarray(positions, dtype=np.float64)
    states, count = places.shape[:2]
    if not 0 <= column < count:
        raise InputError(f"There is no column {column} among {count}.")
    moved = places - places.mean(axis=0)
    size = np.sqrt((moved**2).sum(axis=(0, 2)))
    unit = moved / np.where(size > 0, size, 1.0)[:, None]
    # (state, state, N): what the column in one state has in common with every column in another.
    products = np.einsum("ta,sna->tsn", unit[:, column], unit)
    states_of = np.arange(states)
    correlation = products[states_of, states_of].sum(axis=0)
    others = np.arange(count) != column
    random = np.random.default_rng(seed)
    best = [
        np.abs(products[random.permutation(states), states_of].sum(axis=0)[others]).max(initial=0.0)
        for _ in range(draws)
    ]
    return Partners(column, correlation, float(np.quantile(best, 0.95)))
