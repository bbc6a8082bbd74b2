"""From a data set and a recipe to what the engine works on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_mixedptycho.checks import check_positions, checked, takes_negative
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.comm import ALONE, Comm
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.engine.objects import states as object_states
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.geometry import Geometry, padded_size
from napari_mixedptycho.guess.probe import probe_modes
from napari_mixedptycho.guess.states import DisplacedCopies
from napari_mixedptycho.io import load
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.preprocess import (
    arranged,
    crop_detector,
    inside_angle,
    lit_disk,
    reaches_edge,
    usable_patterns,
    wander,
)
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.warm_start import begin, read_earlier, shared_probe, with_states
from napari_mixedptycho.workload import left_in_file, make_problem


@dataclass(frozen=True)
class Prepared:
    """A recipe made ready: data set with the recipe's numbers, grid, the engine's problem, doubts to show."""

    recipe: Recipe
    dataset: Dataset
    geometry: Geometry
    problem: Problem
    warnings: tuple[str, ...] = ()


def open_dataset(recipe: Recipe) -> Dataset:
    """Open the recipe's data file; numbers that it lacks may stand in the recipe alone."""
    numbers = recipe.microscope.model_dump(exclude_none=True)
    return load(recipe.data.file, recipe.data.dataset, numbers, recipe.data)


def apply_recipe(recipe: Recipe, dataset: Dataset) -> Dataset:
    """Return the data set with the recipe's numbers, its patterns preprocessed as the recipe wants.

    Raises
    ------
    InputError
        When a setting does not fit the data, or the patterns cannot be used.
    """
    dataset = with_numbers(recipe, dataset)
    data = recipe.data
    orientation = Orientation(data.transpose, data.flip_y, data.flip_x)
    dataset = arranged(dataset, data, orientation, data.center, data.descan)
    if recipe.data.max_angle is not None:
        dataset = dataset.replace(mask=inside_angle(dataset, recipe.data.max_angle))
    dataset = usable_patterns(dataset, signed=takes_negative(recipe))
    return dataset.replace(mask=lit_disk(dataset))


def with_numbers(recipe: Recipe, dataset: Dataset) -> Dataset:
    """Return the data set with the recipe's numbers of the microscope; reads no pattern."""
    set_by_user = recipe.microscope.model_dump(exclude_none=True)
    changed = {name: value for name, value in set_by_user.items() if value != getattr(dataset, name)}
    sources = {**dataset.sources, **dict.fromkeys(changed, "user")}
    return dataset.replace(**changed, sources=sources)


def known_thickness(recipe: Recipe, dataset: Dataset) -> float:
    """Return the thickness, Å, that recipe or data state; reads no pattern.

    Raises
    ------
    InputError
        When neither does.
    """
    thickness = recipe.model.thickness or dataset.thickness
    if thickness is None:
        raise InputError(f"{dataset.name}: the thickness is not known; set model.thickness (Å).")
    return thickness


def prepare(recipe: Recipe, dataset: Dataset, comm: Comm = ALONE) -> Prepared:
    """Make a recipe ready for a data set.

    Parameters
    ----------
    recipe, dataset
        What is wanted, of what.
    comm
        The ranks that share the work.

    Raises
    ------
    InputError
        When a number is missing or does not fit the data.
    """
    thickness = known_thickness(recipe, dataset)
    dataset = apply_recipe(recipe, left_in_file(recipe, dataset, comm))
    recipe = recipe.for_dataset(dataset)
    geometry = Geometry.of(dataset, _size(recipe, dataset), thickness / recipe.model.slices)
    _check_probe_fits(dataset, geometry)
    dataset, warnings = checked(recipe, dataset, geometry)
    return Prepared(recipe, dataset, geometry, make_problem(recipe, dataset, geometry, comm), warnings)


def for_detector(prepared: Prepared, part: float | None) -> Prepared:
    """Return the same, but for a central part of the detector and the larger object pixels that go with it.

    Parameters
    ----------
    prepared
        For the whole detector.
    part
        Of its edge; None: all of it.

    Raises
    ------
    InputError
        When the probe does not fit on that part.
    """
    if part is None or part == 1:
        return prepared
    recipe, dataset = prepared.recipe, crop_detector(prepared.dataset, part)
    geometry = Geometry.of(dataset, _size(recipe, dataset), prepared.geometry.slice_spacing)
    problem = make_problem(recipe, dataset, geometry, prepared.problem.comm)
    return replace(prepared, dataset=dataset, geometry=geometry, problem=problem)


def _size(recipe: Recipe, dataset: Dataset) -> int:
    """Return the edge of the computed detector, px."""
    return padded_size(dataset, recipe.model.padding or (1.5 if reaches_edge(dataset) else 1.0))


def first_estimate(prepared: Prepared, states: int) -> Estimate:
    """Return the first guess, on the host."""
    recipe, dataset, geometry = prepared.recipe, prepared.dataset, prepared.geometry
    problem, model = prepared.problem, recipe.model
    if recipe.guess.result is not None:
        return _from_result(prepared, recipe.guess.result, states)
    phase = recipe.guess.object.phase((states, model.slices, *geometry.shape), recipe.run.seed)
    stored = np.exp(1j * phase).astype(np.complex64) if model.object_type == "complex" else phase
    wave = recipe.guess.probe.wave(dataset, geometry.size, geometry.sampling)
    waves = probe_modes(wave, model.probe_modes, recipe.guess.mode_power)
    # The unmeasured ring holds scattered electrons too; the probe is refined to their number.
    electrons = float(dataset.mean_pattern.sum()) * problem.scale
    probe = (waves * np.sqrt(electrons / states)).astype(np.complex64)
    return Estimate(stored, probe, geometry.positions(dataset))


