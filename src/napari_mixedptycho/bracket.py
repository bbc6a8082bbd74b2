"""Bracket the motion: one recipe, from states that differ too little and from states that differ too much.

Patterns feel the differences between states only to second order, so a reconstruction may stop long before
it has found their size. A start from below and one from above answer how far it has come: where both end at
the same motion the data have decided it; where they do not, they have not, or not yet.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from napari_mixedptycho.analysis.bracket import SIDES, Bracket, BracketSettings, Point, Side, measured
from napari_mixedptycho.analysis.columns import Floats
from napari_mixedptycho.analysis.motion import find_columns
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.guess.states import DisplacedCopies
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result

Part = Literal["start", "below", "above"]


@dataclass(frozen=True)
class Earlier:
    """What an interrupted bracket has left: results of its parts, and the measurements of its sides."""

    results: Mapping[Part, Result] = field(default_factory=dict)
    points: Mapping[Side, tuple[Point, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Passage:
    """Where a bracket stands.

    Attributes
    ----------
    part
        What runs now: the common start, the side from below or that from above.
    progress
        Of its reconstruction; its result can be saved.
    bracket
        What has been measured; None during the common start.
    """

    part: Part
    progress: Progress
    bracket: Bracket | None


def bracket(
    recipe: Recipe,
    settings: BracketSettings | None = None,
    dataset: Dataset | None = None,
    earlier: Earlier | None = None,
) -> Generator[Passage, None, Bracket]:
    """Run a recipe from below and from above, yielding after every iteration.

    The stages with one state run once. Both sides then go on from the same object, with the same random
    fields in two sizes.

    Parameters
    ----------
    recipe
        What to do; its `guess.spread` is replaced.
    settings
        Where to start, and how to compare.
    dataset
        The data; None: the recipe's file.
    earlier
        To go on from.

    Yields
    ------
    Passage
        After every iteration.

    Returns
    -------
    Bracket
        When both sides have come to their end.

    Raises
    ------
    InputError
        When the recipe has no stage with one state before those with several, no columns are found, or
        recipe and data do not fit together.
    """
    chosen, before = settings or BracketSettings(), earlier or Earlier()
    dataset = dataset if dataset is not None else open_dataset(recipe)
    start = before.results.get("start")
    for progress in reconstruct(common(recipe), dataset, start):
        start = progress.result
        yield Passage("start", progress, None)
    assert start is not None  # it has a stage, or `common` would have refused
    found = Bracket(chosen, _columns(start))
    for side in SIDES:
        found = yield from _run(from_side(recipe, chosen, side), side, start, dataset, before, found)
    return found


def _run(
    recipe: Recipe, side: Side, start: Result, dataset: Dataset, before: Earlier, found: Bracket
) -> Generator[Passage, None, Bracket]:
    """Run one side, or what is left of it; return the bracket with its measurements."""
    begun, latest = len(start.history), before.results.get(side, start)
    done = len(latest.history) - begun
    for point in before.points.get(side, ()):
        found = found.add(side, point) if point.iteration <= done else found
    for progress in reconstruct(recipe, dataset, latest):
        latest, done = progress.result, progress.iteration - begun
        if done % found.settings.every == 0 and progress.iteration < progress.iterations:
            found = found.add(side, *measured(latest, begun, found.columns))
        yield Passage(side, progress, found)
    point, motion = measured(latest, begun, found.columns)
    return found.add(side, point, motion)


def _columns(start: Result) -> Floats:
    """Find the columns in the object that both sides start from, or refuse."""
    columns = find_columns(start)
    if not len(columns):
        stage = start.recipe.stages[-1].name
        raise InputError(
            f"{start.name}: no columns are found after stage {stage!r}, so no motion can be measured; give "
            "this stage more iterations, or look at its result."
        )
    return columns


def common(recipe: Recipe) -> Recipe:
    """Return the stages before the states part, which both sides share.

    Raises
    ------
    InputError
        When there are none, or no stage with several states comes after them.
    """
    states = [recipe.states_of(stage) for stage in recipe.stages]
    several = [index for index, count in enumerate(states) if count > 1]
    if not several:
        raise InputError("No stage of the recipe has several states, so it has no motion to bracket.")
    if several[0] == 0:
        raise InputError(
            f"The first stage of the recipe, {recipe.stages[0].name!r}, has {states[0]} states already; a "
            "bracket needs a stage with states = 1 before it, from which both sides start."
        )
    return recipe.model_copy(update={"stages": recipe.stages[: several[0]]})


def from_side(recipe: Recipe, settings: BracketSettings, side: Side) -> Recipe:
    """Return the recipe that starts from one side: displaced copies of its displacement."""
    spread = recipe.guess.spread
    copies = spread if isinstance(spread, DisplacedCopies) else DisplacedCopies()
    copies = copies.model_copy(update={"displacement": settings.start(side)})
    return recipe.model_copy(update={"guess": recipe.guess.model_copy(update={"spread": copies})})
