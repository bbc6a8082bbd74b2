"""The natural size of a step for each unknown: an approximate inverse curvature.

For the amplitude loss the curvature of the exit wave is a constant, so that of an object pixel is the
light that falls on it, and that of a probe pixel the number of positions. With it a step of length one is
nearly right from the first iteration, whatever the dose, the units or the number of patterns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Blocks, Estimate, Unknown
from napari_mixedptycho.engine.forward import Objective, illumination

_DARKEST = 0.02
"""Light below this part of the brightest pixel's counts as this much: unlit pixels stay put."""


@dataclass(frozen=True)
class Scaling:
    """Approximate inverse curvature of each refined unknown.

    Attributes
    ----------
    inverse
        For each unknown an array that broadcasts to it, or a number.
    spread
        Extra gain for the differences between object states. They change the patterns only to second
        order, so their curvature is far below that of the states' mean.
    """

    inverse: Mapping[str, Array | float]
    spread: float = 1.0

    @classmethod
    def of(
        cls, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...], spread: float
    ) -> Scaling:
        """Estimate the curvature at an estimate."""
        problem = objective.problem
        total = float(objective.scales.sum()) / objective.loss.stiffness
        light = illumination(problem, estimate)
        brightest = float(light.max())
        inverse: dict[str, Array | float] = {}
        if "object" in refined:
            inverse["object"] = total / (light + _DARKEST * brightest)
        if "probe" in refined:
            inverse["probe"] = total / (problem.count * estimate.states)
        if "positions" in refined:
            xp = namespace(estimate.probe)
            slope = xp.gradient(estimate.probe, axis=(-2, -1))
            steepness = float(sum((xp.abs(part) ** 2).sum() for part in slope)) * estimate.states
            inverse["positions"] = total / steepness
        return cls(inverse, spread)

    def __call__(self, gradient: Blocks) -> dict[str, Array]:
        """Return the gradient in natural units: a step of about the right length."""
        step = {name: self.inverse[name] * part for name, part in gradient.items()}
        if self.spread != 1 and "object" in step and len(step["object"]) > 1:
            mean = step["object"].mean(axis=0)
            step["object"] = mean + self.spread * (step["object"] - mean)
        return step
