"""States that carry the same share: none may take the phase of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.penalties.measure import ObjectTerm, lit_pixels, squared
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.settings import Settings

_SOFT = 1e-3
"""Contrast, rad, below which its square root is smoothed."""


@dataclass(frozen=True)
class _Level(ObjectTerm):
    """Variance over the states of the mean of the projected phase."""

    def measure(self, field: Array) -> tuple[float, Array]:
        states, slices = field.shape[:2]
        levels = (field.mean(axis=1) * self.lit).sum(axis=(-2, -1), keepdims=True)
        apart = levels - levels.mean()
        slope = 2 * apart / (states * slices) * self.lit
        value = float(squared(apart).sum(dtype="f8")) / states
        return value, namespace(field).broadcast_to(slope[:, None], field.shape)


@dataclass(frozen=True)
class _Contrast(ObjectTerm):
    """Variance over the states of the standard deviation of the projected phase."""

    def measure(self, field: Array) -> tuple[float, Array]:
        xp = namespace(field)
        states, slices = field.shape[:2]
        projected = field.mean(axis=1)
        about = projected - (projected * self.lit).sum(axis=(-2, -1), keepdims=True)
        power = (squared(about) * self.lit).sum(axis=(-2, -1), keepdims=True)
        contrast = xp.sqrt(power + _SOFT**2)
        apart = contrast - contrast.mean()
        # The mean that is taken off depends on the field too, but the deviations from it have none.
        slope = 2 * apart / contrast / (states * slices) * self.lit * about
        value = float((apart**2).sum(dtype="f8")) / states
        return value, xp.broadcast_to(slope[:, None], field.shape)


class EqualPhase(Settings):
    """Variance between states of their share of the phase, ``w·⟨(c_n − c̄)²⟩``, rad².

    c_n is the standard deviation (`contrast`) or the mean (`level`) of the projected phase of state n over
    the lit pixels; of a complex object, of Σ_s (O − 1). The level of a state is no business of the patterns,
    which a constant phase leaves as they are; its contrast is what fails when one state takes the phase of
    all (Gladyshev et al. 2023, Fig. 11). It does nothing to one state, nor to displaced states, which share
    one object.
    """

    kind: Literal["equal_phase"] = "equal_phase"
    weight: float = Field(
        1.0, gt=0, le=1e6, description="Factor of the variance between states, rad²; useful from 0.1 to 10."
    )
    of: Literal["contrast", "level"] = Field(
        "contrast", description="What is made equal: how much phase varies in a state, or its mean."
    )

    def fitted(self, problem: Problem, estimate: Estimate) -> ObjectTerm | None:
        """Return the penalty for a problem; None with one state or displaced ones."""
        if len(estimate.object) < 2:
            return None
        kind = _Contrast if self.of == "contrast" else _Level
        return kind(self.weight, lit_pixels(problem, estimate))
