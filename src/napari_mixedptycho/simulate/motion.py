"""How the atoms of a simulated specimen move.

Without a trajectory each atom moves on its own (Einstein). Real neighbours move together: real columns move
more than these, and are harder to tell from a source of finite size.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.integrate import quad

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings
from napari_mixedptycho.simulate.elements import element

Floats = NDArray[np.float64]

_DEBYE = 145.5262
"""3ħ²/(u·k_B), Å²·K (CODATA 2018): mean square displacement × mass × temperature."""


class Still(Settings):
    """Nothing moves: one snapshot, for the stationary twin of a simulation."""

    kind: Literal["still"] = "still"

    def spread(self, symbol: str) -> float:
        """Return 0, Å."""
        return 0.0


class Einstein(Settings):
    """Every atom moves on its own by the same amount."""

    kind: Literal["einstein"] = "einstein"
    u_rms: float = Field(
        0.08,
        ge=0,
        le=1,
        description="Root mean square displacement of an atom along one axis, Å; at room temperature 0.05 "
        "(stiff) to 0.12 (soft). The centre of a column of n atoms moves by 1/√n of it.",
    )

    def spread(self, symbol: str) -> float:
        """Return u_rms of an element along one axis, Å."""
        return self.u_rms


class DebyeWaller(Settings):
    """Every atom moves on its own by the B factor that diffraction gives."""

    kind: Literal["b_factor"] = "b_factor"
    b_factor: float = Field(0.5, ge=0, le=50, description="B = 8π²⟨u²⟩ along one axis, Å².")

    def spread(self, symbol: str) -> float:
        """Return u_rms of an element along one axis, Å."""
        return float(np.sqrt(self.b_factor / (8 * np.pi**2)))


class Debye(Settings):
    """Every atom moves on its own as the Debye model says, light ones more; zero-point motion included."""

    kind: Literal["debye"] = "debye"
    debye_temperature: float = Field(
        640.0, gt=1, le=5000, description="Debye temperature of the crystal, K; silicon 640, gold 165."
    )
    temperature: float = Field(300.0, ge=0, le=5000, description="Of the specimen, K.")

    def spread(self, symbol: str) -> float:
        """Return u_rms of an element along one axis, Å.

        ``⟨u²⟩ = 3ħ²/(m·k_B·Θ)·[1/4 + (T/Θ)²·∫₀^{Θ/T} x/(eˣ−1) dx]``; Willis & Pryor, Thermal Vibrations in
        Crystallography (1975).
        """
        ratio = self.temperature / self.debye_temperature
        warm = 0.0
        if ratio > 0:
            warm = ratio**2 * quad(lambda x: x / np.expm1(x) if x else 1.0, 0.0, min(1 / ratio, 500.0))[0]
        square = _DEBYE / (element(symbol).mass * self.debye_temperature) * (0.25 + warm)
        return float(np.sqrt(square))


class Frames(Settings):
    """As the frames of the trajectory say, evenly chosen of all."""

    kind: Literal["frames"] = "frames"

    def spread(self, symbol: str) -> float:
        """Return 0, Å: nothing is added."""
        return 0.0


Motion = Annotated[Still | Einstein | DebyeWaller | Debye | Frames, Field(discriminator="kind")]


def snapshots_of(motion: Motion, symbols: tuple[str, ...], frames: Floats, count: int, seed: int) -> Floats:
    """Return the atoms in each snapshot (snapshot, atom, 3), Å; y, x, z.

    Parameters
    ----------
    motion
        How they move.
    symbols
        (atom,) elements.
    frames
        (frame, atom, 3) as stored; only `Frames` uses more than their mean.
    count
        Snapshots that are wanted.
    seed
        Of the random displacements.

    Raises
    ------
    InputError
        When frames are asked for and there is only one.
    """
    if isinstance(motion, Frames):
        if len(frames) < 2:
            raise InputError(
                "specimen.motion is frames, but the structure holds a single one; give a trajectory, or "
                "another motion: still, einstein, b_factor or debye."
            )
        chosen = np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(np.int64)
        return np.asarray(frames[np.unique(chosen)])
    rest = frames.mean(axis=0)
    spread = np.array([motion.spread(symbol) for symbol in symbols])
    if not spread.any():
        return np.asarray(rest[None])
    random = np.random.default_rng([seed, 0])
    return np.asarray(rest + spread[:, None] * random.standard_normal((count, *rest.shape)))
