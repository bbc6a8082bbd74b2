"""What a column is made of, and what its motion then means: B factors of atoms, mean frequencies."""

from __future__ import annotations

from pydantic import Field

from napari_mixedptycho.analysis.vibration import b_factor, mean_frequency
from napari_mixedptycho.settings import Settings


class Matter(Settings):
    """What a column is made of; of the specimen, and not in the patterns."""

    atoms: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Atoms in a column. Of n atoms that move on their own the column's centre moves by 1/√n "
        "of what each does, so that the B factor of an atom is up to n times that of the centre.",
    )
    mass: float | None = Field(
        None,
        gt=0,
        le=300,
        description="Mean mass of an atom, u (silicon: 28.09). With the number of atoms it gives the mean "
        "frequency of the motion.",
    )
    temperature: float = Field(
        300.0, ge=0, le=5000, description="Of the specimen, K. A wrong one shifts frequencies by its root."
    )

    def b_factors(self, u_rms: float) -> tuple[float, float]:
        """Return B of an atom, Å², if the atoms of a column move as one, and if each moves on its own.

        Parameters
        ----------
        u_rms
            Rms displacement of the column's centre per axis, Å.
        """
        return float(b_factor(u_rms)), float(b_factor(u_rms, self.atoms or 1, 0.0))

    def frequency(self, square: float) -> float | None:
        """Return the mean frequency, THz, of a motion of ⟨u²⟩ = `square`, Å², per axis; None: not known.

        The mass that moves is that of all atoms of a column, whatever they do among each other.
        """
        if self.mass is None or self.atoms is None:
            return None
        return mean_frequency(square, self.mass * self.atoms, self.temperature)
