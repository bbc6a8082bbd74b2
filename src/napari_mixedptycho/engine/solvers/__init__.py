"""The solvers: each is its settings; its state is a separate value.

``init(objective, estimate, refined)`` makes a state; ``step(objective, estimate, state, batch)`` returns
the next estimate, the next state and what the step achieved.
"""

from typing import Annotated

from pydantic import Field

from napari_mixedptycho.engine.solvers.adam import Adam
from napari_mixedptycho.engine.solvers.descent import LBFGS, GradientDescent

Solver = Annotated[GradientDescent | Adam | LBFGS, Field(discriminator="kind")]

__all__ = ["LBFGS", "Adam", "GradientDescent", "Solver"]
