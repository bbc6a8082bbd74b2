"""Patterns of a known specimen: a crystal, its motion, and the engine's own forward model."""

from napari_mixedptycho.simulate.crystals import CRYSTALS
from napari_mixedptycho.simulate.patterns import Simulation, prepare_simulation
from napari_mixedptycho.simulate.planning import Diffuse, diffuse
from napari_mixedptycho.simulate.presets import PRESETS, preset
from napari_mixedptycho.simulate.settings import SimulationSettings
from napari_mixedptycho.simulate.structure import Structure, open_structure
from napari_mixedptycho.simulate.write import write_simulation

__all__ = [
    "CRYSTALS",
    "PRESETS",
    "Diffuse",
    "Simulation",
    "SimulationSettings",
    "Structure",
    "diffuse",
    "open_structure",
    "prepare_simulation",
    "preset",
    "write_simulation",
]
