"""Where the computation stands: the unknowns, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho._device import device

Unknown = Literal[
    "object",
    "probe",
    "positions",
    "displacement",
    "scan",
    "tilt",
    "spacing",
    "aberrations",
    "source",
    "intensity",
    "background",
    "blur",
    "descan",
    "weights",
]
"""What can be refined: each is an array of the estimate, and has its settings in `engine.unknowns`."""

LARGE: tuple[Unknown, ...] = ("object", "probe", "displacement", "background")
"""Those that lie beside the patterns, on a device if there is one; the small ones lie on the host."""

Blocks = Mapping[str, Array]
"""One array per refined unknown: the solver's vector."""


@dataclass(frozen=True)
class Estimate:
    """The unknowns of a reconstruction; never written again once made.

    What is None has no effect on the patterns. Small unknowns (all but object, probe, displacement and
    background) lie on the host, in double precision.

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
    scan
        (2, 2): what `positions` are multiplied by, about the centre of the object grid.
    tilt
        (1, 2) or (position, 2): along y and x, mrad; columns lean towards + from slice to slice.
    spacing
        (1,): distance from slice to slice, Å.
    aberrations
        (8,): what is added to the probe, Å; `optics.ABERRATIONS` names them.
    source
        (1,): standard deviation of the Gaussian source at the specimen, Å.
    intensity
        (position,): beam current ÷ its mean.
    background
        (ky, kx): electrons in every pattern that the specimen does not scatter, zero angle in the corner.
    blur
        (1,): standard deviation of the detector's Gaussian point spread, detector px.
    descan
        (position, 2): shift of each pattern along ky and kx, detector px.
    weights
        (state,): logarithm of the occupancy of each state, before the floor; see `occupancy`.
    """

    object: Array
    probe: Array
    positions: Array
    displacement: Array | None = None
    scan: Array | None = None
    tilt: Array | None = None
    spacing: Array | None = None
    aberrations: Array | None = None
    source: Array | None = None
    intensity: Array | None = None
    background: Array | None = None
    blur: Array | None = None
    descan: Array | None = None
    weights: Array | None = None

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

    def beside(self, other: Array) -> Estimate:
        """Return the same estimate with its large arrays where another array lies."""
        xp = namespace(other)
        large = {name: getattr(self, name) for name in LARGE}
        move = asnumpy if xp is np else xp.asarray
        return replace(self, **{name: move(part) for name, part in large.items() if part is not None})

    def asnumpy(self) -> Estimate:
        """Return the same estimate on the host."""
        arrays = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return Estimate(**{name: None if part is None else asnumpy(part) for name, part in arrays.items()})

    def by_and_by(self) -> Estimate:
        """Return the same estimate, each of whose arrays comes to the host when it is first looked at."""
        return _ByAndBy(**{entry.name: getattr(self, entry.name) for entry in fields(self)})


class _ByAndBy(Estimate):
    """An estimate on the host, as far as anyone has looked at it; the rest is where it was found.

    That is why nothing may write on the arrays of an estimate once it is made. How many states, slices and
    modes there are is known without looking.
    """

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name not in LARGE or value is None or isinstance(value, np.ndarray):
            return value
        with device(value):
            found = asnumpy(value)
        object.__setattr__(self, name, found)  # frees what is held on the device
        return found

    @property
    def states(self) -> int:
        """Number of object states."""
        held = vars(self)
        return len(held["object"] if held["displacement"] is None else held["displacement"])

    @property
    def slices(self) -> int:
        """Number of object slices."""
        return int(vars(self)["object"].shape[1])

    @property
    def modes(self) -> int:
        """Number of probe modes."""
        return int(vars(self)["probe"].shape[0])
