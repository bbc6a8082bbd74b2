"""Vectors of unknowns, and their natural units."""

from __future__ import annotations

import numpy as np
import pytest

from napari_mixedptycho.engine.solvers import LBFGS
from napari_mixedptycho.engine.vectors import add, dot, dots, scale, scale_each
from tests.engine.solving import start
from tests.physics.toys import Toy, random_like


def test_vectors() -> None:
    a = {"object": np.array([1.0, 2.0]), "probe": np.array([1 + 2j])}
    b = {"object": np.array([3.0, -1.0]), "probe": np.array([2 - 1j])}
    assert dot(a, b) == 3 - 2 + 2 - 2
    np.testing.assert_array_equal(add(a, b, 2.0)["object"], [7, 0])
    np.testing.assert_array_equal(scale(a, -1)["probe"], [-1 - 2j])
    assert dots(a, b) == {"object": 1, "probe": 0}
    both = scale_each(a, {"object": 2.0, "probe": 3.0}, 0.5)
    np.testing.assert_array_equal(both["object"], a["object"])
    np.testing.assert_array_equal(both["probe"], 1.5 * a["probe"])
    single = {"object": np.ones(3, np.float32)}
    assert add(single, single, 0.1)["object"].dtype == np.float32
    assert scale_each(single, {"object": 0.1})["object"].dtype == np.float32


def test_spread_gain_changes_the_differences_and_not_the_mean() -> None:
    objective, estimate = start(Toy(3, 1, 1, 8, 12))
    gradient = {"object": random_like(estimate.object, np.random.default_rng(0))}
    plain, gained = (
        LBFGS(spread_gain=gain).init(objective, estimate, ("object",)).scaling(gradient)["object"]
        for gain in (1.0, 4.0)
    )
    size = np.abs(gained).max()
    np.testing.assert_allclose(gained.mean(axis=0), plain.mean(axis=0), atol=1e-12 * size)
    expected = 4 * (plain - plain.mean(axis=0))
    np.testing.assert_allclose(gained - gained.mean(axis=0), expected, atol=1e-12 * size)


@pytest.mark.parametrize("gains", [{}, {"spread_gain": 5.0}], ids=str)
def test_scaling_is_symmetric_and_positive(gains: dict[str, float]) -> None:
    # What L-BFGS asks of its first guess of the inverse Hessian.
    objective, estimate = start(Toy(3, 2, 2, 8, 12))
    refined = ("object", "probe", "positions")
    scaling = LBFGS(**gains).init(objective, estimate, refined).scaling
    random = np.random.default_rng(0)
    for _ in range(5):
        a, b = ({k: random_like(v, random) for k, v in estimate.blocks(refined).items()} for _ in range(2))
        assert dot(a, scaling(b)) == pytest.approx(dot(scaling(a), b), rel=1e-9)
        assert dot(a, scaling(a)) > 0
