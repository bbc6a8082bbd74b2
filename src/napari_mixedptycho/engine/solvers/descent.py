"""Full-batch descent with a real line search: plain gradient descent and L-BFGS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Blocks, Estimate, Unknown
from napari_mixedptycho.engine.forward import Indices, Objective
from napari_mixedptycho.engine.scaling import Gains, Scaling
from napari_mixedptycho.engine.solvers.vectors import add, dot, scale
from napari_mixedptycho.settings import Settings

_SUFFICIENT, _CURVATURE = 1e-4, 0.9
"""Constants of the weak Wolfe conditions; Nocedal & Wright, Numerical Optimization, eq. 3.6."""
_TRIALS = 12

Pair = tuple[dict[str, Array], dict[str, Array]]
"""A step and the change of gradient over it."""


@dataclass(frozen=True)
class Outcome:
    """What a step achieved: the loss, and how many evaluations of all its patterns it cost."""

    loss: float
    evaluations: float


@dataclass(frozen=True)
class DescentState:
    """Memory of a descent.

    Attributes
    ----------
    refined
        The unknowns in the vector.
    scaling
        Natural units of the unknowns.
    pairs
        Last steps and changes of gradient, oldest first.
    length
        Step length to try first when there are no pairs.
    value, gradient
        At the current estimate; None when they have to be computed.
    """

    refined: tuple[Unknown, ...]
    scaling: Scaling
    pairs: tuple[Pair, ...] = ()
    length: float = 1.0
    value: float | None = None
    gradient: Blocks | None = None

    def pack(self) -> dict[str, Array]:
        """Return the memory as named arrays, by reference."""
        packed: dict[str, Array] = {
            "length": np.float64(self.length),
            **_named("scaling", self.scaling.pack()),
        }
        for index, (move, change) in enumerate(self.pairs):
            packed |= _named(f"pairs/{index}/move", move) | _named(f"pairs/{index}/change", change)
        if self.value is not None and self.gradient is not None:
            packed |= {"value": np.float64(self.value), **_named("gradient", self.gradient)}
        return packed

    @classmethod
    def unpack(cls, packed: Blocks, refined: tuple[Unknown, ...]) -> DescentState:
        """Return the memory that `pack` named."""
        count = len({name.split("/")[1] for name in packed if name.startswith("pairs/")})
        pairs = tuple(
            (_part(f"pairs/{index}/move", packed), _part(f"pairs/{index}/change", packed))
            for index in range(count)
        )
        return cls(
            refined,
            Scaling.unpack(_part("scaling", packed)),
            pairs,
            float(packed["length"]),
            float(packed["value"]) if "value" in packed else None,
            _part("gradient", packed) or None,
        )

    def map_probe(self, turn: Callable[[Array], Array]) -> DescentState:
        """Apply to the whole memory a unitary change of probe modes that was made to the estimate."""
        if "probe" not in self.refined:
            return self
        turned = [tuple({**v, "probe": turn(v["probe"])} for v in pair) for pair in self.pairs]
        gradient = self.gradient and {**self.gradient, "probe": turn(self.gradient["probe"])}
        return replace(self, pairs=tuple(turned), gradient=gradient)  # type: ignore[arg-type]


def _named(prefix: str, blocks: Mapping[str, Array | float]) -> dict[str, Array]:
    return {f"{prefix}/{name}": part for name, part in blocks.items()}


def _part(prefix: str, packed: Blocks) -> dict[str, Array]:
    return {
        name.removeprefix(f"{prefix}/"): part
        for name, part in packed.items()
        if name.startswith(f"{prefix}/")
    }


class _Descent(Settings):
    """What the descents share: evaluate, choose a direction, search along it."""

    def _memory(self) -> int:
        raise NotImplementedError

    def _scaling(self, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...]) -> Scaling:
        raise NotImplementedError

    def init(self, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...]) -> DescentState:
        """Return an empty memory."""
        return DescentState(refined, self._scaling(objective, estimate, refined))

    def restore(self, packed: Blocks, refined: tuple[Unknown, ...]) -> DescentState:
        """Return the memory that a state packed."""
        return DescentState.unpack(packed, refined)

    def step(
        self, objective: Objective, estimate: Estimate, state: DescentState, batch: Indices | None = None
    ) -> tuple[Estimate, DescentState, Outcome]:
        """Make one step that lowers the loss, or none when the line search finds no lower point."""
        evaluations = 0
        value, gradient = state.value, state.gradient
        if batch is not None:
            state = replace(state, pairs=())
        if value is None or gradient is None or batch is not None:
            value, gradient = objective.value_and_gradient(estimate, state.refined, batch)
            evaluations += 1
        direction = scale(_two_loop(gradient, state.pairs, state.scaling), -1)
        if dot(direction, gradient) >= 0:
            state = replace(state, pairs=())
            direction = scale(state.scaling(gradient), -1)
        search = _Search(objective, estimate, state, batch, value, gradient)
        found = search.run(direction, 1.0 if state.pairs else state.length)
        evaluations += found.trials
        if found.estimate is None:
            # Rounding, or a memory that misleads: forget it and try a shorter step next time.
            state = replace(state, pairs=(), length=found.length, value=value, gradient=gradient)
            return estimate, state, Outcome(value, evaluations)
        pairs = self._remember(state.pairs, found.move, add(found.gradient, gradient, -1))
        length = found.length * (1.5 if found.trials == 1 else 1.0)
        state = replace(state, pairs=pairs, length=length, value=found.value, gradient=found.gradient)
        return found.estimate, state, Outcome(found.value, evaluations)

    def _remember(self, pairs: tuple[Pair, ...], move: Blocks, change: Blocks) -> tuple[Pair, ...]:
        bend = dot(move, change)
        keep = self._memory()
        if keep == 0 or bend <= 1e-10 * np.sqrt(dot(move, move) * dot(change, change)):
            return pairs
        return (*pairs, (dict(move), dict(change)))[-keep:]


class GradientDescent(_Descent):
    """Gradient descent with an automatic step; Gladyshev et al. (2023), eq. 4."""

    kind: Literal["gradient_descent"] = "gradient_descent"
    preconditioned: bool = Field(
        False,
        description="Divide the gradient by the light on each pixel; the paper does not.",
    )

    def _memory(self) -> int:
        return 0

    def _scaling(self, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...]) -> Scaling:
        scaling = Scaling.of(objective, estimate, refined, Gains())
        if self.preconditioned:
            return scaling
        flat = {name: float(np.min(part)) for name, part in scaling.inverse.items()}
        return Scaling(flat)


class LBFGS(_Descent):
    """Limited-memory BFGS, illumination-preconditioned, weak Wolfe line search; Liu & Nocedal (1989)."""

    kind: Literal["lbfgs"] = "lbfgs"
    memory: int = Field(
        10, ge=1, le=100, description="Earlier steps remembered; each costs two objects of memory."
    )
    spread_gain: float = Field(
        1.0,
        gt=0,
        le=1000,
        description="Extra gain for differences between states; their curvature is far below the mean's.",
    )

    displacement_gain: float = Field(
        100.0,
        gt=0,
        le=1e6,
        description="Extra gain for displacements of the states, which patterns feel only to second order.",
    )

    def _memory(self) -> int:
        return self.memory

    def _scaling(self, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...]) -> Scaling:
        return Scaling.of(objective, estimate, refined, Gains(self.spread_gain, self.displacement_gain))


def _two_loop(gradient: Blocks, pairs: tuple[Pair, ...], scaling: Scaling) -> dict[str, Array]:
    """Inverse Hessian × gradient; Nocedal & Wright, Algorithm 7.4, with the scaling as first guess."""
    vector = dict(gradient)
    weights = []
    for move, change in reversed(pairs):
        weight = dot(move, vector) / dot(move, change)
        weights.append(weight)
        vector = add(vector, change, -weight)
    length = 1.0
    if pairs:
        move, change = pairs[-1]
        length = dot(move, change) / dot(change, scaling(change))
    vector = scale(scaling(vector), length)
    for (move, change), weight in zip(pairs, reversed(weights), strict=True):
        vector = add(vector, move, weight - dot(change, vector) / dot(move, change))
    return vector


@dataclass(frozen=True)
class _Found:
    estimate: Estimate | None
    move: Blocks
    value: float
    gradient: Blocks
    length: float
    trials: int


@dataclass(frozen=True)
class _Search:
    """Line search to the weak Wolfe conditions by bracketing; Lewis & Overton, Math. Program. 141 (2013)."""

    objective: Objective
    estimate: Estimate
    state: DescentState
    batch: Indices | None
    value: float
    gradient: Blocks

    def run(self, direction: Blocks, length: float) -> _Found:
        low, high = 0.0, np.inf
        best = _Found(None, {}, self.value, self.gradient, length, 0)
        for trial in range(1, _TRIALS + 1):
            found = self._try(direction, length, trial)
            slope = dot(self.gradient, found.move)
            if not found.value <= self.value + _SUFFICIENT * slope:
                high = length
                length = low + (length - low) * self._shorten(found, slope, low)
            else:
                best = found
                if dot(found.gradient, found.move) >= _CURVATURE * slope:
                    return found
                low = length
                length = 2 * length if np.isinf(high) else (low + high) / 2
        return replace(best, trials=_TRIALS, length=best.length if best.estimate is not None else length)

    def _shorten(self, found: _Found, slope: float, low: float) -> float:
        """Part of the way to keep: the minimum of a parabola, or one half within a bracket."""
        if low > 0 or not np.isfinite(found.value):
            return 0.5 if low > 0 else 0.1
        curvature = 2 * (found.value - self.value - slope)
        return float(np.clip(-slope / curvature, 0.1, 0.5)) if curvature > 0 else 0.5

    def _try(self, direction: Blocks, length: float, trial: int) -> _Found:
        blocks = self.estimate.blocks(self.state.refined)
        target = self.objective.limits(add(blocks, direction, length))
        estimate = self.estimate.with_blocks(target)
        value, gradient = self.objective.value_and_gradient(estimate, self.state.refined, self.batch)
        return _Found(estimate, add(target, blocks, -1), value, gradient, length, trial)
