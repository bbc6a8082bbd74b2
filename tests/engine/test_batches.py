"""Mini-batches: every pattern once, drawn anew, and grouped as asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_mixedptycho.engine.batches import draw_batches

GROUPINGS = ["random", "sparse", "compact"]


def scan(rows: int, columns: int) -> np.ndarray:
    """Return the positions of a scan, row after row, a little uneven."""
    grid = np.stack(np.indices((rows, columns)), axis=-1).reshape(-1, 2).astype(float)
    return grid + np.random.default_rng(0).uniform(-0.1, 0.1, grid.shape)


def draw(grouping: Any, size: int, seed: int = 0, rows: int = 12, columns: int = 17) -> list[np.ndarray]:
    positions = scan(rows, columns)
    return draw_batches(np.arange(len(positions)), positions, size, grouping, np.random.default_rng(seed))


@pytest.mark.parametrize("size", [1, 2, 7, 24, 60, 203])
@pytest.mark.parametrize("grouping", GROUPINGS)
def test_every_pattern_is_in_one_batch(grouping: str, size: int) -> None:
    batches = draw(grouping, size)
    sizes = [len(batch) for batch in batches]
    assert len(batches) == -(-204 // size)
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(204))


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_only_the_patterns_that_were_given_are_drawn(grouping: Any) -> None:
    positions = scan(12, 17)
    some = np.setdiff1d(np.arange(204), np.arange(0, 204, 5))
    batches = draw_batches(some, positions, 20, grouping, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), some)


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_equal_seeds_draw_equal_batches_and_others_do_not(grouping: str) -> None:
    def groups(seed: int) -> set[frozenset[int]]:
        return {frozenset(batch.tolist()) for batch in draw(grouping, 20, seed)}

    for batch, again in zip(draw(grouping, 20, 3), draw(grouping, 20, 3), strict=True):
        np.testing.assert_array_equal(batch, again)
    assert not groups(3) & groups(4), "the tiling did not move"


def nearest(batches: list[np.ndarray], positions: np.ndarray) -> float:
    """Return the mean distance of a member to its nearest neighbour in the batch, scan steps."""
    distances = [cKDTree(positions[batch]).query(positions[batch], k=2)[0][:, 1] for batch in batches]
    return float(np.concatenate(distances).mean())


@pytest.mark.parametrize("size", [6, 12, 24])
@pytest.mark.parametrize("shape", [(12, 17), (24, 24), (6, 50)])
def test_sparse_members_are_far_apart_and_compact_ones_are_neighbours(
    shape: tuple[int, int], size: int
) -> None:
    positions = scan(*shape)
    found = {
        grouping: np.mean([nearest(draw(grouping, size, seed, *shape), positions) for seed in range(5)])
        for grouping in GROUPINGS
    }
    assert found["compact"] < 1.1
    assert found["sparse"] > 1.4 * found["random"] > 1.4 * found["compact"]


def test_one_place_for_all_positions_is_no_hindrance() -> None:
    positions = np.zeros((10, 2))
    for grouping in GROUPINGS:
        batches = draw_batches(np.arange(10), positions, 3, grouping, np.random.default_rng(0))  # type: ignore[arg-type]
        np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(10))
