"""A probe that keeps its electrons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.kept import MEASURED
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _Power:
    electrons: Array = field(metadata=MEASURED)
    every_trial: ClassVar[bool] = True

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        if "probe" not in blocks:
            return blocks
        power = _power(blocks["probe"])
        if not power > 0:
            return blocks
        return {**blocks, "probe": float(np.sqrt(float(self.electrons) / power)) * blocks["probe"]}


def _power(probe: Array) -> float:
    return float((probe.real**2 + probe.imag**2).sum(dtype="f8"))


class ProbePower(Settings):
    """Σ|P|² of all modes stays as it was at the start of the stage: the nearest such probe, by one factor.

    For data whose dose is known better than the object's absorption. The set is a sphere, not convex, but
    smooth. A first guess holds the electrons of the mean pattern, which miss those beyond the detector.
    """

    kind: Literal["probe_power"] = "probe_power"

    def fitted(self, problem: Problem, estimate: Estimate) -> _Power:
        """Return the projection."""
        return _Power(np.array(_power(estimate.probe)))
