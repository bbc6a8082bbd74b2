"""The four unknowns that every reconstruction knows: object, probe, positions, displacement."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_mixedptycho.engine.unknowns.base import Refined


class Object(Refined):
    """The object: phase, or complex transmission, of every slice and state."""

    kind: Literal["object"] = "object"


class Probe(Refined):
    """The probe: every mode, pixel by pixel."""

    kind: Literal["probe"] = "probe"


class Displacement(Refined):
    """How far each state displaces the one object that all share: states are copies of it."""

    kind: Literal["displacement"] = "displacement"


class Positions(Refined):
    """Where the beam was at each scan point."""

    kind: Literal["positions"] = "positions"
    smooth: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Scan steps within which positions move together (drift); not set: each for itself.",
    )

    @property
    def reach(self) -> float | None:
        """Scan steps within which positions move together."""
        return self.smooth
