"""A run that leaves the numbers stops, and says which unknown did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.diverged import check_finite
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.solvers import Adam
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import DivergedError
from tests.physics.toys import Toy

REFINED: Any = ("object", "probe")


@pytest.fixture
def estimate() -> Estimate:
    return Toy(states=2).estimate(0)


def spoil(estimate: Estimate, name: str, value: float) -> Estimate:
    part = getattr(estimate, name).copy()
    part.flat[3] = value
    return estimate.with_blocks({name: part})


def test_what_is_finite_passes(estimate: Estimate) -> None:
    check_finite(estimate, estimate, REFINED, 0.1, {"object": estimate.object})


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", REFINED)
def test_the_unknown_that_is_not_finite_is_named(estimate: Estimate, name: str, value: float) -> None:
    with pytest.raises(DivergedError, match=f"diverged in the {name}: the {name} is no longer finite"):
        check_finite(estimate, spoil(estimate, name, value), REFINED, 0.1, None)


def test_the_unknown_that_exploded_is_named(estimate: Estimate) -> None:
    large = estimate.with_blocks({"probe": estimate.probe * 1e12})
    with pytest.raises(DivergedError, match="in the probe: the probe grew 1000000000000 times"):
        check_finite(estimate, large, REFINED, np.inf, None)


def test_the_gradient_that_is_not_finite_is_named(estimate: Estimate) -> None:
    slopes = {"object": spoil(estimate, "object", np.nan).object, "probe": estimate.probe}
    with pytest.raises(DivergedError, match="the gradient of the object is not finite"):
        check_finite(estimate, estimate, REFINED, 0.1, slopes)


def test_a_loss_that_nothing_explains(estimate: Estimate) -> None:
    with pytest.raises(DivergedError, match="the loss is nan although every unknown is finite"):
        check_finite(estimate, estimate, REFINED, np.nan, None)


class Poisoned(Adam):
    """Plants a number that is none, in the third step."""

    block: str = "object"

    def step(self, objective: Any, estimate: Estimate, state: Any, batch: Any = None) -> Any:
        moved, after, outcome = super().step(objective, estimate, state, batch)
        return (spoil(moved, self.block, np.nan) if after.steps == 3 else moved), after, outcome


@pytest.mark.parametrize("block", REFINED)
def test_a_run_stops_before_the_iteration_that_left_the_numbers(block: str) -> None:
    chosen = Toy(states=2)
    truth = chosen.estimate(0)
    stage = Stage.model_construct(**{**dict(Stage(iterations=9)), "solver": Poisoned(block=block)})
    steps = iterate(chosen.problem(truth), stage, "phase", Start(truth), 0)
    good = [next(steps), next(steps)]
    with pytest.raises(DivergedError, match=f"diverged in the {block}"):
        next(steps)
    assert all(np.isfinite(part).all() for step in good for part in step.estimate.blocks(REFINED).values())
