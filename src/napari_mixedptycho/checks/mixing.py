"""States that the data cannot tell from mixtures of each other."""

from __future__ import annotations

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.recipe import Recipe

_THIN = 0.1
"""Part of λ/α² below which mixing the true states of a specimen changes its patterns less than their motion
does; measured by `benchmarks/ambiguity.py`."""


def mixing_text(recipe: Recipe, dataset: Dataset, geometry: Geometry) -> list[str]:
    """Say when free complex states are asked of a specimen that is too thin to tell them from their mixtures.

    ``Σ_n |F{P·O_n}|²`` stays as it is when the O_n are mixed by any unitary matrix: Li et al., *Opt. Express*
    **24**, 9038 (2016). Propagation between slices breaks that, and so does ``|O| = 1``.
    """
    if recipe.model.object_type != "complex":
        return []
    several = [stage for stage in recipe.stages if recipe.states_of(stage) > 1 and not stage.displaces]
    span = (recipe.model.slices - 1) * geometry.slice_spacing
    focus = dataset.wavelength / (dataset.semiangle * 1e-3) ** 2
    if not several or span > _THIN * focus:
        return []
    count, name = recipe.states_of(several[0]), several[0].name
    where = "one slice" if recipe.model.slices == 1 else f"slices that span {span:.3g} Å"
    almost = "" if recipe.model.slices == 1 else "nearly "
    return [
        f"Stage '{name}' has {count} free complex states in {where}: any unitary mixture of them gives "
        f"{almost}the same patterns, so that none of them is a snapshot; take model.object_type phase, "
        "whose states keep their mean and covariance."
    ]
