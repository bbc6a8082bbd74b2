"""Runs of known ensembles: what is pooled, how far they differ, how many are enough."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_mixedptycho.analysis.ensemble import (
    EnsembleSettings,
    ensemble,
    spread_with_states,
)
from napari_mixedptycho.analysis.figures.ensemble import ensemble as drawn
from napari_mixedptycho.analysis.motion import MotionSettings
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import Result
from tests.analysis import specimen as s

FAST = EnsembleSettings(motion=MotionSettings(draws=100), draws=60)
NOTHING = np.zeros(2)


def run(seed: int, shift: np.ndarray = NOTHING, slope: float = 0.0, states: int = 8) -> Result:
    result = s.result(s.drawn(s.moving(states, 0.05, seed) + shift, slope=slope))
    return result.replace(recipe=result.recipe.with_set(f"run.seed={seed}"))


@pytest.fixture(scope="module")
def runs() -> list[Result]:
    return [run(seed) for seed in range(1, 6)]


def test_independent_runs_scatter_as_statistics_says(runs: list[Result]) -> None:
    found = ensemble(runs, FAST)
    assert (found.pooled.n_states, found.pooled.n_columns) == (40, 12)
    assert found.missing.tolist() == [0] * 5
    # A sd of 8 normal states is open to 1/√14 = 0.27; all 12 columns and both axes to √24 less.
    assert found.column_spread == pytest.approx(0.267, rel=0.2)
    assert found.overall_spread < 0.12
    assert found.motions.mean() == pytest.approx(0.05 * np.sqrt(7 / 8), rel=0.06)
    numbers = found.numbers()
    assert numbers["between"] == pytest.approx(numbers["between_if_independent"], rel=0.25)
    assert found.enough_runs == int(np.ceil((found.column_spread / 0.1) ** 2))
    assert abs(found.reproducibility) < 0.3  # columns differ by chance alone
    # Pooled about one mean, the states move by what the means differ besides.
    expected = np.sqrt(found.within**2 + 0.8 * found.between**2)
    np.testing.assert_allclose(found.pooled.sd, expected, rtol=1e-6)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_shift_and_ramp_of_a_run_are_taken_out(runs: list[Result]) -> None:
    shift = np.array([0.13, -0.21])
    one = ensemble([runs[0], run(1, shift, 0.02)], FAST)
    np.testing.assert_allclose(one.shifts, [[0, 0], shift], atol=2e-3)
    np.testing.assert_allclose(one.ramps[1], 0.02, atol=0.004)
    assert np.abs(one.between).max() < 2e-3
    assert one.column_spread < 0.02
    assert one.reproducibility > 0.98


def test_the_same_run_again_tells_nothing_new(runs: list[Result]) -> None:
    phases = runs[0].projected_phase()
    again = s.result(phases[::-1].copy())  # states are exchangeable
    found = ensemble([runs[0], again], FAST)
    assert found.column_spread < 1e-4
    assert found.reproducibility == pytest.approx(1.0)
    assert found.enough_runs == 1
    np.testing.assert_allclose(found.pooled.sd, found.runs[0].sd, rtol=1e-4)


def test_a_column_that_one_run_lacks_is_left_out(runs: list[Result]) -> None:
    places = s.moving(8, 0.05, 9)
    found = ensemble([runs[0], s.result(s.drawn(np.delete(places, 3, axis=1)))], FAST)
    assert found.pooled.n_columns == 11
    assert found.missing.tolist() == [0, 1]
    gone = np.hypot(*(found.pooled.mean - s.columns()[3]).T)
    assert gone.min() > 1.0


def test_the_spread_falls_with_the_number_of_states_as_theory_says() -> None:
    moved = np.random.default_rng(0).normal(0, 0.05, (400, 30, 2))
    found = spread_with_states(moved, draws=200)
    assert found.states[0] == 2 and found.states[-1] == 400
    several = found.states > 4
    np.testing.assert_allclose(found.column[several], found.theory[several], rtol=0.12)
    # Sixty independent coordinates settle √60 times faster together; columns that move as one do not.
    np.testing.assert_allclose(found.overall[several] * np.sqrt(60), found.theory[several], rtol=0.3)
    as_one = spread_with_states(np.repeat(moved[:, :1, :1], 20, axis=1), draws=200)
    np.testing.assert_allclose(as_one.overall, as_one.column)


def test_runs_at_rest_are_no_division_by_zero() -> None:
    still = [s.result(s.drawn(np.repeat(s.columns()[None], 3, axis=0))) for _ in range(2)]
    numbers = ensemble(still, FAST).numbers()
    assert json.dumps(numbers, allow_nan=False)
    assert numbers["motion_spread"] == 0


def test_the_figure_shows_every_run(runs: list[Result]) -> None:
    found = ensemble(runs, FAST)
    left, right = drawn(found, "five runs").axes
    marks = [line for line in left.lines if len(line.get_xdata()) == found.pooled.n_columns]
    assert len(marks) == 5
    np.testing.assert_allclose(marks[2].get_ydata(), found.runs[2].u_rms)
    assert right.get_xlabel() == "States"


def test_what_is_no_ensemble_is_refused(runs: list[Result]) -> None:
    with pytest.raises(InputError, match="at least two"):
        ensemble(runs[:1])
    with pytest.raises(InputError, match="one state"):
        ensemble([runs[0], s.result(s.drawn(s.columns()[None]))])
    few = s.moving(8, 0.05)[:, [0, 3, 6]]
    with pytest.raises(InputError, match="Of 12 columns of specimen only"):
        ensemble([runs[0], s.result(s.drawn(few))], FAST)
