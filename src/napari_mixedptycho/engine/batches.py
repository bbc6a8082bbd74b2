"""Mini-batches: which patterns make one update together."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Grouping = Literal["random", "sparse", "compact"]
"""``random``: any; ``sparse``: far apart, with little of the object in common; ``compact``: neighbours."""

Indices = NDArray[np.int64]


def draw_batches(
    indices: Indices,
    positions: NDArray[np.float64],
    size: int,
    grouping: Grouping,
    random: np.random.Generator,
) -> list[Indices]:
    """Cut the patterns into mini-batches of nearly equal size, each pattern in one of them.

    Parameters
    ----------
    indices
        Patterns to draw from.
    positions
        (position, 2) of all patterns, any unit; `random` does not look at them.
    size
        Patterns in a batch, at most.
    grouping
        How to choose them. Compact and sparse batches are made of compact groups; these are cut at an angle
        that is drawn anew, so that their borders lie elsewhere each time.
    random
        Where chance comes from: the same state draws the same batches.

    Returns
    -------
    list
        The batches, in the order in which they are to be used.
    """
    count = -(-len(indices) // size)
    if grouping == "random":
        return list(np.array_split(random.permutation(indices), count))
    angle = random.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    places = positions[indices] @ turn
    if grouping == "compact":
        batches = _groups(places, np.arange(len(indices)), count)
    else:
        # Groups of as many patterns as there are batches: one of each for every batch, and from the same
        # corner of its group.
        groups = _groups(places, np.arange(len(indices)), -(-len(indices) // count))
        order = np.concatenate([np.concatenate(_groups(places, group, len(group))) for group in groups])
        batches = [order[first::count] for first in range(count)]
    return [indices[batches[index]] for index in random.permutation(count)]


def _groups(places: NDArray[np.float64], members: Indices, count: int) -> list[Indices]:
    """Cut `members` into compact groups of nearly equal size, halving along the longer edge."""
    if count == 1:
        return [members]
    own = places[members]
    axis = int(np.argmax(np.ptp(own, axis=0)))
    order = members[np.argsort(own[:, axis], kind="stable")]
    first = count // 2
    cut = round(len(members) * first / count)
    return [*_groups(places, order[:cut], first), *_groups(places, order[cut:], count - first)]