def more_states(prepared: Prepared, estimate: Estimate, states: int) -> Estimate:
    """Return an estimate with another number of states; equal occupancy rescales the probe."""
    if states == estimate.states:
        return estimate
    recipe = prepared.recipe
    return with_states(estimate.asnumpy(), states, recipe.guess.spread, prepared.geometry, recipe.run.seed)


def for_stage(prepared: Prepared, earlier: Estimate | None, stage: Stage) -> Estimate:
    """Return where a stage starts: with its number of states, free or as displaced copies.

    Parameters
    ----------
    prepared
        The recipe made ready.
    earlier
        What the stage before has found; None: the first guess.
    stage
        The stage to start.

    Raises
    ------
    InputError
        When the stage displaces an object that has no phase to displace.
    """
    states = prepared.recipe.states_of(stage)
    if stage.displaces:
        estimate = _displaced(prepared, earlier or first_estimate(prepared, 1), states)
    elif earlier is None:
        estimate = first_estimate(prepared, states)
    else:
        free = replace(earlier, object=object_states(earlier), displacement=None)
        estimate = more_states(prepared, free, states)
    return _with_unknowns(prepared, estimate, stage)


def _with_unknowns(prepared: Prepared, estimate: Estimate, stage: Stage) -> Estimate:
    """Return the estimate with what the model states of the instrument, and all that the stage refines."""
    problem, model = prepared.problem, prepared.recipe.model
    if estimate.weights is not None and len(estimate.weights) != estimate.states:
        estimate = replace(estimate, weights=None)
    if estimate.source is None and model.source_size is not None:
        estimate = replace(estimate, source=np.array([model.source_size]))
    if estimate.blur is None and model.detector_blur is not None:
        estimate = replace(estimate, blur=np.array([model.detector_blur]))
    if estimate.descan is None:
        estimate = replace(estimate, descan=wander(prepared.dataset))
    for unknown in stage.refine:
        value = getattr(estimate, unknown.kind)
        begun = unknown.begin(problem, estimate) if value is None else unknown.adapted(value, problem)
        estimate = replace(estimate, **{unknown.kind: begun})
    return estimate


def _displaced(prepared: Prepared, earlier: Estimate, states: int) -> Estimate:
    """Return states that are displaced copies of the mean object."""
    if earlier.displacement is not None and earlier.states == states:
        return earlier
    guess, geometry, seed = prepared.recipe.guess, prepared.geometry, prepared.recipe.run.seed
    host = earlier.asnumpy()
    if host.object.dtype.kind == "c" or not isinstance(guess.spread, DisplacedCopies):
        raise InputError(
            "A stage refines 'displacement', which needs model.object_type phase or potential and a "
            'guess.spread of kind "displaced"; change these or leave displacement out.'
        )
    stored = object_states(host).mean(axis=0, keepdims=True)
    shape = (states, 1, *geometry.shape)
    fields = guess.spread.fields(shape, geometry.sampling, geometry.slice_spacing, seed)
    moved = fields[:, :, 0]
    return replace(host, object=stored, probe=shared_probe(host, states), displacement=moved)


def to_device(prepared: Prepared, estimate: Estimate) -> Estimate:
    """Return the estimate beside the problem's arrays."""
    return estimate.asnumpy().beside(prepared.problem.propagator)


def _from_result(prepared: Prepared, name: str, states: int) -> Estimate:
    """Take over an earlier result, of whatever shape and program, as this recipe needs it."""
    recipe, geometry = prepared.recipe, prepared.geometry
    earlier = read_earlier(name)
    estimate = begin(earlier, recipe, prepared.dataset, geometry)
    check_positions(estimate.positions, geometry, name)
    estimate = more_states(prepared, estimate, states)
    if earlier.data_hash == prepared.dataset.hash and estimate.probe.shape == earlier.estimate.probe.shape:
        return estimate
    return _as_bright(prepared, estimate)


def _as_bright(prepared: Prepared, estimate: Estimate) -> Estimate:
    """Return the estimate with the probe that explains the electrons of (up to 64 of) these patterns."""
    problem = prepared.problem
    some = np.unique(np.linspace(0, problem.count - 1, 64).round().astype(np.int64))
    there = to_device(prepared, estimate)
    predicted = float((predict(problem, there, some) * problem.weight).sum(dtype="f8"))
    measured = float((problem.electrons(some) * problem.weight).sum(dtype="f8"))
    return replace(estimate, probe=estimate.probe * np.float32(np.sqrt(measured / predicted)))


def _check_probe_fits(dataset: Dataset, geometry: Geometry) -> None:
    disk = dataset.semiangle * 1e-3 / dataset.wavelength
    if disk > dataset.detector_sampling * dataset.detector_size / 2:
        raise InputError(
            f"{dataset.name}: the probe of {dataset.semiangle} mrad is larger than the detector, which "
            f"ends at {dataset.max_angle:.1f} mrad; check semiangle and detector_sampling."
        )
    blur, window = abs(dataset.defocus) * dataset.semiangle * 2e-3, geometry.size * geometry.sampling
    if blur > window:
        raise InputError(
            f"{dataset.name}: at a defocus of {dataset.defocus} Å the probe is {blur:.0f} Å wide, wider than "
            f"its window of {window:.0f} Å; check defocus, semiangle and detector_sampling."
        )
