"""An object without detail that the detector could not have seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.constraints.reciprocal import filtered, squared_frequency
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _Limited:
    transfer: Array
    every_trial: ClassVar[bool] = True

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        if "object" not in blocks:
            return blocks
        return {**blocks, "object": filtered(blocks["object"], self.transfer)}


class BandLimit(Settings):
    """No spatial frequency of the stored phase or transmission above a limit: the nearest such object.

    A linear projection, for each slice and state. A sharp edge rings about strong columns; `low_pass` does
    not.
    """

    kind: Literal["band_limit"] = "band_limit"
    frequency: float | None = Field(
        None,
        gt=0,
        le=100,
        description="Highest frequency, 1/Å; not set: that of the outermost measured pixel.",
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> _Limited:
        """Return the projection."""
        xp, stored = namespace(estimate.object), estimate.object
        highest = self.frequency or _measured(problem)
        inside = squared_frequency(stored.shape[-2:], problem.sampling) <= highest**2
        return _Limited(xp.asarray(inside.astype(stored.real.dtype)))


def _measured(problem: Problem) -> float:
    """Return the frequency of the outermost pixel that the detector measures, 1/Å."""
    pixel = 1.0 / (problem.size * problem.sampling)
    edge = problem.detector.size
    k = np.fft.fftfreq(edge) * edge * pixel
    return float(np.hypot(k[:, None], k)[asnumpy(problem.weight) > 0].max())
