"""Before a run: whether data can be reconstructed at all, in sentences with the number that shows it."""

from __future__ import annotations

from napari_mixedptycho.checks.scan import probe_width
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.geometry import Geometry, padded_size
from napari_mixedptycho.recipe import Recipe

_LEAST_OVERLAP = 0.5
"""As in `checks.scan`."""
_STATES_DOSE = 1e5
"""Electrons per Å², below which motion was not told from none (docs/conventions.md, rough trials)."""
_OBJECT_DOSE = 1e3
"""Electrons per Å², below which single columns of light atoms drown in counting noise."""


def verdicts(dataset: Dataset, states: int = 8, resolution: float | None = None) -> list[str]:
    """Say what stands in the way of a reconstruction; nothing is left to say of good data.

    Parameters
    ----------
    dataset
        With the numbers that are known by now.
    states
        Object states that are wanted.
    resolution
        Å, that is wanted; None: that of the probe.
    """
    geometry = Geometry.of(dataset, padded_size(dataset, 1.0), 1.0)
    width, window = probe_width(Recipe(), dataset, geometry), geometry.size * geometry.sampling
    return [
        *overlap_verdict(dataset, width),
        *window_verdict(dataset, window),
        *dose_verdict(dataset.dose, states),
        *_detector(dataset, resolution),
    ]


def run_text(recipe: Recipe, dataset: Dataset) -> list[str]:
    """Say before a run what its states lack: dose, and a detector that reaches beyond the probe's disk.

    What makes a run impossible is refused elsewhere: no overlap, a window or a detector smaller than the
    probe, states without electrons.
    """
    states = max(recipe.states_of(stage) for stage in recipe.stages)
    told = dose_verdict(dataset.dose, states) if dataset.dose is not None else []
    return [*told, *_detector(dataset, None)] if states > 1 else told


def overlap_verdict(dataset: Dataset, width: float) -> list[str]:
    """Say when neighbouring probes of a `width`, Å, share little."""
    step = dataset.scan_step
    if max(dataset.scan_shape) == 1:
        return ["There is one scan point only: a single pattern does not determine object and probe."]
    if step > 2 * width:
        return [
            f"No overlap: the scan step is {step:.3g} Å and the probe {width:.3g} Å wide, so that every "
            "pattern stands alone; scan more densely or defocus."
        ]
    if step > width:
        return [
            f"Step larger than the probe: {step:.3g} Å against {width:.3g} Å; neighbours share only "
            "faint rings."
        ]
    if 1 - step / width < _LEAST_OVERLAP:
        return [
            f"Little overlap: {1 - step / width:.0%} between neighbours (step {step:.3g} Å, probe "
            f"{width:.3g} Å); below {_LEAST_OVERLAP:.0%} object and probe are hard to tell apart."
        ]
    return []


def window_verdict(dataset: Dataset, window: float) -> list[str]:
    """Say when the probe does not fit into a window of this edge, Å."""
    wide = 2e-3 * abs(dataset.defocus) * dataset.semiangle
    if wide <= window:
        return []
    return [
        f"Window smaller than the probe: a detector pixel of {dataset.detector_sampling:.4g} 1/Å allows "
        f"{window:.3g} Å, but {dataset.defocus:.4g} Å of defocus make the probe {wide:.3g} Å wide; "
        "use a longer camera length or less defocus."
    ]


def dose_verdict(dose: float | None, states: int) -> list[str]:
    """Say when a dose, electrons per Å², is too low for so many states, or not known."""
    if dose is None:
        return ["The dose is not known: set microscope.electrons_per_unit (electrons per stored unit)."]
    if dose < _OBJECT_DOSE:
        return [f"Dose too low: {dose:.2g} e/Å²; below {_OBJECT_DOSE:.0e} single columns drown in noise."]
    if states > 1 and dose < 0.9 * _STATES_DOSE:
        return [
            f"Dose too low for states: {dose:.2g} e/Å²; below {_STATES_DOSE:.0e} the motion in {states} "
            "states cannot be told from noise; reconstruct one state."
        ]
    return []


def _detector(dataset: Dataset, resolution: float | None) -> list[str]:
    angle = dataset.max_angle
    if angle < dataset.semiangle:
        return [
            f"Detector too small: it ends at {angle:.3g} mrad, inside the probe's disk of "
            f"{dataset.semiangle:.3g} mrad."
        ]
    # An object detail d scatters by λ/d; the disk's edge adds the semi-angle to what is seen.
    best = 1e3 * dataset.wavelength / (angle + dataset.semiangle)
    if resolution is not None and resolution < best:
        return [
            f"Detector too small: {angle:.3g} mrad with a probe of {dataset.semiangle:.3g} mrad hold details "
            f"down to {best:.2g} Å, not {resolution:.2g} Å."
        ]
    if angle < 1.2 * dataset.semiangle:
        return [
            f"Detector small: it ends at {angle:.3g} mrad, {angle / dataset.semiangle:.2f} semi-angles; the "
            "dark field, which carries the motion, is missing."
        ]
    return []
