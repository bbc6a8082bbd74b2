"""How often the specimen is in each of its states."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FLOOR = 0.2
"""Least occupancy of a state ÷ an equal share: weights that are free to vanish are known to do so."""


def occupancy(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the occupancy (state,) of each state ÷ an equal share, of mean 1 and at least `FLOOR`.

    ``FLOOR + (1 − FLOOR)·N·softmax(weights)``.
    """
    share: NDArray[np.float64] = FLOOR + (1 - FLOOR) * len(weights) * _softmax(weights)
    return share


def occupancy_pullback(weights: NDArray[np.float64], gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gradient of the weights (state,) from that of the occupancy."""
    share = _softmax(weights)
    slope: NDArray[np.float64] = (1 - FLOOR) * len(weights) * share * (gradient - (gradient * share).sum())
    return slope


def _softmax(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(weights - weights.max())
    share: NDArray[np.float64] = powers / powers.sum()
    return share
