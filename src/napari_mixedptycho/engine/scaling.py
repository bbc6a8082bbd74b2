"""The natural size of a step for each unknown: an approximate inverse curvature.

For the amplitude loss the curvature of the exit wave is a constant, so that of an object pixel is the
light that falls on it, and that of a probe pixel the number of positions. With it a step of length one is
nearly right from the first iteration, whatever the dose, the units or the number of patterns.

Differences between object states are another matter: they change the patterns only to second order, and
least of all where many columns move together, for a common shift of all that the probe sees changes a
pattern only as a shift of the probe would. They get a gain, and displacements the spectrum of phonons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import scipy.fft

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Blocks, Estimate, Unknown
from napari_mixedptycho.engine.forward import Objective, illumination
from napari_mixedptycho.engine.natural import natural_step

_DARKEST = 0.02
"""Light below this part of the brightest pixel's counts as this much: unlit pixels stay put."""
_TOGETHER = 0.2
"""Displacement waves longer than this part of the probe window get the full gain."""


@dataclass(frozen=True)
class Gains:
    """How far the steps of weakly determined unknowns reach, compared with what full curvature would allow.

    Attributes
    ----------
    states
        Differences between stored states.
    displacement
        Displacements of the states.
    """

    states: float = 1.0
    displacement: float = 1.0


@dataclass(frozen=True)
class Scaling:
    """Approximate inverse curvature of each refined unknown.

    Attributes
    ----------
    inverse
        For each unknown an array that broadcasts to it, or a number.
    gains
        How far steps reach compared with those of the mean.
    smooth
        (y, x): low-pass of displacement fields, zero frequency in the corner, 1 at zero; None when no
        displacements are refined.
    reach
        For unknowns of single positions, the scan steps within which they change together.
    level
        Those whose mean over the positions stays as it is.
    scan_shape
        (y, x) points.
    """

    inverse: Mapping[str, Array | float]
    gains: Gains = Gains()
    smooth: Array | None = None
    reach: Mapping[str, float] = field(default_factory=dict)
    level: frozenset[str] = frozenset()
    scan_shape: tuple[int, int] | None = None

    @classmethod
    def of(
        cls,
        objective: Objective,
        estimate: Estimate,
        refined: tuple[Unknown, ...],
        gains: Gains,
    ) -> Scaling:
        """Estimate the curvature at an estimate."""
        problem = objective.problem
        total = objective.electrons / objective.loss.stiffness
        light = illumination(problem, estimate) / total
        # A stored object that all states share is lit by all of them.
        shared = 1 if estimate.displacement is None else estimate.states
        inverse: dict[str, Array | float] = {}
        if "object" in refined:
            inverse["object"] = 1 / (shared * (light + _DARKEST * float(light.max())))
        if "probe" in refined:
            inverse["probe"] = total / (len(problem.fitted) * estimate.states)
        if "positions" in refined:
            inverse["positions"] = total / (_steepness(estimate.probe) * estimate.states)
        smooth = None
        if "displacement" in refined:
            inverse["displacement"] = gains.displacement / _stiffness(estimate.object[0], light)
            smooth = _low_pass(light, problem.size * _TOGETHER)
        inverse |= {name: natural_step(objective, estimate, name) for name in refined if name not in inverse}
        wishes = [objective.unknowns[name] for name in refined if name in objective.unknowns]
        reach = {wish.kind: wish.reach for wish in wishes if wish.reach is not None}
        level = frozenset(wish.kind for wish in wishes if wish.mean_fixed)
        return cls(inverse, gains, smooth, reach, level, problem.scan_shape)

    def pack(self) -> dict[str, Array]:
        """Return everything as named arrays, by reference."""
        packed = {f"inverse/{name}": part for name, part in self.inverse.items()}
        packed |= {f"reach/{name}": np.float64(length) for name, length in self.reach.items()}
        packed |= {f"level/{name}": np.bool_(True) for name in self.level}
        packed["gains"] = np.array([self.gains.states, self.gains.displacement])
        if self.scan_shape is not None:
            packed["scan_shape"] = np.array(self.scan_shape)
        return packed if self.smooth is None else {**packed, "smooth": self.smooth}

    @classmethod
    def unpack(cls, packed: Mapping[str, Array]) -> Scaling:
        """Return what `pack` named."""
        parts: dict[str, dict[str, Array]] = {"inverse": {}, "reach": {}, "level": {}}
        for key, part in packed.items():
            kind, _, name = key.partition("/")
            if name:
                parts[kind][name] = part if np.ndim(part) else float(part)
        shape = packed.get("scan_shape")
        return cls(
            parts["inverse"],
            Gains(*(float(gain) for gain in packed["gains"])),
            packed.get("smooth"),
            parts["reach"],
            frozenset(parts["level"]),
            None if shape is None else (int(shape[0]), int(shape[1])),
        )

    def __call__(self, gradient: Blocks) -> dict[str, Array]:
        """Return the gradient in natural units: a step of about the right length."""
        step = {name: self.inverse[name] * part for name, part in gradient.items()}
        if "object" in step and len(step["object"]) > 1 and self.gains.states != 1:
            mean = step["object"].mean(axis=0)
            step["object"] = mean + self.gains.states * (step["object"] - mean)
        if "displacement" in step:
            step["displacement"] = self._smoothed(step["displacement"])
        for name, length in self.reach.items():
            if self.scan_shape is not None:
                step[name] = _along_scan(step[name], self.scan_shape, length)
        for name in self.level:
            step[name] = step[name] - step[name].mean(axis=0)
        return step

    def _smoothed(self, fields: Array) -> Array:
        """Return displacement fields (state, 2, y, x) as smooth ones, of mean zero over the states."""
        xp = namespace(fields)
        # A displacement that all states share is the object's own place.
        differences = fields - fields.mean(axis=0)
        return xp.fft.ifft2(xp.fft.fft2(differences) * self.smooth).real.astype(fields.dtype)


def _along_scan(values: Array, shape: tuple[int, int], length: float) -> Array:
    """Blur what belongs to single positions (position, …) over the scan by a Gaussian of `length` steps."""
    grid = values.reshape(*shape, -1)
    waves = scipy.fft.dctn(grid, axes=(0, 1), norm="ortho")
    for axis, count in enumerate(shape):
        damping = np.exp(-0.5 * (np.pi * length / count * np.arange(count)) ** 2)
        waves *= damping[:, None, None] if axis == 0 else damping[None, :, None]
    blurred: Array = scipy.fft.idctn(waves, axes=(0, 1), norm="ortho").reshape(values.shape)
    return blurred


def _steepness(probe: Array) -> float:
    xp = namespace(probe)
    return float(sum((xp.abs(part) ** 2).sum() for part in xp.gradient(probe, axis=(-2, -1))))


def _stiffness(stored: Array, light: Array) -> float:
    """Return the curvature of one pixel's displacement, if patterns felt it fully: mean over lit pixels."""
    xp = namespace(stored)
    slopes = xp.gradient(stored.sum(axis=0), axis=(-2, -1))
    lit = float(light.sum()) / float(light.max())
    return float(sum((light * slope**2).sum() for slope in slopes)) / 2 / lit


def _low_pass(light: Array, length: float) -> Array:
    """Return ``1 / (1 + (2πkL)²)``: the spectrum of acoustic phonons, levelled beyond length L (px)."""
    xp = namespace(light)
    ky, kx = (xp.fft.fftfreq(edge) for edge in light.shape)
    return (1.0 / (1.0 + (2 * np.pi * length) ** 2 * (ky[:, None] ** 2 + kx**2))).astype(light.dtype)
