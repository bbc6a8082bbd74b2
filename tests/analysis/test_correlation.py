"""Columns that move together, against each other, and by chance."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.analysis.correlation import (
    CorrelationSettings,
    correlations,
    neighbour_amplitudes,
)
from napari_mixedptycho.analysis.vibration import mean_frequency, mean_square
from napari_mixedptycho.errors import InputError

FAST = CorrelationSettings(draws=200)


def grid(count: int = 5, spacing: float = 2.0) -> np.ndarray:
    line = spacing * np.arange(count)
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)


def waves(states: int, length: float, seed: int = 0, own: float = 0.0) -> np.ndarray:
    """Positions whose displacements are correlated as exp(−d²/2·length²), and own motion besides."""
    places, random = grid(), np.random.default_rng(seed)
    square = ((places[:, None] - places) ** 2).sum(axis=-1)
    root = np.linalg.cholesky(np.exp(-square / (2 * length**2)) + 1e-9 * np.eye(len(places)))
    moved = np.einsum("nm,sma->sna", root, random.normal(size=(states, len(places), 2)))
    return places + 0.05 * moved + own * random.normal(size=moved.shape)


def test_a_known_correlation_is_recovered_at_every_distance() -> None:
    found = correlations(waves(1000, 3.0), CorrelationSettings(draws=20))
    expected = np.exp(-(found.distance**2) / 18)
    np.testing.assert_allclose(found.longitudinal.value, expected, atol=0.1)
    np.testing.assert_allclose(found.transverse.value, expected, atol=0.1)
    assert found.longitudinal.significant[:3].all()
    assert found.longitudinal.p[0] == pytest.approx(1 / 21)
    assert found.pairs.sum() <= 25 * 24 / 2


def test_motion_along_the_line_is_told_from_motion_across_it() -> None:
    random = np.random.default_rng(1)
    places = np.array([[0.0, 0.0], [0.0, 2.0]])  # neighbours along x
    along, across = random.normal(size=(2000, 1)), random.normal(size=(2000, 2))
    moved = np.stack([0.05 * across, 0.05 * np.repeat(along, 2, axis=1)], axis=-1)  # (state, column, yx)
    found = correlations(places + moved, FAST)
    assert found.longitudinal.value[0] == pytest.approx(1.0, abs=1e-4)
    assert abs(found.transverse.value[0]) < 0.06
    assert not found.transverse.significant[0] or found.transverse.p[0] > 0.005


def test_columns_on_their_own_and_shuffled_states_show_no_correlation() -> None:
    wrong = total = 0
    for seed in range(20):
        places = waves(10, 1e-3, seed)
        found = correlations(places, FAST)
        flags = np.concatenate([found.longitudinal.significant, found.transverse.significant])
        wrong, total = wrong + int(flags.sum()), total + len(flags)
    assert wrong < 0.12 * total  # nominally 0.05


def test_few_states_still_tell_a_common_wave_from_chance() -> None:
    found = correlations(waves(10, 3.0), FAST)
    assert found.longitudinal.significant[0]
    assert found.single_pair == pytest.approx(0.632, abs=0.001)
    shuffled = waves(10, 3.0)
    for column in range(shuffled.shape[1]):
        shuffled[:, column] = np.random.default_rng(column).permutation(shuffled[:, column])
    assert not correlations(shuffled, FAST).longitudinal.significant[0]


def test_common_motion_can_be_left_out() -> None:
    random = np.random.default_rng(2)
    together = waves(200, 1e-3) + 0.05 * random.normal(size=(200, 1, 2))
    assert correlations(together, FAST).longitudinal.value[0] == pytest.approx(0.5, abs=0.1)
    without = correlations(together, CorrelationSettings(draws=200, common=True))
    # What taking out a mean does by itself is in the range of chance too.
    assert not without.longitudinal.significant[0]
    assert without.longitudinal.chance[0].mean() == pytest.approx(-1 / 24, abs=0.02)


def test_in_phase_and_anti_phase_motion_of_two_oscillators() -> None:
    """Two columns of 2 silicon atoms: modes at 8 and 14 THz along the line, in equilibrium."""
    mass, temperature, random = 2 * 28.0855, 300.0, np.random.default_rng(3)
    sizes = [np.sqrt(mean_square(frequency, mass, temperature)) for frequency in (8.0, 14.0)]
    plus, minus = (size * random.normal(size=20_000) for size in sizes)
    moved = np.stack([(plus + minus) / np.sqrt(2), (plus - minus) / np.sqrt(2)], axis=1)
    places = np.array([[0.0, 0.0], [0.0, 2.0]]) + np.stack([np.zeros_like(moved), moved], axis=-1)
    found = neighbour_amplitudes(places, FAST)
    for pooled, frequency in (
        (found.longitudinal_in_phase, 8.0),
        (found.longitudinal_anti_phase, 14.0),
    ):
        assert mean_frequency(float(pooled.value[0]), mass, temperature) == pytest.approx(frequency, rel=0.02)
        low, high = (mean_frequency(float(end), mass, temperature) for end in pooled.interval[0][::-1])
        assert low < frequency < high
        assert pooled.significant[0]
    assert found.transverse_in_phase.value[0] == 0.0


def test_what_has_no_pairs_is_refused() -> None:
    with pytest.raises(InputError, match="three states"):
        correlations(waves(2, 3.0))
    with pytest.raises(InputError, match="larger reach"):
        correlations(waves(5, 3.0), CorrelationSettings(reach=0.5))
