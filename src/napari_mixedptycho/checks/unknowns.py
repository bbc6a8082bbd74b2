"""Unknowns that the data cannot tell apart, or that have nothing to act on."""

from __future__ import annotations

from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Recipe

_ALIKE = {"slice_similarity", "slice_variation", "depth_filter"}
"""What keeps slices from leaning as a tilt does."""


def unknowns_text(recipe: Recipe) -> list[str]:
    """Return a sentence for each unknown that a stage refines beside another one that can take its place.

    Raises
    ------
    InputError
        When an unknown has nothing to act on: gaps without slices, weights of a single state.
    """
    told = []
    for stage in recipe.stages:
        names: set[str] = {entry.kind for entry in stage.refine}
        _check_effect(recipe, stage, names)
        place = f"Stage '{stage.name}' refines"
        if "tilt" in names and not _ALIKE & {e.kind for e in (*stage.penalties, *stage.constraints)}:
            told.append(
                f"{place} tilt, but free slices can lean as a tilted specimen does; keep them alike with the "
                "penalty slice_similarity or the constraint depth_filter."
            )
        if "source" in names and recipe.states_of(stage) > 1:
            told.append(
                f"{place} source with several states: motion that neighbours share looks like a wider "
                "source; give a known model.source_size instead where you can."
            )
        if "background" in names and recipe.states_of(stage) > 1:
            told.append(
                f"{place} background with several states: it can take what thermal motion scatters alike at "
                "all scan points."
            )
    return told


def _check_effect(recipe: Recipe, stage: Stage, names: set[str]) -> None:
    if recipe.model.slices == 1 and (lost := sorted(names & {"tilt", "spacing"})):
        raise InputError(
            f"Stage '{stage.name}' refines {' and '.join(lost)}, which has no effect with one slice; set "
            "model.slices to 2 or more, or leave it out."
        )
    if "weights" in names and recipe.states_of(stage) == 1:
        raise InputError(
            f"Stage '{stage.name}' refines weights with one state; take more states, or leave it out."
        )
