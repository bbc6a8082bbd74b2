"""What a solver remembers between steps, and what a step achieved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Blocks, Unknown
from napari_mixedptycho.engine.scaling import Scaling

Pair = tuple[Blocks, Blocks]
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
        Step length to try first where nothing better is known.
    value, gradient
        At the current estimate; None when they have to be computed.
    direction
        Where the last step went: a velocity, or a conjugate direction; None before the first step.
    steps
        Steps since `direction` began anew.
    lengths
        Step length of each unknown along its own direction; empty before the first measurement.
    """

    refined: tuple[Unknown, ...]
    scaling: Scaling
    pairs: tuple[Pair, ...] = ()
    length: float = 1.0
    value: float | None = None
    gradient: Blocks | None = None
    direction: Blocks | None = None
    steps: int = 0
    lengths: Mapping[str, float] = field(default_factory=dict)

    def pack(self) -> dict[str, Array]:
        """Return the memory as named arrays, by reference."""
        packed: dict[str, Array] = {
            "length": np.float64(self.length),
            "steps": np.int64(self.steps),
            **_named("scaling", self.scaling.pack()),
            **_named("lengths", {name: np.float64(length) for name, length in self.lengths.items()}),
        }
        for index, (move, change) in enumerate(self.pairs):
            packed |= _named(f"pairs/{index}/move", move) | _named(f"pairs/{index}/change", change)
        if self.value is not None and self.gradient is not None:
            packed |= {"value": np.float64(self.value), **_named("gradient", self.gradient)}
        return packed if self.direction is None else packed | _named("direction", self.direction)

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
            _part("direction", packed) or None,
            int(packed.get("steps", 0)),
            {name: float(length) for name, length in _part("lengths", packed).items()},
        )

    def moved(self) -> DescentState:
        """Return the memory after the estimate was moved by another hand: steps stay, values are void."""
        return replace(self, value=None, gradient=None)

    def map_probe(self, turn: Callable[[Array], Array]) -> DescentState:
        """Apply to the whole memory a unitary change of probe modes that was made to the estimate."""
        if "probe" not in self.refined:
            return self

        def turned(vector: Blocks) -> Blocks:
            return {**vector, "probe": turn(vector["probe"])}

        return replace(
            self,
            pairs=tuple((turned(move), turned(change)) for move, change in self.pairs),
            gradient=self.gradient and turned(self.gradient),
            direction=self.direction and turned(self.direction),
        )


def _named(prefix: str, blocks: Mapping[str, Array | float]) -> dict[str, Array]:
    return {f"{prefix}/{name}": part for name, part in blocks.items()}


def _part(prefix: str, packed: Blocks) -> dict[str, Array]:
    return {
        name.removeprefix(f"{prefix}/"): part
        for name, part in packed.items()
        if name.startswith(f"{prefix}/")
    }
