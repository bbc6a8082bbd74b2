"""Ensembles that are the same, moved, larger and turned: known distances, and chance where there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.special import erf

from napari_mixedptycho.analysis.distance import (
    DistanceSettings,
    covariance_distance,
    distances,
)
from napari_mixedptycho.errors import InputError
from tests.analysis.specimen import columns, moving

FAST = DistanceSettings(permutations=99)


def test_the_energy_distance_of_two_points_and_of_known_gaussians() -> None:
    """Of points a distance d apart it is 2d; of N(0, 1) and N(μ, 1) on a line it has a closed form."""
    one, other = np.zeros((3, 2, 2)), np.zeros((4, 2, 2))
    other[:, 0, 1] = 0.3
    found = distances(one, other, FAST)  # the common shift, 0.15 Å, is taken out
    np.testing.assert_allclose(found.position.column_value, 0.3, atol=1e-12)
    assert found.position.value == pytest.approx(0.6)
    np.testing.assert_allclose(found.shift, [[0, 0.15], [0, -0.15]], atol=1e-12)
    np.testing.assert_allclose(found.motion.column_value, 0.0, atol=1e-12)

    random = np.random.default_rng(0)
    lines = np.zeros((2, 600, 2, 2))
    lines[..., 0] = random.normal(size=(2, 600, 2)) * 0.1
    lines[1, :, 0, 0] += 0.2
    value = distances(*lines, DistanceSettings(permutations=19)).position.column_value
    # |N(μ, 2σ²)| has mean σ(2/√π)exp(−μ²/4σ²) + μ·erf(μ/2σ); here μ = 0.1 Å on either column.
    expected = 2 * (0.1 * 2 / np.sqrt(np.pi) * np.exp(-0.25) + 0.1 * erf(0.5)) - 2 * 0.2 / np.sqrt(np.pi)
    np.testing.assert_allclose(value, expected, rtol=0.15)


def test_chance_is_chance_with_columns_that_move_together() -> None:
    """Of ensembles of one distribution p is uniform, though all columns move as one."""
    below, total = np.zeros(3), 100
    for seed in range(total):
        random = np.random.default_rng(seed)
        together = random.normal(0, 0.05, (20, 1, 2)) * np.ones((1, 6, 1))
        places = columns()[:6] + together + random.normal(0, 0.01, (20, 6, 2))
        places -= places.mean(axis=1, keepdims=True) * (seed % 2)
        found = distances(places[:8], places[8:], FAST)
        below += np.array([found.position.p, found.motion.p, found.position.column_p[0]]) <= 0.2
    # Binomial: 20 ± 4 of 100.
    assert (below >= 8).all() and (below <= 34).all()


@pytest.mark.parametrize("kind", ["moved", "larger", "turned"])
def test_what_differs_is_found(kind: str) -> None:
    one, other = moving(12, 0.05, 1), moving(30, 0.05, 2)
    if kind == "moved":
        other = other + 0.05 * (-1.0) ** np.arange(len(columns()))[:, None]
    elif kind == "larger":
        other = columns() + 2.5 * (other - columns())
    else:
        one = columns() + (one - columns()) * np.array([2.0, 0.5])
        other = columns() + (other - columns()) * np.array([0.5, 2.0])
    found = distances(one, other)
    assert found.position.p <= 0.005
    assert (found.motion.p <= 0.005) == (kind != "moved")
    assert found.numbers()["energy_p"] == found.position.p
    if kind == "moved":
        assert np.abs(found.shift).mean() == pytest.approx(0.05, rel=0.3)


def test_a_common_shift_is_no_difference_and_the_order_of_states_means_nothing() -> None:
    one, other = moving(8, 0.05, 1), moving(8, 0.05, 2)
    found, moved = distances(one, other, FAST), distances(one, other[::-1] + np.array([0.4, -0.2]), FAST)
    assert found.position.value == pytest.approx(moved.position.value)
    np.testing.assert_allclose(found.covariance, moved.covariance)
    same = distances(one, one, FAST)
    assert same.position.value == pytest.approx(0, abs=1e-12)
    assert same.position.p == 1.0


def test_the_covariance_distance_has_the_known_values() -> None:
    """Of covariances with common axes it is √Σ(σ − τ)²; from nothing √tr; turned by 90° too."""
    here, there = np.diag([0.09, 0.01]), np.diag([0.01, 0.09])
    assert covariance_distance(here, there)[0] == pytest.approx(np.sqrt(2 * 0.2**2))
    assert covariance_distance(here, np.zeros((2, 2)))[0] == pytest.approx(np.sqrt(0.1))
    assert covariance_distance(here, here)[0] == pytest.approx(0.0, abs=1e-8)
    # Against the definition, by matrix roots.
    random = np.random.default_rng(3)
    one, other = (part @ part.T for part in random.normal(size=(2, 2, 2)))
    root = sqrtm(one)
    squared = np.trace(one + other - 2 * np.real(sqrtm(root @ other @ root)))
    assert covariance_distance(one, other)[0] == pytest.approx(np.sqrt(squared))


def test_one_state_has_a_distance_but_no_chance() -> None:
    found = distances(moving(8), moving(1), FAST)
    assert np.isnan(found.position.p) and found.position.value > 0
    assert json.loads(json.dumps(found.numbers(), allow_nan=False))["energy_p"] is None


def test_other_columns_are_refused() -> None:
    with pytest.raises(InputError, match="same columns"):
        distances(moving(8), moving(8)[:, :4])
    with pytest.raises(InputError, match="same columns"):
        distances(np.zeros((8, 0, 2)), np.zeros((8, 0, 2)))
