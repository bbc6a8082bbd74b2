from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_mixedptycho.analysis.figures.bracket import Approach, bracket
from napari_mixedptycho.errors import InputError

BELOW = Approach(0.02, [5, 10], [0.04, 0.05], [0.03, 0.04], [0.05, 0.06])
ABOVE = Approach(0.1, [5, 10], [0.07, 0.052], [0.06, 0.04], [0.09, 0.07])


def test_each_side_is_drawn_from_where_it_started_and_the_truth_across() -> None:
    figure = bracket(BELOW, ABOVE, truth=0.053, title="sample")
    (axes,) = figure.axes
    curves = {line.get_label(): np.asarray(line.get_xydata()) for line in axes.lines}
    assert np.array_equal(curves["from below"], [[0, 0.02], [5, 0.04], [10, 0.05]])
    assert np.array_equal(curves["from above"], [[0, 0.1], [5, 0.07], [10, 0.052]])
    assert set(curves["truth"][:, 1]) == {0.053}
    assert axes.get_title() == "sample"
    assert axes.get_ylim()[0] == 0


def test_bounds_that_bound_nothing_are_not_drawn() -> None:
    bounded = len(bracket(BELOW, ABOVE).axes[0].collections)
    unbounded = bracket(BELOW, replace(ABOVE, high=[np.inf, 0.07]))
    assert len(unbounded.axes[0].collections) == bounded - 1


@pytest.mark.parametrize("side", [replace(BELOW, iterations=[5]), replace(BELOW, iterations=[], motion=[])])
def test_a_side_without_a_motion_for_each_iteration_is_refused(side: Approach) -> None:
    with pytest.raises(InputError, match="from below"):
        bracket(side, ABOVE)
