"""What an estimate must obey, whatever the patterns say: each constraint is its settings.

``fitted(problem, estimate)`` makes a function from the refined unknowns to allowed ones, or None where there
is nothing to constrain. A projection (``every_trial``) is applied to every trial of a solver; a filter, which
twice does more than once, between iterations.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from napari_mixedptycho.engine.constraints.amplitude_bounds import AmplitudeBounds
from napari_mixedptycho.engine.constraints.band_limit import BandLimit
from napari_mixedptycho.engine.constraints.depth_filter import DepthFilter
from napari_mixedptycho.engine.constraints.low_pass import LowPass
from napari_mixedptycho.engine.constraints.mean_phase import MeanPhase
from napari_mixedptycho.engine.constraints.phase_only import PhaseOnly
from napari_mixedptycho.engine.constraints.phase_ramp import PhaseRamp
from napari_mixedptycho.engine.constraints.positivity import Positivity
from napari_mixedptycho.engine.constraints.probe_aperture import ProbeAperture
from napari_mixedptycho.engine.constraints.probe_power import ProbePower
from napari_mixedptycho.engine.constraints.probe_window import ProbeWindow
from napari_mixedptycho.settings import by_name

Constraint = Annotated[
    Positivity
    | PhaseOnly
    | AmplitudeBounds
    | BandLimit
    | LowPass
    | DepthFilter
    | MeanPhase
    | PhaseRamp
    | ProbeAperture
    | ProbeWindow
    | ProbePower,
    Field(discriminator="kind"),
    BeforeValidator(by_name),
]

__all__ = [
    "AmplitudeBounds",
    "BandLimit",
    "Constraint",
    "DepthFilter",
    "LowPass",
    "MeanPhase",
    "PhaseOnly",
    "PhaseRamp",
    "Positivity",
    "ProbeAperture",
    "ProbePower",
    "ProbeWindow",
]
