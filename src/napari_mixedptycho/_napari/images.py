"""What is drawn: data sets and results as napari layers, in the scan frame, Å.

Only real space goes into the main viewer. One layer with axes in 1/Å would take the unit from the scale bar
of all the others, so patterns and probes are drawn by the dock itself, and no layer holds them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from napari_mixedptycho._napari.planes import Planes, amplitude, wheel
from napari_mixedptycho._napari.virtual import FIRST, LOOKS, Scan, Shot
from napari_mixedptycho.analysis.pair import Pair
from napari_mixedptycho.dataset import Dataset, turning
from napari_mixedptycho.imaging import BRIGHT, look
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result

Image = NDArray[np.floating[Any]]
Limits = tuple[float, float]
LayerData = tuple[Any, dict[str, Any], str]

KEY = "mixedptycho"
"""Of our entry in a layer's metadata."""
_UNITS = ("Å", "Å")
_AXES = ("y", "x")


def mark_of(layer: Layer) -> dict[str, Any]:
    """Return our entry in a layer's metadata; nothing for layers of others."""
    mark = layer.metadata.get(KEY)
    return mark if isinstance(mark, dict) else {}


@dataclass(frozen=True)
class View:
    """A result as it is shown.

    Attributes
    ----------
    mean_phase, spread
        (y, x): projected phase, mean and standard deviation over the states, rad.
    phase
        (state, slice, y, x), rad.
    mean_limits, spread_limits, phase_limits
        Percentiles over the scanned field, rad.
    amplitude, amplitude_limits, wheel
        (state, slice, y, x) modulus, its percentiles, and (state, slice, y, x, rgb) phase and modulus as
        colour; None where the modulus is 1 everywhere. Computed where they are looked at.
    """

    mean_phase: Image
    phase: Image
    spread: Image
    mean_limits: Limits
    phase_limits: Limits
    spread_limits: Limits
    amplitude: Planes | None = None
    amplitude_limits: Limits = (0.0, 1.0)
    wheel: Planes | None = None

    @classmethod
    def of(cls, result: Result) -> View:
        """Make the images of a result."""
        field, phase = scanned_field(result), result.phase()
        mean, spread = _over_states(phase)
        states = result.states
        plain = states.dtype.kind != "c"
        return cls(
            mean,
            phase,
            spread,
            percentile_limits(mean[field]),
            percentile_limits(phase[(0, slice(None), *field)]),
            (0.0, max(percentile_limits(spread[field])[1], 1e-6)),
            None if plain else amplitude(states),
            (0.0, 1.0) if plain else percentile_limits(np.abs(states[(0, slice(None), *field)])),
            None if plain else wheel(states),
        )

    @property
    def images(self) -> dict[str, tuple[Any, Limits]]:
        """What there is to show, with its limits, by the names of the layers; bottom first."""
        found: dict[str, tuple[Any, Limits]] = {}
        if self.amplitude is not None and self.wheel is not None:
            found = {
                "colour wheel": (self.wheel, (0, 255)),
                "amplitude": (self.amplitude, self.amplitude_limits),
            }
        return found | {
            "phase": (self.phase, self.phase_limits),
            "state spread": (self.spread, self.spread_limits),
            "mean phase": (self.mean_phase, self.mean_limits),
        }


def _over_states(phase: Image) -> tuple[Image, Image]:
    """Return mean and standard deviation (y, x) over the states of a phase (state, slice, y, x), projected.

    State after state, once: of large objects no second array of their size goes through the memory, which
    the engine needs.
    """
    first = phase[0].sum(axis=0)
    shift, square = np.zeros_like(first), np.zeros_like(first)
    for state in phase[1:]:
        away = state.sum(axis=0) - first
        shift += away
        square += away**2
    shift /= len(phase)
    variance = square / len(phase) - shift**2
    return first + shift, np.sqrt(np.maximum(variance, 0))


def percentile_limits(values: Image) -> Limits:
    """Return display limits: nearly the whole range, hot pixels left out."""
    low, high = (float(end) for end in np.percentile(values, [0.5, 99.8]))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def scanned_field(result: Result) -> tuple[slice, slice]:
    """Return the part (y, x) of the object grid that lies inside the scanned field."""
    spans = []
    for start, extent, size in zip(result.origin, result.scan_extent, result.geometry.shape, strict=True):
        first = round(-start / result.sampling)
        spans.append(slice(max(first, 0), min(first + round(extent / result.sampling) + 1, size)))
    return spans[0], spans[1]


