"""Settings of the model that stand against the data, or against each other."""

from __future__ import annotations

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.recipe import Recipe


def model_text(recipe: Recipe, dataset: Dataset, geometry: Geometry) -> list[str]:
    """Return a sentence for a band limit that cuts what was measured.

    Raises
    ------
    InputError
        When an object shall have no mean phase and no negative one.
    """
    _check_constraints(recipe)
    part = recipe.model.band_limit
    if part is None:
        return []
    kept = 1e3 * dataset.wavelength * part * 0.5 / geometry.sampling
    if kept >= dataset.max_angle:
        return []
    return [
        f"model.band_limit keeps scattering up to {kept:.0f} mrad, but the detector measures up to "
        f"{dataset.max_angle:.0f} mrad: what the model lacks looks like motion; leave it out, or raise "
        "model.padding."
    ]


def _check_constraints(recipe: Recipe) -> None:
    for stage in recipe.stages:
        kinds = {entry.kind for entry in stage.constraints}
        positive = "positivity" in kinds or recipe.model.object_type == "potential"
        if positive and "mean_phase" in kinds:
            raise InputError(
                f"Stage '{stage.name}' wants a phase that is nowhere negative and has no mean, as only a "
                "flat one is; leave out the constraint mean_phase, or positivity (object type potential)."
            )
