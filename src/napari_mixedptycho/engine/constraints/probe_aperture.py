"""A probe that the aperture let through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.constraints.reciprocal import filtered, squared_frequency
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.kept import MEASURED
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings

_EDGE = 0.01
"""Part of the brightest ring's power per pixel at which the starting probe ends."""


@dataclass(frozen=True)
class _Aperture:
    opening: Array = field(metadata=MEASURED)
    every_trial: ClassVar[bool] = True

    def __call__(self, blocks: dict[str, Array]) -> dict[str, Array]:
        if "probe" not in blocks:
            return blocks
        return {**blocks, "probe": filtered(blocks["probe"], self.opening)}


class ProbeAperture(Settings):
    """No wave of the probe outside the aperture (its support in reciprocal space): the nearest such probe.

    A linear projection of every mode. Together with `probe_window` the last of the two holds exactly.
    """

    kind: Literal["probe_aperture"] = "probe_aperture"
    radius: float | None = Field(
        None,
        gt=0,
        le=100,
        description="Radius of the aperture, 1/Å (angle / wavelength); not set: where the stage's first "
        "probe ends, and one pixel more, for the soft edge.",
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> _Aperture:
        """Return the projection."""
        xp, probe = namespace(estimate.probe), estimate.probe
        k = np.sqrt(squared_frequency(probe.shape[-2:], problem.sampling))
        radius = self.radius or _end(asnumpy(probe), k)
        return _Aperture(xp.asarray((k <= radius).astype(probe.real.dtype)))


def _end(probe: Array, k: Array) -> float:
    """Return the frequency at which the power of the modes ends, and one pixel more."""
    pixel = float(k[0, 1])
    power = (np.abs(np.fft.fft2(probe)) ** 2).sum(axis=0)
    rings = np.rint(k / pixel).astype(int)
    profile = np.bincount(rings.ravel(), power.ravel()) / np.bincount(rings.ravel())
    return float((np.flatnonzero(profile >= _EDGE * profile.max()).max() + 1) * pixel)
