"""Data that cannot be right: refused in words, or handled and told.

What no loss can use is refused earlier, in `preprocess`. Here data, recipe and grid are looked at together.
"""

from __future__ import annotations

import numpy as np

from napari_mixedptycho.checks.mixing import mixing_text
from napari_mixedptycho.checks.model import model_text
from napari_mixedptycho.checks.patterns import (
    dead_pixels,
    dead_text,
    doubtful_patterns,
    first_look,
    hot_text,
    mask_text,
)
from napari_mixedptycho.checks.scan import check_positions, lit_area, overlap_text, probe_width
from napari_mixedptycho.checks.unknowns import unknowns_text
from napari_mixedptycho.checks.verdicts import run_text
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.words import counted

__all__ = [
    "check_positions",
    "checked",
    "dead_pixels",
    "doubtful_patterns",
    "first_look",
    "free_numbers",
    "known_numbers",
    "lit_area",
    "probe_width",
    "takes_negative",
]


def checked(recipe: Recipe, dataset: Dataset, geometry: Geometry) -> tuple[Dataset, tuple[str, ...]]:
    """Return the data set with dead pixels masked, and a sentence for each doubt about data or recipe.

    Parameters
    ----------
    recipe, geometry
        What is wanted, and the object grid.
    dataset
        As the recipe wants it: region and mask applied, values that no loss can use already refused.

    Raises
    ------
    InputError
        When probes of neighbouring scan points do not overlap, when there are more states than electrons in
        a pattern, when half of the intensity is saturated, or when a loss counts electrons of unknown dose.
    """
    _check_losses(recipe, dataset)
    unit, count = dataset.electrons_per_unit, int(np.prod(dataset.scan_shape))
    dead = dead_pixels(dataset.mean_pattern, dataset.mask, None if unit is None else unit * count)
    width = probe_width(recipe, dataset, geometry)
    told = [
        *doubtful_patterns(dataset.rows, dataset.name, found=dataset.survey),
        *dead_text(dead),
        *hot_text(dataset),
        *mask_text(dataset),
        *overlap_text(recipe, dataset, width),
        *model_text(recipe, dataset, geometry),
        *unknowns_text(recipe),
        *run_text(recipe, dataset),
        *_states_text(recipe, dataset, lit_area(dataset, geometry, width)),
        *mixing_text(recipe, dataset, geometry),
    ]
    if dead.any():
        whole = np.ones_like(dead) if dataset.mask is None else dataset.mask
        dataset = dataset.replace(mask=whole & ~dead)
    return dataset, tuple(told)


def takes_negative(recipe: Recipe) -> bool:
    """Tell whether every stage compares by a loss that takes values below zero as they are."""
    return all(stage.loss.chosen(True).takes_negative for stage in recipe.stages)


def _check_losses(recipe: Recipe, dataset: Dataset) -> None:
    for stage in recipe.stages:
        loss = stage.loss.chosen(dataset.electrons_per_unit is not None)
        if loss.needs_electrons and dataset.electrons_per_unit is None:
            raise InputError(
                f"{dataset.name}: the loss {loss.kind} of stage '{stage.name}' counts electrons, but the "
                "dose is not known; set microscope.electrons_per_unit (electrons per stored unit), or take "
                "the loss amplitude."
            )


def _states_text(recipe: Recipe, dataset: Dataset, area: float) -> list[str]:
    """Compare free numbers of the object with measured numbers that can determine them."""
    electrons, known, told = dataset.electrons_per_unit is not None, known_numbers(dataset), []
    for stage in recipe.stages:
        states = recipe.states_of(stage)
        _check_states(dataset, stage, states)
        free = free_numbers(recipe, stage, area)
        if free > known:
            told.append(
                f"Stage '{stage.name}' has {free:.2g} free object pixels ({counted(states, 'state')} × "
                f"{counted(recipe.model.slices, 'slice')}), but only {known:.2g} measured pixels "
                f"{'hold electrons' if electrons else 'stand against them'}: it can explain noise; take "
                "fewer states or slices, or displaced states."
            )
    return told


def known_numbers(dataset: Dataset) -> int:
    """Return how many measured numbers stand against the unknowns: of counted data, those with electrons."""
    if dataset.electrons_per_unit is not None:
        return int(dataset.survey.filled)
    pixels = dataset.detector_size**2 if dataset.mask is None else int(dataset.mask.sum())
    return int(np.prod(dataset.scan_shape) * pixels)


def free_numbers(recipe: Recipe, stage: Stage, area: float) -> float:
    """Return the free numbers of the object in a stage, of which `area` pixels are lit (`lit_area`)."""
    parts = 2 if recipe.model.object_type == "complex" else 1
    states = 1 if stage.displaces else recipe.states_of(stage)
    return area * recipe.model.slices * parts * states


def _check_states(dataset: Dataset, stage: Stage, states: int) -> None:
    electrons = dataset.electrons_per_pattern
    if electrons is not None and states > max(electrons, 1.0):
        raise InputError(
            f"{dataset.name}: stage '{stage.name}' has {states} states, but a pattern holds {electrons:.3g} "
            "electrons, less than one for each state; take fewer states."
        )
