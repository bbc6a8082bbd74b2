"""What a model means for the data, before anything is computed: lengths, unknowns, electrons, memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_mixedptycho.checks import free_numbers, known_numbers, lit_area, probe_width
from napari_mixedptycho.checks.verdicts import dose_verdict, overlap_verdict, window_verdict
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.memory import as_used, estimate_memory, grids
from napari_mixedptycho.prepare import with_numbers
from napari_mixedptycho.recipe import Guess, Recipe

SPACING = 2.0
"""Å: slices about this thick suffice for light atoms at 60 kV; thicker ones cost dark field, and the loss of
it looks like motion (docs/conventions.md)."""


def advised_slices(thickness: float) -> int:
    """Return the slices for a specimen of this thickness, Å, where nothing speaks for another number."""
    return max(1, round(thickness / SPACING))


@dataclass(frozen=True)
class Outlook:
    """What a recipe comes to on a data set; lengths in Å. What is told of doubts are sentences.

    Attributes
    ----------
    probe, defocus
        Diameter that holds four fifths of the first probe's power, and at which defocus.
    window, sampling
        Edge of the probe's window, and of an object pixel.
    step, overlap
        Between scan points, and the part of its diameter that a probe shares with its neighbour's.
    focus
        Depth of focus, λ/α².
    thickness
        Of the specimen; None: nobody knows.
    shape, slices, states
        Object (y, x), px; slices; object states of the last stage.
    displaced
        Whether these are displaced copies of one object.
    free, known
        Numbers of the object that are lit and free in the last stage, and measured numbers that stand against
        them; None: the patterns were not looked at.
    counted
        Whether those measured ones are only such that hold electrons.
    electrons, dose
        Mean of a pattern, and per Å²; None: not known.
    memory, memory_of_state
        Bytes of the run, and of one object state more.
    doubts
        What speaks against it, by what it is about: ``probe``, ``window``, ``dose``.
    """

    probe: float
    defocus: float
    window: float
    sampling: float
    step: float
    overlap: float
    focus: float
    thickness: float | None
    shape: tuple[int, int]
    slices: int
    states: int
    displaced: bool
    free: float
    known: int | None
    counted: bool
    electrons: float | None
    dose: float | None
    memory: int
    memory_of_state: int
    doubts: dict[str, tuple[str, ...]]


def outlook(recipe: Recipe, dataset: Dataset, *, patterns: bool = True) -> Outlook:
    """Return what a recipe comes to.

    Parameters
    ----------
    recipe
        What is wanted.
    dataset
        The data, as opened.
    patterns
        Whether all patterns may be read, once, for electrons and measured numbers; else at most a few are.

    Raises
    ------
    InputError
        When a setting does not fit the data, or a GPU is asked for and there is none.
    """
    if patterns:
        _ = dataset.survey  # kept with the data: what follows are copies
    data = with_numbers(recipe, dataset)
    stage = recipe.stages[-1]
    geometry = max(grids(recipe, data).values(), key=lambda grid: grid.size)
    used = as_used(recipe, data)
    # The mean pattern would have to be read for a probe that is made of it.
    plain = recipe.model_copy(update={"guess": Guess()})
    width, window = probe_width(plain, used, geometry), geometry.size * geometry.sampling
    memory = estimate_memory(recipe, data).total
    numbers = _of_patterns(data, used) if patterns else {"known": None, "electrons": None, "dose": None}
    dose, states = numbers["dose"], recipe.states_of(stage)
    return Outlook(
        probe=width,
        defocus=used.defocus,
        window=window,
        sampling=geometry.sampling,
        step=used.scan_step,
        overlap=max(0.0, 1 - used.scan_step / width),
        focus=data.wavelength / (data.semiangle * 1e-3) ** 2,
        thickness=recipe.model.thickness or dataset.thickness,
        shape=geometry.shape,
        slices=recipe.model.slices,
        states=states,
        displaced=stage.displaces,
        free=free_numbers(recipe, stage, lit_area(used, geometry, width)),
        counted=data.electrons_per_unit is not None,
        memory=memory,
        memory_of_state=estimate_memory(_with_one_more(recipe), data).total - memory,
        doubts={
            "probe": tuple(overlap_verdict(used, width)),
            "window": tuple(window_verdict(used, window)),
            "dose": tuple(dose_verdict(dose, states)) if patterns else (),
        },
        **numbers,
    )


def _with_one_more(recipe: Recipe) -> Recipe:
    model = recipe.model
    return recipe.model_copy(update={"model": model.model_copy(update={"states": model.states + 1})})


def _of_patterns(data: Dataset, used: Dataset) -> dict[str, Any]:
    """Return what the patterns of the part in use hold, judged by the whole."""
    electrons = data.electrons_per_pattern
    count = int(np.prod(used.scan_shape))
    known = known_numbers(data) * count / np.prod(data.scan_shape)
    return {
        "known": min(round(known), count * used.detector_size**2),
        "electrons": electrons,
        "dose": None if electrons is None else electrons / used.scan_step**2,
    }
