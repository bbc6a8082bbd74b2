"""Scale, rotation and shear of the whole scan."""

from __future__ import annotations

from typing import Literal

import numpy as np

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.unknowns.base import Refined


class Scan(Refined):
    """One linear map of all positions, about the centre of the object: a wrong scan step, rotation or shear.

    Four numbers, so that it is well determined where single positions are not. An object that is stretched
    in the same way explains nearly the same patterns: the detector's sampling, which sets the object's scale,
    has to be right.
    """

    kind: Literal["scan"] = "scan"

    def begin(self, problem: Problem, estimate: Estimate) -> Array:
        """Start from the nominal scan."""
        return np.eye(2)

    def unit(self, problem: Problem, estimate: Estimate) -> float:
        """Return what moves the edge of the field by a tenth of a pixel."""
        return 0.2 / max(float(np.ptp(estimate.positions)), 1.0)

    def describe(self, value: Array) -> str:
        """Split the map into scale, rotation and shear."""
        scale, rotation, shear = decompose(value)
        return (
            f"scan step × {scale[0]:.4f} (y), × {scale[1]:.4f} (x), turned by {rotation:+.2f}°, "
            f"sheared by {shear:+.2f}°"
        )


def decompose(scan: Array) -> tuple[tuple[float, float], float, float]:
    """Return scale (y, x), rotation (degrees) and shear (degrees) of a linear map (2, 2).

    The fast scan direction x turns by the rotation (positive: from +x towards +y); the shear is how much the
    angle between the axes differs from 90°.
    """
    slow, fast = scan[:, 0], scan[:, 1]
    turned = float(np.degrees(np.arctan2(fast[0], fast[1])))
    leaning = float(np.degrees(np.arctan2(-slow[1], slow[0])))
    return (float(np.hypot(*slow)), float(np.hypot(*fast))), turned, leaning - turned
