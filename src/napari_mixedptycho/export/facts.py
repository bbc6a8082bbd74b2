"""What the data are and where each number came from; what was made of them, how, and at what cost."""

from __future__ import annotations

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.result import Result
from napari_mixedptycho.words import counted

_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

Rows = list[tuple[str, str, str]]

_NUMBERS = {
    "energy": ("Electron energy", 1e-3, "keV"),
    "semiangle": ("Convergence semi-angle", 1.0, "mrad"),
    "defocus": ("Defocus (positive: crossover below the entrance surface)", 1.0, "Å"),
    "scan_step": ("Scan step", 1.0, "Å"),
    "scan_rotation": ("Rotation of the scan", 1.0, "°"),
    "detector_sampling": ("Detector pixel", 1.0, "1/Å"),
    "electrons_per_unit": ("Electrons per stored unit", 1.0, ""),
}
_SOURCES = {"file": "data file", "user": "set in the recipe", "default": "default", "measured": "measured"}


def data_facts(result: Result, dataset: Dataset | None) -> Rows:
    """Return (quantity, value, where it came from) of the data.

    Parameters
    ----------
    result
        What was made of them.
    dataset
        The data with their own numbers, when they are at hand; else all numbers are those that the
        recipe has kept.
    """
    rows, columns = result.scan_shape
    height, width = result.scan_extent
    facts: Rows = [
        ("Data", f"{result.name} (hash {result.data_hash})", "data file"),
        ("File", result.recipe.data.file, "recipe"),
        ("Scan", f"{rows} × {columns} points, {height:.4g} × {width:.4g} Å", "recipe and data file"),
    ]
    if dataset is not None:
        size = dataset.detector_size
        facts.append(("Patterns", f"{size} × {size} px, up to {dataset.max_angle:.4g} mrad", "data file"))
    for name, (words, factor, unit) in _NUMBERS.items():
        value = getattr(result.recipe.microscope, name)
        if value is None and dataset is not None:
            value = getattr(dataset, name)
        told = "not known" if value is None else f"{value * factor:.6g} {unit}".strip()
        facts.append((words, told, "" if value is None else _source(name, value, dataset)))
    return facts + _dose(result, dataset)


def _source(name: str, value: float, dataset: Dataset | None) -> str:
    if dataset is None:
        return "kept in the recipe (the data are not at hand)"
    if value != getattr(dataset, name):
        return _SOURCES["user"]
    return _SOURCES[dataset.sources.get(name, "default")]


def _dose(result: Result, dataset: Dataset | None) -> Rows:
    """Return the dose, when the data are at hand and the recipe or they say what a stored unit is."""
    thickness = result.recipe.model.thickness
    rows: Rows = []
    if thickness is not None:
        known = dataset is not None and dataset.thickness == thickness
        rows.append(("Specimen thickness", f"{thickness:.4g} Å", "data file" if known else "recipe"))
    unit, step = result.recipe.microscope.electrons_per_unit, result.recipe.microscope.scan_step
    if dataset is None or unit is None or step is None:
        return [*rows, ("Dose", "not known", "")]
    electrons = float(dataset.mean_pattern.sum()) * unit
    told = f"{_short(electrons / step**2)} electrons per Å², {_short(electrons)} per pattern"
    return [*rows, ("Dose", told, "measured")]


def _short(value: float) -> str:
    """Return a number with three digits, in powers of ten where it is large."""
    if not 1e-3 <= abs(value) < 1e3:
        digits, _, power = f"{value:.2e}".partition("e")
        return f"{digits} × 10{str(int(power)).translate(_RAISED)}"
    return f"{value:.3g}"


def model_facts(result: Result) -> list[tuple[str, str]]:
    """Return (what, how much) of the reconstruction."""
    estimate, recipe, history = result.estimate, result.recipe, result.history
    height, width = estimate.object.shape[-2:]
    stages = ", ".join(
        f"{stage.name}: {history.stage.count(index)} of {counted(stage.iterations, 'iteration')} with "
        f"{counted(recipe.states_of(stage), 'state')}, loss {stage.loss.kind}, solver {stage.solver.kind}"
        for index, stage in enumerate(recipe.stages)
    )
    facts = [
        (
            "Object",
            f"{counted(estimate.states, 'state')} × {counted(estimate.slices, 'slice')} of "
            f"{result.slice_spacing:.3g} Å × {height} × {width} px of {result.sampling:.4g} Å, "
            f"{recipe.model.object_type}",
        ),
        ("Probe", counted(estimate.modes, "mode")),
        ("Stages", stages),
        ("Seed", str(recipe.run.seed)),
    ]
    if len(history):
        facts.append(("Loss at the end", f"{history.loss[-1]:.5g} (dimensionless)"))
        held = history.held_out[-1] if history.held_out else float("nan")
        every = recipe.data.hold_out
        facts.append(
            (
                "Loss of patterns held out",
                f"{held:.5g} (one pattern of {every} was not fitted)"
                if held == held
                else "not measured: no pattern was held out (data.hold_out)",
            )
        )
        facts.append(("Cost", f"{sum(history.evaluations):.4g} evaluations of all patterns"))
    return facts + [("Found of the instrument", told) for told in result.instrument]
