"""The unknowns that a stage may refine: each is its settings, and one array of the estimate."""

from collections.abc import Callable
from typing import Annotated, get_args

from pydantic import BeforeValidator, Field

from napari_mixedptycho.engine.unknowns.aberrations import Aberrations
from napari_mixedptycho.engine.unknowns.background import Background
from napari_mixedptycho.engine.unknowns.base import Refined
from napari_mixedptycho.engine.unknowns.blur import Blur
from napari_mixedptycho.engine.unknowns.core import Displacement, Object, Positions, Probe
from napari_mixedptycho.engine.unknowns.descan import Descan
from napari_mixedptycho.engine.unknowns.intensity import Intensity
from napari_mixedptycho.engine.unknowns.scan import Scan
from napari_mixedptycho.engine.unknowns.source import Source
from napari_mixedptycho.engine.unknowns.spacing import Spacing
from napari_mixedptycho.engine.unknowns.tilt import Tilt
from napari_mixedptycho.engine.unknowns.weights import Weights
from napari_mixedptycho.settings import by_name

_Known = (
    Object
    | Probe
    | Positions
    | Displacement
    | Scan
    | Tilt
    | Spacing
    | Aberrations
    | Source
    | Intensity
    | Background
    | Blur
    | Descan
    | Weights
)
Refinement = Annotated[_Known, Field(discriminator="kind"), BeforeValidator(by_name)]

CLASSES: dict[str, Callable[[], Refined]] = {
    cls.model_fields["kind"].default: cls for cls in get_args(_Known)
}
"""Every unknown by its name."""

__all__ = [
    "CLASSES",
    "Aberrations",
    "Background",
    "Blur",
    "Descan",
    "Displacement",
    "Intensity",
    "Object",
    "Positions",
    "Probe",
    "Refined",
    "Refinement",
    "Scan",
    "Source",
    "Spacing",
    "Tilt",
    "Weights",
]
