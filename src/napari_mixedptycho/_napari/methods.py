"""How results are judged and compared: the settings of what the dock does beside a reconstruction."""

from __future__ import annotations

from pydantic import Field

from napari_mixedptycho.analysis import CorrelationSettings
from napari_mixedptycho.analysis.bracket import BracketSettings
from napari_mixedptycho.analysis.floor import FloorSettings
from napari_mixedptycho.analysis.pair import PairSettings
from napari_mixedptycho.control import PlantedSettings
from napari_mixedptycho.settings import Settings
from napari_mixedptycho.thumbnails import ThumbnailSettings


class Methods(Settings):
    """Everything of that kind; the command line has each of them at its own command."""

    floor: FloorSettings = Field(
        FloorSettings(), description="Stationary control: when a motion counts as seen."
    )
    planted: PlantedSettings = Field(PlantedSettings(), description="Planted motion: what is planted.")
    pairs: CorrelationSettings = Field(
        CorrelationSettings(), description="Pairs of columns: which, and how they are pooled."
    )
    compared: PairSettings = Field(PairSettings(), description="Two runs: how they are compared.")
    bracket: BracketSettings = Field(BracketSettings(), description="Bracket: where its two sides start.")
    orientations: ThumbnailSettings = Field(
        ThumbnailSettings(), description="Eight orientations: how quick a quick look is."
    )
