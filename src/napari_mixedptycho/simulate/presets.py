"""Whole experiments to begin with."""

from __future__ import annotations

from dataclasses import dataclass

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.simulate.settings import SimulationSettings


@dataclass(frozen=True)
class Preset:
    """A structure and settings; `changes` are those that differ from the defaults."""

    title: str
    structure: str
    changes: tuple[str, ...]


PRESETS: dict[str, Preset] = {
    "paper": Preset(
        "Gladyshev et al. (2023): silicon Σ9 boundary, 8134 patterns of 233² px",
        "sample:si_sigma9",
        (
            "scan.shape=[98, 83]",
            "scan.step=0.3",
            "detector.size=233",
            "detector.max_angle=120.0",
            "beam.source_size=0.2",
            "beam.defocus=0.0",
            "specimen.motion.kind=frames",
            "specimen.snapshots=30",
            "accuracy.slice_thickness=2.0",
        ),
    ),
}
"""By the name that the command line knows."""


def preset(name: str) -> tuple[str, SimulationSettings]:
    """Return the structure and the settings of a preset.

    Raises
    ------
    InputError
        When there is none of that name.
    """
    if name not in PRESETS:
        raise InputError(f"There is no preset '{name}'; there are: {', '.join(PRESETS)}.")
    settings = SimulationSettings()
    for change in PRESETS[name].changes:
        settings = settings.with_set(change)
    return PRESETS[name].structure, settings
