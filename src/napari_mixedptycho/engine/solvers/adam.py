"""Adam: for mini-batches, and for rough starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Blocks, Estimate, Unknown
from napari_mixedptycho.engine.forward import Indices, Objective
from napari_mixedptycho.engine.solvers.descent import Outcome
from napari_mixedptycho.settings import Settings


@dataclass(frozen=True)
class AdamState:
    """Running means of the gradient and of its square, and how many steps they saw."""

    refined: tuple[Unknown, ...]
    first: Blocks
    second: Blocks
    steps: int = 0

    def pack(self) -> dict[str, Array]:
        """Return the memory as named arrays, by reference."""
        first = {f"first/{name}": part for name, part in self.first.items()}
        second = {f"second/{name}": part for name, part in self.second.items()}
        return {"steps": np.int64(self.steps), **first, **second}

    def map_probe(self, turn: Callable[[Array], Array]) -> AdamState:
        """Apply to the running mean a unitary change of probe modes that was made to the estimate."""
        if "probe" not in self.refined:
            return self
        return replace(self, first={**self.first, "probe": turn(self.first["probe"])})


class Adam(Settings):
    """Adam; Kingma & Ba, arXiv 1412.6980 (2014), Algorithm 1."""

    kind: Literal["adam"] = "adam"
    rate: float = Field(
        0.02,
        gt=0,
        le=1,
        description="Step per update: rad for the object, part of its peak for the probe, px for positions.",
    )
    memory: float = Field(0.9, ge=0, lt=1, description="Memory of the running mean of the gradient (beta 1).")
    square_memory: float = Field(
        0.999, ge=0, lt=1, description="Memory of the mean square gradient (beta 2)."
    )

    def init(self, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...]) -> AdamState:
        """Return running means of zero."""
        blocks = estimate.blocks(refined)
        first = {name: part * 0 for name, part in blocks.items()}
        second = {name: abs(part) * 0 for name, part in blocks.items()}
        return AdamState(refined, first, second)

    def restore(self, packed: Blocks, refined: tuple[Unknown, ...]) -> AdamState:
        """Return the memory that a state packed."""
        first: dict[str, Array] = {name: packed[f"first/{name}"] for name in refined}
        second: dict[str, Array] = {name: packed[f"second/{name}"] for name in refined}
        return AdamState(refined, first, second, int(packed["steps"]))

    def step(
        self, objective: Objective, estimate: Estimate, state: AdamState, batch: Indices | None = None
    ) -> tuple[Estimate, AdamState, Outcome]:
        """Make one step; the loss is that of the batch before the step."""
        value, gradient = objective.value_and_gradient(estimate, state.refined, batch)
        steps = state.steps + 1
        first: dict[str, Array] = {}
        second: dict[str, Array] = {}
        moved: dict[str, Array] = {}
        for name, slope in gradient.items():
            xp = namespace(slope)
            first[name] = self.memory * state.first[name] + (1 - self.memory) * slope
            second[name] = (
                self.square_memory * state.second[name] + (1 - self.square_memory) * abs(slope) ** 2
            )
            mean = first[name] / (1 - self.memory**steps)
            size = xp.sqrt(second[name] / (1 - self.square_memory**steps))
            current = getattr(estimate, name)
            unit = float(abs(current).max()) if name == "probe" else 1.0
            step = self.rate * unit * mean / (size + 1e-8 * float(size.max()) + xp.finfo(size.dtype).tiny)
            moved[name] = (current - step).astype(current.dtype)
        used = 1.0 if batch is None else len(batch) / objective.problem.count
        next_state = AdamState(state.refined, first, second, steps)
        return estimate.with_blocks(objective.limits(moved)), next_state, Outcome(value, used)
