"""One recipe from two sides: what they share, and in what they differ."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.analysis.bracket import Bracket, BracketSettings
from napari_mixedptycho.bracket import Earlier, Passage, bracket, common, from_side
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.guess.states import DisplacedCopies
from napari_mixedptycho.recipe import Recipe
from tests.small import small, standard

REGION = "data.scan_region=[6,15,6,15]"
SETTINGS = BracketSettings(every=2)


def run(steps: Generator[Passage, None, Bracket]) -> tuple[list[Passage], Bracket]:
    passages = []
    while True:
        try:
            passages.append(next(steps))
        except StopIteration as end:
            return passages, end.value


@pytest.fixture(scope="module")
def whole() -> tuple[list[Passage], Bracket]:
    return run(bracket(standard(REGION), SETTINGS))


def test_both_sides_go_on_from_one_start(whole: Any) -> None:
    passages, found = whole
    parts = [passage.part for passage in passages]
    assert parts == ["start"] * 4 + ["below"] * 3 + ["above"] * 3
    begun = passages[3].progress.result
    for passage in passages[4:]:
        history = passage.progress.result.history
        assert history.loss[:4] == begun.history.loss
    for side in ("below", "above"):
        assert [point.iteration for point in found.points[side]] == [2, 3]
        assert found.points[side][-1].evaluations >= 3
    assert found.complete
    assert len(found.columns) > 0


def test_the_sides_differ_in_the_size_of_their_displacements_alone(whole: Any) -> None:
    recipe = standard(REGION)
    spreads = [from_side(recipe, SETTINGS, side).guess.spread for side in ("below", "above")]
    assert [spread.displacement for spread in spreads if isinstance(spread, DisplacedCopies)] == [0.02, 0.1]
    sides = [from_side(recipe, SETTINGS, side) for side in ("below", "above")]
    assert sides[0].model_copy(update={"guess": recipe.guess}) == recipe
    assert sides[1].model_copy(update={"guess": recipe.guess}) == recipe

    def rms(part: str) -> float:
        first = next(passage for passage in whole[0] if passage.part == part)
        return float(np.sqrt((first.progress.result.estimate.displacement**2).mean()))

    assert rms("above") > 2 * rms("below")


def test_a_spread_of_noise_becomes_displaced_copies() -> None:
    noisy = from_side(standard("guess.spread.kind=noise"), SETTINGS, "above")
    assert noisy.guess.spread == DisplacedCopies(displacement=0.1)


def test_an_interrupted_bracket_ends_as_an_uninterrupted_one(whole: Any) -> None:
    passages, found = whole
    for stop in (2, 4, 6, 7, 9):
        results = {passage.part: passage.progress.result for passage in passages[:stop]}
        measured = passages[stop - 1].bracket
        earlier = Earlier(results, {} if measured is None else measured.points)
        rest, again = run(bracket(standard(REGION), SETTINGS, earlier=earlier))
        assert len(rest) == len(passages) - stop
        assert again.points == found.points, stop
        assert again.interval == found.interval


def test_without_its_measurements_a_bracket_still_has_its_ends(whole: Any) -> None:
    passages, found = whole
    results = {passage.part: passage.progress.result for passage in passages}
    rest, again = run(bracket(standard(REGION), SETTINGS, earlier=Earlier(results)))
    assert rest == []
    assert again.interval == found.interval
    assert [len(again.points[side]) for side in ("below", "above")] == [1, 1]


def test_free_states_are_bracketed_too() -> None:
    _, found = run(bracket(small(REGION), SETTINGS))
    assert found.complete
    assert found.points["above"][0].motion > found.points["below"][0].motion


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (standard("model.states=1"), "no motion to bracket"),
        (small('stages=[{name="mixed",iterations=3}]'), "'mixed', has 2 states already"),
    ],
)
def test_a_recipe_without_two_sides_is_refused(recipe: Recipe, message: str) -> None:
    with pytest.raises(InputError, match=message):
        common(recipe)


def test_a_start_that_shows_no_columns_is_refused() -> None:
    recipe = standard("stages.rough.iterations=1", "stages.pure.iterations=1", "data.scan_region=[0,3,0,3]")
    with pytest.raises(InputError, match=r"no columns are found after stage 'pure'"):
        run(bracket(recipe, SETTINGS))
