"""A blur of the object after every iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.constraints.reciprocal import filtered, squared_frequency
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _Blurred:
    transfer: Array
    every_trial: ClassVar[bool] = False

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        if "object" not in blocks:
            return blocks
        return {**blocks, "object": filtered(blocks["object"], self.transfer)}


class LowPass(Settings):
    """Blur the stored phase or transmission of every slice by a Gaussian, ``exp(−2π²·width²·k²)``.

    Not a projection: twice is more than once, so that it is applied between iterations, and the result is a
    balance between the blur and what an iteration brings back. `band_limit` is a projection, and a `tikhonov`
    penalty has a balance that does not depend on the solver.
    """

    kind: Literal["low_pass"] = "low_pass"
    width: float = Field(0.1, gt=0, le=10, description="Standard deviation of the blur, Å.")

    def fitted(self, problem: Problem, estimate: Estimate) -> _Blurred:
        """Return the filter."""
        xp, stored = namespace(estimate.object), estimate.object
        square = squared_frequency(stored.shape[-2:], problem.sampling)
        transfer = np.exp(-2 * np.pi**2 * self.width**2 * square)
        return _Blurred(xp.asarray(transfer.astype(stored.real.dtype)))
