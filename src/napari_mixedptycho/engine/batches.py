"""Mini-batches: which patterns make one update together."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

Grouping = Literal["random", "sparse", "compact"]
"""``random``: any; ``sparse``: far apart, with little of the object in common; ``compact``: neighbours."""

Indices = NDArray[np.int64]

_FULL = 10.0
"""What a further member counts against the nearest neighbour's company, which is 1 at most."""


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
        batches = _spread(places, count, random)
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


def _spread(places: NDArray[np.float64], count: int, random: np.random.Generator) -> list[Indices]:
    """Deal out compact groups, at most one member to each batch, and to where it has least company."""
    groups = _groups(places, np.arange(len(places)), -(-len(places) // count))
    extent = np.ptp(places, axis=0)
    apart = max(
        float(np.sqrt(extent[0] * extent[1] * count / len(places))), float(extent.max()) / len(places)
    )
    owner = np.full(len(places), -1)
    sizes = np.zeros(count)
    for group in groups:
        dealt = np.flatnonzero(owner >= 0)
        # Fuller batches wait, so that their sizes differ by one at most; equal chances are left to chance.
        company = _FULL * sizes + random.uniform(0, 1e-6, (len(group), count))
        if len(dealt) and apart > 0:
            tree = cKDTree(places[dealt])
            near = cKDTree(places[group]).sparse_distance_matrix(tree, 1.2 * apart, output_type="coo_matrix")
            felt = np.zeros_like(company)
            np.maximum.at(felt, (near.row, owner[dealt][near.col]), np.exp(-2 * near.data / apart))
            company += felt
        members, batches = linear_sum_assignment(company)
        owner[group[members]] = batches
        sizes[batches] += 1
    return [np.flatnonzero(owner == batch) for batch in range(count)]
