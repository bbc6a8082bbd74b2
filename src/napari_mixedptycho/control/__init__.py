"""Controls of a result: what its recipe shows where nothing moves, and of a motion that is known."""

from napari_mixedptycho.control.motion import (
    Planted,
    PlantedSettings,
    in_motion,
    moving,
    planted,
    recovered,
)
from napari_mixedptycho.control.rest import (
    Control,
    ControlSettings,
    at_rest,
    control,
    control_recipe,
    judged,
    judged_columns,
    patterns_of,
    stationary,
)

__all__ = [
    "Control",
    "ControlSettings",
    "Planted",
    "PlantedSettings",
    "at_rest",
    "control",
    "control_recipe",
    "in_motion",
    "judged",
    "judged_columns",
    "moving",
    "patterns_of",
    "planted",
    "recovered",
    "stationary",
]
