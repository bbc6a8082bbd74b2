"""How often the specimen is in each state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.occupancy import occupancy, occupancy_pullback
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.unknowns.base import Refined


@dataclass(frozen=True)
class Entropy:
    """``weight · Σ w·log(w) / N`` of the occupancies w, which have mean 1: zero when they are equal."""

    weight: float

    def value_and_gradient(self, estimate: Estimate) -> tuple[float, dict[str, Array]]:
        """Return the value and the gradient of the weights."""
        assert estimate.weights is not None
        share = occupancy(estimate.weights)
        slope = self.weight * (np.log(share) + 1) / len(share)
        value = self.weight * float((share * np.log(share)).mean())
        return value, {"weights": occupancy_pullback(estimate.weights, slope)}


class Weights(Refined):
    """Occupancy of each object state, for a specimen that prefers some of its configurations.

    Free weights are known to collapse onto few states, so none falls below a fifth of an equal share, and
    equal shares are preferred. For thermal motion equal weights are right: leave this out.
    """

    kind: Literal["weights"] = "weights"
    entropy: float = Field(
        1e-4,
        ge=0,
        le=10,
        description="How much equal occupancies are preferred, beside a loss of order 1e-3.",
    )

    def begin(self, problem: Problem, estimate: Estimate) -> Array:
        """Start from equal shares."""
        return np.zeros(estimate.states)

    def unit(self, problem: Problem, estimate: Estimate) -> float:
        """Return about a tenth of an equal share."""
        return 0.1

    def term(self) -> Entropy | None:
        """Prefer equal shares."""
        return Entropy(self.entropy) if self.entropy else None

    def describe(self, value: Array) -> str:
        """Give the range of shares."""
        share = occupancy(value)
        return f"state occupancy {share.min():.2f} to {share.max():.2f} of an equal share"
