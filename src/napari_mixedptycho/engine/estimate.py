"""Where the computation stands: the unknowns, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from napari_mixedptycho._array import Array, asnumpy

Unknown = Literal["object", "probe", "positions", "displacement"]
"""What can be refined."""

Blocks = Mapping[str, Array]
"""One array per refined unknown: the solver's vector."""


@dataclass(frozen=True)
class Estimate:
    """The unknowns of a reconstruction; never written again once made.

    Attributes
    ----------
    object
        (state, slice, y, x): the phase in rad (real), or the complex transmission.
    probe
        (mode, y, x) complex: incident wave of one object state, square root of electrons, centred on
        pixel ``n // 2``. All states have equal occupancy, so it carries 1/√states.
    positions
        (position, 2): y, x of the probe centre on the object grid, px.
    displacement
        (state, 2, y, x): how each state displaces the one stored object, along y and x, px; None: the states
        are stored themselves.
    """

    object: Array
    probe: Array
    positions: Array
    displacement: Array | None = None

    @property
    def states(self) -> int:
        """Number of object states."""
        return len(self.object if self.displacement is None else self.displacement)

    @property
    def slices(self) -> int:
        """Number of object slices."""
        return int(self.object.shape[1])

    @property
    def modes(self) -> int:
        """Number of probe modes."""
        return int(self.probe.shape[0])

    def blocks(self, refined: Sequence[Unknown]) -> dict[str, Array]:
        """Return the refined unknowns as the solver's vector."""
        return {name: getattr(self, name) for name in refined}

    def with_blocks(self, blocks: Blocks) -> Estimate:
        """Return a copy in which the refined unknowns are replaced."""
        return replace(self, **dict(blocks))

    def asnumpy(self) -> Estimate:
        """Return the same estimate on the host."""
        moved = None if self.displacement is None else asnumpy(self.displacement)
        return Estimate(asnumpy(self.object), asnumpy(self.probe), asnumpy(self.positions), moved)
