"""The built-in samples, for File → Open Sample."""

from __future__ import annotations

from napari_mixedptycho._napari.images import LayerData, dataset_layers
from napari_mixedptycho.io import load


def si_sigma9() -> list[LayerData]:
    """Return the silicon Σ9 boundary with thermal motion, at 1e6 electrons per Å²."""
    return _sample("si_sigma9")


def si_sigma9_static() -> list[LayerData]:
    """Return its stationary twin: the same structure, dose and scan without motion."""
    return _sample("si_sigma9_static")


def _sample(name: str) -> list[LayerData]:
    file = f"sample:{name}"
    return dataset_layers(load(file), file)