def region_offset(result: Result) -> tuple[float, float]:
    """Return where the first scan point that was used lies in the frame of the whole scan (y, x), Å.

    A result of a part of the scan counts from that part's first point; on screen it belongs where it was
    taken: along the detector's axes, against which the scan may be turned.
    """
    region, microscope = result.recipe.data.scan_region, result.recipe.microscope
    if region is None or microscope.scan_step is None:
        return 0.0, 0.0
    start = np.array([region[0], region[2]]) * microscope.scan_step
    y, x = turning(microscope.scan_rotation or 0.0) @ start
    return float(y), float(x)


def dataset_layers(dataset: Dataset, file: str | os.PathLike[str]) -> list[LayerData]:
    """Return the layers of a data set: its virtual bright field, of every few points of a large scan."""
    return scan_layers(Scan.of(dataset, Recipe()), os.fspath(file))


def scan_layers(scan: Scan, file: str) -> list[LayerData]:
    """Return the virtual bright field of a scan, complete or not, from little of it."""
    for images in look(scan.patterns, scan.frame, budget=FIRST):
        last = images
    return [virtual_layer(scan, Shot.of(BRIGHT, last), file)]


def virtual_layer(scan: Scan, shot: Shot, file: str) -> LayerData:
    """Return the layer of a virtual image."""
    scale, turn = scan.place
    unit = "Å" if scan.frame.step is not None else "pixel"
    look_of: dict[str, Any] = {
        "name": f"{scan.name} {shot.kind}",
        "scale": tuple(shot.stride * s for s in scale),
        "rotate": turn,
        "units": (unit, unit),
        "axis_labels": _AXES,
        "metadata": {KEY: {"file": file, "kind": shot.kind, "stride": shot.stride}},
    }
    if shot.image.ndim == 3:
        look_of["rgb"] = True
    else:
        look_of |= {"colormap": LOOKS[shot.kind], "contrast_limits": shot.limits}
    return shot.image, look_of, "image"


def difference_layer(pair: Pair, result: Result, name: str) -> LayerData:
    """Return the difference of two mean phases, the second moved onto the first, as a layer.

    Parameters
    ----------
    pair
        What was compared.
    result
        The first of them, in whose frame it lies.
    name
        What to call the layer.
    """
    values = (pair.other - pair.one).astype(np.float32)
    top = max(float(np.percentile(np.abs(values), 99.8)), 1e-6)
    look = {
        "name": name,
        "scale": (pair.sampling,) * 2,
        "translate": tuple(np.add(pair.origin, region_offset(result))),
        "units": _UNITS,
        "axis_labels": _AXES,
        "colormap": "RdBu_r",
        "contrast_limits": (-top, top),
    }
    return values, look, "image"


def result_layers(result: Result, view: View, run: str) -> list[LayerData]:
    """Return the layers of a result, bottom first.

    Parameters
    ----------
    result, view
        What to show, and its images.
    run
        What to call it; stands in brackets before each layer's name.
    """
    corner = tuple(np.add(result.origin, region_offset(result)))
    pixel = (result.sampling,) * 2
    # Smooth at first sight: object pixels are as large as a third of an atom.
    # Of napari's kernels this one alone keeps an atom round and its peak where and as high as it is.
    smooth = {"interpolation2d": "spline36"}
    plane = {**smooth, "scale": pixel, "translate": corner, "units": _UNITS, "axis_labels": _AXES}
    stack = {
        **smooth,
        "scale": (1.0, 1.0, *pixel),
        "translate": (0.0, 0.0, *corner),
        "units": ("", "", *_UNITS),
        "axis_labels": ("state", "slice", *_AXES),
    }
    mark = {"metadata": {KEY: {"run": run}}}
    looks: dict[str, dict[str, Any]] = {
        "colour wheel": {**stack, "rgb": True, "visible": False},
        "amplitude": {**stack, "colormap": "gray", "visible": False},
        "phase": {**stack, "colormap": "magma", "visible": False},
        "state spread": {**plane, "colormap": "viridis", "visible": False},
        "mean phase": {**plane, "colormap": "magma"},
    }
    layers: list[LayerData] = []
    for name, (data, limits) in view.images.items():
        look = {**looks[name], **mark, "name": f"[{run}] {name}"}
        layers.append((data, look if "rgb" in look else {**look, "contrast_limits": limits}, "image"))
    return layers
