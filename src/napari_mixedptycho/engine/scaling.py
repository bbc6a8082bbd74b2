"""The natural size of a step for each unknown: an approximate inverse curvature.

For the amplitude loss the curvature of the exit wave is a constant, so that of an object pixel is the
light that falls on it, and that of a probe pixel the number of positions. With it a step of length one is
nearly right from the first iteration, whatever the dose, the units or the number of patterns.

Differences between object states are another matter: they change the patterns only to second order, and
least of all where many columns move together, for a common shift of all that the probe sees changes a
pattern only as a shift of the probe would. Both get a gain of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Blocks, Estimate, Unknown
from napari_mixedptycho.engine.forward import Objective, illumination

_DARKEST = 0.02
"""Light below this part of the brightest pixel's counts as this much: unlit pixels stay put."""
_TOGETHER = 0.2
"""Displacement waves longer than this part of the probe window count as common motion."""


@dataclass(frozen=True)
class Gains:
    """How much further than the mean's the steps of the differences between states reach.

    Attributes
    ----------
    spread
        For all differences.
    together
        On top, for displacements that neighbouring columns share.
    """

    spread: float = 1.0
    together: float = 0.0


@dataclass(frozen=True)
class Scaling:
    """Approximate inverse curvature of each refined unknown.

    Attributes
    ----------
    inverse
        For each unknown an array that broadcasts to it, or a number.
    gains
        For the differences between object states.
    slopes
        (2, slice, y, x): gradient of the mean phase, by which a displacement changes it, rad/px; divided by
        the square root of its own curvature per pixel. Empty when displacements get no gain.
    smooth
        (y, x): low-pass of displacement fields, zero frequency in the corner; 1 at zero.
    """

    inverse: Mapping[str, Array | float]
    gains: Gains = Gains()
    slopes: Array = None
    smooth: Array = None

    @classmethod
    def of(
        cls, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...], gains: Gains
    ) -> Scaling:
        """Estimate the curvature at an estimate."""
        problem = objective.problem
        total = float(objective.scales.sum()) / objective.loss.stiffness
        light = illumination(problem, estimate)
        inverse: dict[str, Array | float] = {}
        if "object" in refined:
            inverse["object"] = total / (light + _DARKEST * float(light.max()))
        if "probe" in refined:
            inverse["probe"] = total / (problem.count * estimate.states)
        if "positions" in refined:
            xp = namespace(estimate.probe)
            slope = xp.gradient(estimate.probe, axis=(-2, -1))
            steepness = float(sum((xp.abs(part) ** 2).sum() for part in slope)) * estimate.states
            inverse["positions"] = total / steepness
        if (
            gains.together
            and "object" in refined
            and estimate.states > 1
            and estimate.object.dtype.kind == "f"
        ):
            slopes = _slopes(estimate.object, light / total)
            return cls(inverse, gains, slopes, _low_pass(light, problem.size * _TOGETHER))
        return cls(inverse, gains)

    def pack(self) -> dict[str, Array]:
        """Return everything as named arrays, by reference."""
        packed = {f"inverse/{name}": part for name, part in self.inverse.items()}
        packed["gains"] = np.array([self.gains.spread, self.gains.together])
        return packed if self.slopes is None else {**packed, "slopes": self.slopes, "smooth": self.smooth}

    @classmethod
    def unpack(cls, packed: Mapping[str, Array]) -> Scaling:
        """Return what `pack` named."""
        inverse = {
            name.removeprefix("inverse/"): part if np.ndim(part) else float(part)
            for name, part in packed.items()
            if name.startswith("inverse/")
        }
        spread, together = (float(gain) for gain in packed["gains"])
        return cls(inverse, Gains(spread, together), packed.get("slopes"), packed.get("smooth"))

    def __call__(self, gradient: Blocks) -> dict[str, Array]:
        """Return the gradient in natural units: a step of about the right length."""
        step = {name: self.inverse[name] * part for name, part in gradient.items()}
        if "object" in step and len(step["object"]) > 1:
            mean = step["object"].mean(axis=0)
            step["object"] = mean + self.gains.spread * (step["object"] - mean)
            if self.slopes is not None:
                step["object"] += self.gains.together * self._together(gradient["object"])
        return step

    def _together(self, gradient: Array) -> Array:
        """Return the part of a gradient that is a displacement shared by neighbours, as a change of phase."""
        xp = namespace(gradient)
        differences = gradient - gradient.mean(axis=0)
        step = xp.zeros_like(gradient)
        for slope in self.slopes:
            force = (differences * slope).sum(axis=1)
            field = xp.fft.ifft2(xp.fft.fft2(force) * self.smooth).real.astype(gradient.dtype)
            step += slope * field[:, None]
        return step


def _slopes(stored: Array, curvature: Array) -> Array:
    xp = namespace(stored)
    mean = stored.mean(axis=0)
    slopes = xp.stack(xp.gradient(mean, axis=(-2, -1)))
    stiffness = float((curvature * slopes**2).sum()) / 2
    lit = float(curvature.sum()) / float(curvature.max())
    # A displacement of the whole lit field then steps as far as its full curvature would let it.
    return (slopes / (stiffness / lit) ** 0.5).astype(stored.dtype)


def _low_pass(light: Array, length: float) -> Array:
    xp = namespace(light)
    ky, kx = (xp.fft.fftfreq(edge) for edge in light.shape)
    return (1.0 / (1.0 + (2 * np.pi * length) ** 2 * (ky[:, None] ** 2 + kx**2))).astype(light.dtype)
