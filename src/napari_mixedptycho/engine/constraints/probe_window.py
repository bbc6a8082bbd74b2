"""A probe that ends within its window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class _Window:
    opening: Array
    every_trial: ClassVar[bool] = True

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        return {**blocks, "probe": blocks["probe"] * self.opening} if "probe" in blocks else blocks


class ProbeWindow(Settings):
    """No wave of the probe outside a disk about its centre, its support in real space: the nearest probe.

    A linear projection of every mode. Together with `probe_aperture` the last of the two holds exactly.
    """

    kind: Literal["probe_window"] = "probe_window"
    radius: float | None = Field(
        None, gt=0, le=1000, description="Radius of the disk, Å; not set: the largest that fits its window."
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> _Window:
        """Return the projection."""
        xp, probe = namespace(estimate.probe), estimate.probe
        edge = probe.shape[-1]
        place = (np.arange(edge) - edge // 2) * problem.sampling
        radius = self.radius or edge / 2 * problem.sampling
        opening = np.hypot(place[:, None], place) <= radius
        return _Window(xp.asarray(opening.astype(probe.real.dtype)))
