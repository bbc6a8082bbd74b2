"""Plain gradient descent: what the paper does."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import asnumpy
from napari_mixedptycho.engine.estimate import Estimate, Unknown
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.scaling import Scaling
from napari_mixedptycho.engine.solvers.descent import Descent


class GradientDescent(Descent):
    """Gradient descent with an automatic step; Gladyshev et al. (2023), eq. 4."""

    kind: Literal["gradient_descent"] = "gradient_descent"
    preconditioned: bool = Field(
        False,
        description="Divide the gradient by the light on each pixel; the paper does not.",
    )

    def _scaling(self, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...]) -> Scaling:
        scaling = super()._scaling(objective, estimate, refined)
        if self.preconditioned or "object" not in refined:
            return scaling
        # One step for all pixels, that of the brightest; small unknowns keep their units.
        brightest = float(np.min(asnumpy(scaling.inverse["object"])))
        return replace(scaling, inverse={**scaling.inverse, "object": brightest})
