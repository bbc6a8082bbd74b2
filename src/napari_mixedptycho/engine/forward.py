"""Loss and gradient of an estimate: every position, state and mode, in lanes that add up in a fixed order.

``I_j = Σ_states Σ_modes |F{…}|²``: Gladyshev et al. (2023), eq. 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from napari_mixedptycho._array import Array, add_patches, namespace
from napari_mixedptycho.engine.allocator import keep_freed_memory
from napari_mixedptycho.engine.estimate import Estimate, Unknown
from napari_mixedptycho.engine.incidence import split_positions
from napari_mixedptycho.engine.limits import Limits
from napari_mixedptycho.engine.losses import Loss
from napari_mixedptycho.engine.orders import Count, Evaluation, together
from napari_mixedptycho.engine.patterns import Held
from napari_mixedptycho.engine.places import places
from napari_mixedptycho.engine.problem import Indices, Problem, chunks
from napari_mixedptycho.engine.unknowns.base import Refined
from napari_mixedptycho.engine.view import View

__all__ = ["Indices", "Objective", "Term", "illumination", "predict"]


class Term(Protocol):
    """What is added to the loss for the estimate itself, whatever the patterns say."""

    def value_and_gradient(self, estimate: Estimate) -> tuple[float, Mapping[str, Array]]:
        """Return the value, dimensionless as the loss is, and the gradient of each unknown it depends on."""


@dataclass(frozen=True)
class Objective:
    """The function that a solver lowers: how badly an estimate explains the measured patterns.

    Attributes
    ----------
    problem, loss
        What is measured, and how to compare.
    total
        What the loss of all fitted patterns is divided by; a batch takes its part.
    electrons
        In all measured pixels of these.
    terms
        What is added for the estimate itself: prior and penalties.
    limits
        What every trial of a solver is brought back to.
    unknowns
        The settings of each refined unknown, by name.
    """

    problem: Problem
    loss: Loss
    total: float
    electrons: float
    terms: tuple[Term, ...] = ()
    limits: Limits = field(default_factory=Limits)
    unknowns: Mapping[str, Refined] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem, loss: Loss) -> Objective:
        """Make the objective; reads every pattern that is fitted once."""
        keep_freed_memory()
        count = Count(loss)
        total, electrons = together(problem, count, lambda: count.part(problem))
        return cls(problem, loss, float(total), float(electrons))

    def value_and_gradient(
        self, estimate: Estimate, refined: tuple[Unknown, ...], batch: Indices | None = None
    ) -> tuple[float, dict[str, Array]]:
        """Compare an estimate with the measured patterns.

        Parameters
        ----------
        estimate
            Where we stand.
        refined
            The unknowns whose gradient is wanted; empty for the value alone.
        batch
            Positions to use; None: all that are fitted.

        Returns
        -------
        tuple
            The loss (dimensionless), and for each refined unknown its gradient, of the unknown's shape;
            that of a complex unknown is ∂L/∂Re + i·∂L/∂Im.
        """
        part = 1.0 if batch is None else len(batch) / len(self.problem.fitted)
        view = View.of(self.problem, estimate, self.loss, refined)
        by_tile = isinstance(self.problem.measured, Held)
        order = Evaluation(self.loss, estimate, refined, batch, by_tile)
        share = together(self.problem, order, lambda: order.seen(view))
        value, gradient = view.finish(share, 1.0 / (part * self.total))
        for term in self.terms:
            penalty, slopes = term.value_and_gradient(estimate)
            value += penalty
            for name, slope in slopes.items():
                if name in gradient:
                    gradient[name] = gradient[name] + slope
        return value, gradient

    def held_out(self, estimate: Estimate) -> float:
        """Return the loss of the patterns held out, divided by the same constant of theirs; NaN without any.

        Prior and penalties are not part of it: it says how well patterns are predicted, nothing else.
        """
        problem = self.problem
        if not len(problem.held_out):
            return float("nan")
        view = View.of(problem, estimate, self.loss, ())
        order, count = (
            Evaluation(self.loss, estimate, (), problem.held_out),
            Count(self.loss, problem.held_out),
        )
        share = together(problem, order, lambda: order.seen(view))
        total, _ = together(problem, count, lambda: count.part(problem))
        return view.finish(share, 1.0 / float(total))[0]


def predict(problem: Problem, estimate: Estimate, indices: Indices) -> Array:
    """Return the predicted patterns (position, ky, kx), electrons, zero angle in the corner."""
    view = View.of(problem, estimate, None, ())
    parts = [view.camera.see(view.power(part)[0], part)[0] for part in chunks(indices, problem.room.patterns)]
    return namespace(parts[0]).concatenate(parts)


def illumination(problem: Problem, estimate: Estimate) -> Array:
    """Return Σ_positions Σ_modes |P|² on the object grid, (y, x): electrons per pixel of one state."""
    xp = namespace(estimate.probe)
    power = (xp.abs(estimate.probe) ** 2).sum(axis=0)
    shape = estimate.object.shape[-2:]
    light = xp.zeros((1, *shape), dtype=power.dtype)
    corners, _ = split_positions(places(estimate)[0], problem.size, shape)
    for part in chunks(problem.fitted, 64):
        add_patches(light, corners[part], xp.broadcast_to(power, (len(part), 1, *power.shape)))
    return light[0]
