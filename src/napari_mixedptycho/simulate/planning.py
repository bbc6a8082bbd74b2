"""Would my experiment show it: how many electrons the motion itself scatters."""

from __future__ import annotations

from dataclasses import dataclass

from napari_mixedptycho.simulate.patterns import prepare_simulation
from napari_mixedptycho.simulate.settings import SimulationSettings
from napari_mixedptycho.simulate.structure import Structure

_POINTS, _SNAPSHOTS = 6, 16
"""Of a small simulation that tells the share; along each axis of the scan, and at most."""
_RIGHT, _SEEN = 3000.0, 300.0
"""Electrons that the motion scatters at each column: in silicon (docs/simulate.md) 4800 gave the motion to
0.9 of its size, and 480 to 0.4, told from none in both cases."""


@dataclass(frozen=True)
class Diffuse:
    """What the motion scatters beside the mean object.

    Attributes
    ----------
    share
        Of all electrons.
    per_column
        Electrons at each column; None where no dose is known.
    """

    share: float
    per_column: float | None

    def sentence(self) -> str:
        """Say whether motion can be expected to be resolved; a forecast, not a verdict."""
        if not self.share > 1e-9:
            return "Nothing moves: this is the stationary twin."
        text = f"The motion itself scatters {self.share:.2%} of the electrons"
        if self.per_column is None:
            return f"{text}."
        text += f", {self.per_column:.2g} at each column: "
        if self.per_column >= _RIGHT:
            return text + "it should be resolved, in its right size."
        if self.per_column >= _SEEN:
            return text + "it may be told from none, but too small; a higher dose would give its size."
        return (
            text
            + "it will hardly be told from none; only a higher dose, or thicker or heavier columns, help."
        )


def diffuse(settings: SimulationSettings, structure: Structure) -> Diffuse:
    """Simulate a few patterns with and without motion and return what the motion scatters.

    Parameters
    ----------
    settings, structure
        Of the experiment.

    Raises
    ------
    InputError
        As `prepare_simulation`.
    """
    scan = settings.scan
    rows, columns = (min(length, _POINTS) for length in scan.shape)
    small = settings.model_copy(
        update={
            "scan": scan.model_copy(update={"shape": (rows, columns)}),
            "beam": settings.beam.model_copy(update={"dose": None, "source_size": 0.0}),
            "specimen": settings.specimen.model_copy(
                update={"snapshots": min(settings.specimen.snapshots, _SNAPSHOTS)}
            ),
        }
    )
    simulation = prepare_simulation(small, structure)
    patterns = rows * columns
    moving, mean = (
        part.sum(dtype=float) for part in (simulation.expected(0, rows), simulation.elastic(0, rows))
    )
    # The mean of n snapshots keeps 1/n of what they scatter beside it.
    count = len(simulation.specimen.snapshots)
    share = float(moving - mean) / patterns * (count / (count - 1) if count > 1 else 0.0)
    truth = simulation.dataset.truth
    if settings.beam.dose is None or truth is None or len(truth.columns_mean) < 2:
        return Diffuse(share, None)
    low, high = truth.columns_mean.min(axis=0), truth.columns_mean.max(axis=0)
    area = float((high - low).prod())
    return Diffuse(share, share * settings.beam.dose * area / len(truth.columns_mean))
