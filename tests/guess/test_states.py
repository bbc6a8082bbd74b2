"""How states part: seeded, different from each other, and moved as far as they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.guess.object import NoiseObject
from napari_mixedptycho.guess.states import DisplacedCopies, NoisyCopies

SAMPLING, SPACING = 0.2, 2.0
SPREADS = [NoisyCopies(), DisplacedCopies(), DisplacedCopies(smooth=0)]


def blobs(slices: int = 2, edge: int = 72, spacing: int = 12, width: float = 2.0) -> np.ndarray:
    """Columns on a square lattice: (1, slice, y, x), rad."""
    y, x = np.indices((edge, edge))
    image = np.zeros((edge, edge))
    for row in range(spacing // 2, edge, spacing):
        for column in range(spacing // 2, edge, spacing):
            image += np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return np.broadcast_to(0.2 * image, (1, slices, edge, edge)).astype(np.float32)


def part(spread: Any, stored: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Make `count` states of fewer."""
    return spread.states(stored, count, SAMPLING, SPACING, seed)


def centroids(images: np.ndarray, spacing: int = 12) -> np.ndarray:
    """Displacement of each inner blob from its lattice point, px: (…, blob, 2)."""
    found = []
    inner = range(spacing, images.shape[-1] - spacing, spacing)
    for top in inner:
        for left in inner:
            cell = images[..., top : top + spacing + 1, left : left + spacing + 1]
            grid = np.indices(cell.shape[-2:]) - spacing / 2
            total = cell.sum(axis=(-2, -1))
            found.append(np.stack([(cell * g).sum(axis=(-2, -1)) / total for g in grid], axis=-1))
    return np.stack(found, axis=-2)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("spread", SPREADS, ids=["noise", "displaced", "displaced-plain"])
@pytest.mark.parametrize(("earlier", "count"), [(1, 2), (1, 7), (2, 5)])
def test_states_are_seeded_and_all_different(earlier: int, count: int, spread: Any, dtype: type) -> None:
    stored = np.concatenate([blobs(edge=36)] * earlier).astype(dtype)
    if dtype == np.complex64:
        stored = np.exp(1j * stored)
    before = stored.copy()
    found = part(spread, stored, count, 3)
    assert found.shape == (count, *stored.shape[1:])
    assert found.dtype == stored.dtype
    np.testing.assert_array_equal(stored, before)
    np.testing.assert_array_equal(found, part(spread, stored, count, 3))
    assert not np.array_equal(found, part(spread, stored, count, 4))
    for a in range(count):
        for b in range(a):
            assert np.abs(found[a] - found[b]).max() > 1e-3


def test_noise_has_the_stated_size_and_leaves_the_amplitude() -> None:
    phase = part(NoisyCopies(amplitude=0.05), np.zeros((1, 2, 64, 64), np.float32), 4)
    assert phase.std() == pytest.approx(0.05, rel=0.02)
    assert abs(phase.mean()) < 1e-3
    waves = part(NoisyCopies(amplitude=0.05), np.full((1, 1, 32, 32), 2, np.complex64), 3)
    np.testing.assert_allclose(np.abs(waves), 2, rtol=1e-6)
    assert np.angle(waves).std() == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("displacement", [0.08, 0.16])
def test_columns_move_as_far_as_asked_and_about_their_place(displacement: float) -> None:
    # A field much wider than a column moves it as a whole.
    spread = DisplacedCopies(displacement=displacement, correlation=1.6, smooth=0)
    moved = part(spread, blobs(edge=80, spacing=16), 12)
    shifts = centroids(moved, 16) * SAMPLING  # (state, slice, blob, 2), Å
    rms = np.sqrt((shifts**2).mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(rms, displacement, rtol=0.12)
    assert np.abs(shifts.mean(axis=0)).max() < 0.25 * displacement
    assert np.abs(shifts.mean(axis=(0, 1, 2))).max() < 0.03 * displacement


def test_neighbours_move_together_but_slices_and_axes_differ() -> None:
    spread = DisplacedCopies(displacement=0.1, correlation=1.6, smooth=0)
    shifts = centroids(part(spread, blobs(), 12))
    first, second = shifts[:, 0], shifts[:, 1]
    assert np.abs(first - second).max() > 0.1 * np.abs(first).max()
    assert abs(np.corrcoef(first[..., 0].ravel(), first[..., 1].ravel())[0, 1]) < 0.25


def fields(count: int) -> np.ndarray:
    """Displacements (state, 2, y, x), px: a warped ramp shows the field that warps it."""
    spread = DisplacedCopies(displacement=0.1, correlation=0.8, smooth=0)
    ramps = np.indices((64, 64)).astype(np.float32)[None]
    # One ramp at a time and the same seed: the same field twice.
    moved = [part(spread, ramps[:, axis : axis + 1], count, 5)[:, 0] for axis in (0, 1)]
    return (np.stack(moved, axis=1) - ramps)[..., 6:-6, 6:-6]


@pytest.mark.parametrize("count", [3, 6])
def test_fields_have_no_mean_and_the_same_rms_everywhere(count: int) -> None:
    found = fields(count)
    assert np.abs(found.mean(axis=0)).max() < 2e-3 * 0.5
    np.testing.assert_allclose(np.sqrt((found**2).mean(axis=(0, 1))), 0.1 / SAMPLING, rtol=2e-2)


@pytest.mark.parametrize("count", [2, 3, 6, 8])
def test_fields_are_smooth(count: int) -> None:
    steps = np.abs(np.diff(fields(count), axis=-1))
    # A field smooth over 0.8 Å (4 px) does not change by its own rms from one pixel to the next, but perhaps
    # about the few points where all fields vanish.
    assert np.quantile(steps, 0.99) < 0.1 / SAMPLING


@pytest.mark.parametrize("smooth", [0.0, 0.15])
def test_displacing_leaves_the_mean_of_the_states_as_it_was(smooth: float) -> None:
    stored = blobs(width=1.5)
    states = part(DisplacedCopies(displacement=0.15, smooth=smooth), stored, 7)
    np.testing.assert_allclose(states.mean(axis=0), stored[0], atol=1e-6)
    assert states.std(axis=0).max() > 0.1 * stored.max()


def test_noise_of_the_object_is_not_copied_into_differences() -> None:
    noise = np.random.default_rng(0).normal(size=(1, 1, 64, 64)).astype(np.float32)
    rough, smooth = (part(DisplacedCopies(smooth=s), noise, 6).std(axis=0).mean() for s in (0.0, 0.4))
    assert smooth < 0.3 * rough


@pytest.mark.parametrize("distribution", ["uniform", "gaussian"])
def test_first_object_is_seeded_noise_that_differs_between_states(distribution: Any) -> None:
    guess = NoiseObject(distribution=distribution, amplitude=0.01)
    phase = guess.phase((3, 2, 20, 20), 7)
    assert phase.dtype == np.float32
    np.testing.assert_array_equal(phase, guess.phase((3, 2, 20, 20), 7))
    assert not np.array_equal(phase, guess.phase((3, 2, 20, 20), 8))
    assert np.abs(phase[0] - phase[1]).max() > 1e-3
    if distribution == "uniform":
        assert phase.min() >= 0 and phase.max() <= 0.01
        assert phase.mean() == pytest.approx(0.005, rel=0.05)
    else:
        assert phase.std() == pytest.approx(0.01, rel=0.05)
        assert abs(phase.mean()) < 1e-3
