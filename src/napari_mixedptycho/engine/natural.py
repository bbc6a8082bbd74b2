"""The natural step of a small unknown: its curvature, measured by one more gradient of a few patterns."""

from __future__ import annotations

import numpy as np

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate, Unknown
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.vectors import dot

_PATTERNS = 48
"""How many patterns are looked at."""
_FAR = 10.0
"""The first step is at most this many units: further, curvature at the start says nothing."""


def natural_step(objective: Objective, estimate: Estimate, name: Unknown) -> Array | float:
    """Return the approximate inverse curvature of an unknown; 0 where it shall not move.

    Its shape is that of the unknown's `unit` squared; its size is found from the change of the gradient over
    a third of a unit downhill.
    """
    problem = objective.problem
    unit = objective.unknowns[name].unit(problem, estimate)
    assert unit is not None
    batch = problem.fitted[np.unique(np.linspace(0, len(problem.fitted) - 1, _PATTERNS).astype(np.int64))]

    def slope(at: Estimate) -> Array:
        _, gradient = objective.value_and_gradient(at, (name,), batch)
        return gradient[name] * unit

    first = slope(estimate)
    size = np.sqrt(dot({name: first}, {name: first}))
    if not size > 0:
        return unit**2
    direction = first / size
    length = 0.3 * np.sqrt(float((abs(first) > 0).sum()))
    second = slope(estimate.with_blocks({name: getattr(estimate, name) - length * unit * direction}))
    bend = abs(dot({name: first - second}, {name: direction})) / length
    bend = max(bend, float(abs(first).max()) / _FAR)
    # A batch counts for all patterns: what belongs to one position is felt that much more.
    each = len(first) == problem.count and len(batch) < len(problem.fitted)
    return unit**2 / (bend * (len(batch) / len(problem.fitted) if each else 1.0))
