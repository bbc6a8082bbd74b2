"""The solvers: each is its settings; its state is a separate value.

``init(objective, estimate, refined)`` makes a state; ``step(objective, estimate, state, batch)`` returns
the next estimate, the next state and what the step achieved.
"""

from typing import Annotated

from pydantic import Field

from napari_mixedptycho.engine.solvers.adam import Adam
from napari_mixedptycho.engine.solvers.conjugate_gradient import ConjugateGradient
from napari_mixedptycho.engine.solvers.gradient_descent import GradientDescent
from napari_mixedptycho.engine.solvers.lbfgs import LBFGS
from napari_mixedptycho.engine.solvers.lsqml import LSQML
from napari_mixedptycho.engine.solvers.momentum import Momentum

Solver = Annotated[
    GradientDescent | Momentum | ConjugateGradient | LBFGS | Adam | LSQML,
    Field(discriminator="kind"),
]

__all__ = ["LBFGS", "LSQML", "Adam", "ConjugateGradient", "GradientDescent", "Momentum", "Solver"]
