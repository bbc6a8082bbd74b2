"""Adam: for mini-batches, and for rough starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from pydantic import Field

from napari_mixedptycho._array import Array, namespace
from napari_mixedptycho.engine.estimate import Blocks, Estimate, Unknown
from napari_mixedptycho.engine.forward import Indices, Objective
from napari_mixedptycho.engine.scaling import Gains, Scaling
from napari_mixedptycho.engine.solvers.descent import part_of
from napari_mixedptycho.engine.solvers.state import Outcome
from napari_mixedptycho.settings import Settings

_PLAIN = ("object", "probe", "positions", "displacement")
"""Unknowns whose unit is plain: rad, the probe's peak, px."""


@dataclass(frozen=True)
class AdamState:
    """Running means of the gradient and of its square, how many steps they saw, and units of steps.

    ``units`` are of the unknowns that are not measured in plain ones; they broadcast to the unknown.
    """

    refined: tuple[Unknown, ...]
    first: Blocks
    second: Blocks
    steps: int = 0
    units: Mapping[str, Array | float] = field(default_factory=dict)

    def pack(self) -> dict[str, Array]:
        """Return the memory as named arrays, by reference."""
        first = {f"first/{name}": part for name, part in self.first.items()}
        second = {f"second/{name}": part for name, part in self.second.items()}
        units = {f"units/{name}": unit for name, unit in self.units.items()}
        return {"steps": np.int64(self.steps), **first, **second, **units}

    def moved(self) -> AdamState:
        """Return the memory after the estimate was moved by another hand: means stay."""
        return self

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
        description="Step: rad (object), part of its peak (probe), px (positions); others: as far as that.",
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
        return AdamState(refined, first, second, units=self._units(objective, estimate, refined))

    def _units(
        self, objective: Objective, estimate: Estimate, refined: tuple[Unknown, ...]
    ) -> Mapping[str, Array | float]:
        names = [name for name in refined if name not in _PLAIN]
        if not names:
            return {}
        compared: tuple[Unknown, ...] = ("object", *(name for name in refined if name != "object"))
        scaling = Scaling.of(objective, estimate, compared, Gains())
        units = natural_units(scaling, estimate.blocks(compared))
        return {name: units[name] for name in names}

    def restore(self, packed: Blocks, refined: tuple[Unknown, ...]) -> AdamState:
        """Return the memory that a state packed."""
        first: dict[str, Array] = {name: packed[f"first/{name}"] for name in refined}
        second: dict[str, Array] = {name: packed[f"second/{name}"] for name in refined}
        units = {
            name.removeprefix("units/"): unit for name, unit in packed.items() if name.startswith("units/")
        }
        return AdamState(refined, first, second, int(packed["steps"]), units)

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
            unit = float(abs(current).max()) if name == "probe" else state.units.get(name, 1.0)
            step = self.rate * unit * mean / (size + 1e-8 * float(size.max()) + xp.finfo(size.dtype).tiny)
            moved[name] = (current - step).astype(current.dtype)
        state = replace(state, first=first, second=second, steps=steps)
        outcome = Outcome(value, part_of(objective, batch))
        return estimate.with_blocks(objective.limits(moved)), state, outcome


def natural_units(scaling: Scaling, blocks: Blocks) -> dict[str, Array | float]:
    """Return how far each unknown goes while every object pixel goes 1 rad (1, if it is complex).

    The step of an unknown as a whole then bends the loss as much as that of the object, and each of its
    elements bends it equally: ``u² · n / inverse`` is the same for all.

    Parameters
    ----------
    scaling
        Inverse curvature of every unknown in `blocks`, the object among them.
    blocks
        The unknowns, for their shapes.
    """
    bend = float((1 / (abs(blocks["object"]) * 0 + scaling.inverse["object"])).sum(dtype="f8"))
    return {name: (scaling.inverse[name] * (bend / part.size)) ** 0.5 for name, part in blocks.items()}
