"""What an object should be like where the data leave it open: each penalty is its settings.

``fitted(problem, estimate)`` makes a term, or None where the penalty has nothing to say; the term's
``value_and_gradient(estimate)`` is added to the loss.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from napari_mixedptycho.engine.penalties.equal_phase import EqualPhase
from napari_mixedptycho.engine.penalties.slice_similarity import SliceSimilarity
from napari_mixedptycho.engine.penalties.slice_variation import SliceVariation
from napari_mixedptycho.engine.penalties.sparsity import Sparsity
from napari_mixedptycho.engine.penalties.state_similarity import StateSimilarity
from napari_mixedptycho.engine.penalties.tikhonov import Tikhonov
from napari_mixedptycho.engine.penalties.total_variation import TotalVariation
from napari_mixedptycho.settings import by_name

Penalty = Annotated[
    TotalVariation | SliceVariation | Tikhonov | Sparsity | SliceSimilarity | StateSimilarity | EqualPhase,
    Field(discriminator="kind"),
    BeforeValidator(by_name),
]

__all__ = [
    "EqualPhase",
    "Penalty",
    "SliceSimilarity",
    "SliceVariation",
    "Sparsity",
    "StateSimilarity",
    "Tikhonov",
    "TotalVariation",
]
