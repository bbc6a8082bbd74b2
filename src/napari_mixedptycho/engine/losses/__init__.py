"""How far predicted patterns are from measured ones.

Each loss is its settings. `terms` returns the loss of each pattern and the slope ∂L/∂I; `scale` is each
pattern's part of what the sum is divided by, so that a value does not depend on dose, detector or number
of patterns. `Loss` is what can be evaluated; `LossChoice`, what a stage may ask for, leaves the choice to
the data as well: ``chosen(counted)`` returns a `Loss`.
"""

from typing import Annotated

from pydantic import Field

from napari_mixedptycho.engine.losses.amplitude import AmplitudeLoss
from napari_mixedptycho.engine.losses.anscombe import AnscombeLoss
from napari_mixedptycho.engine.losses.auto import AutoLoss
from napari_mixedptycho.engine.losses.gaussian_poisson import GaussianPoissonLoss
from napari_mixedptycho.engine.losses.intensity import IntensityLoss
from napari_mixedptycho.engine.losses.poisson import PoissonLoss

Loss = Annotated[
    IntensityLoss | AmplitudeLoss | AnscombeLoss | PoissonLoss | GaussianPoissonLoss,
    Field(discriminator="kind"),
]
LossChoice = Annotated[
    AutoLoss | PoissonLoss | GaussianPoissonLoss | AnscombeLoss | AmplitudeLoss | IntensityLoss,
    Field(discriminator="kind"),
]

__all__ = [
    "AmplitudeLoss",
    "AnscombeLoss",
    "AutoLoss",
    "GaussianPoissonLoss",
    "IntensityLoss",
    "Loss",
    "LossChoice",
    "PoissonLoss",
]
