"""The first guess of the object, when there is no earlier result to start from."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_mixedptycho.settings import Settings


class NoiseObject(Settings):
    """Seeded random phase, different for every state; the paper starts from uniform noise."""

    distribution: Literal["uniform", "gaussian"] = Field(
        "uniform", description="Shape of the noise: uniform in [0, amplitude], or Gaussian about zero."
    )
    amplitude: float = Field(
        1e-3,
        gt=0,
        le=3,
        description="Width (uniform) or standard deviation (gaussian) of the phase, rad; typical 0.001. Too "
        "much: its grain stays in the object.",
    )

    def phase(self, shape: tuple[int, int, int, int], seed: int) -> NDArray[np.float32]:
        """Return (state, slice, y, x) phases, rad."""
        random = np.random.default_rng(seed)
        if self.distribution == "uniform":
            return random.uniform(0.0, self.amplitude, shape).astype(np.float32)
        return random.normal(0.0, self.amplitude, shape).astype(np.float32)
