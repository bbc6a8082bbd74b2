"""The layers of one run, kept up to date without ever disturbing the person who looks at them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer

from napari_mixedptycho._napari.images import KEY, Limits, View, result_layers
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.result import Result

_RESCALE = 1.0
"""Seconds between adjustments of the contrast."""


class LiveLayer:
    """One image layer; adjusts its contrast until someone moves the slider.

    A layer that is hidden takes its latest data when it is shown, or with `settle`.
    """

    def __init__(self, layer: Image, *, touched: bool = False) -> None:
        self.layer = layer
        self.touched, self._busy = touched, False
        self._last = 0.0
        self._waiting: tuple[Any, Limits] | None = None
        layer.events.contrast_limits.connect(self._moved)
        layer.events.visible.connect(self.settle)

    def update(self, data: Any, limits: Limits, *, force: bool = False) -> None:
        """Show other data; with `force`, adjust the contrast at once."""
        if self.layer.visible or force:
            self._take(data, limits, force=force)
        else:
            self._waiting = data, limits

    def settle(self) -> None:
        """Take the data that came while the layer was hidden."""
        if self._waiting is not None:
            self._take(*self._waiting, force=True)

    def _take(self, data: Any, limits: Limits, *, force: bool) -> None:
        self._waiting = None
        reshaped = np.shape(self.layer.data) != np.shape(data)
        self.layer.data = data
        if reshaped:
            # napari asks a hidden layer for its new extent only when it is moved, if only by nothing:
            # without this the slider of the states keeps its old length.
            self.layer.translate = self.layer.translate
        now = time.monotonic()
        if self.layer.rgb:
            return
        if not self.touched and (force or now - self._last > _RESCALE):
            self._last = now
            self._busy = True
            # The range of the slider first: limits outside it would be cut.
            low, high = self.layer.contrast_limits_range
            self.layer.contrast_limits_range = (min(low, limits[0]), max(high, limits[1]))
            self.layer.contrast_limits = limits
            self._busy = False

    def release(self) -> None:
        """Stop listening."""
        self.layer.events.contrast_limits.disconnect(self._moved)
        self.layer.events.visible.disconnect(self.settle)

    def _moved(self) -> None:
        self.touched = self.touched or not self._busy


class RunLayers:
    """Mean phase, phase of every state and slice, and state spread of one run.

    Layers may be renamed, hidden or deleted at any time; one that was deleted does not come back.

    Parameters
    ----------
    viewer
        Where to show them.
    run
        What to call the run.
    """

    def __init__(self, viewer: ViewerModel, run: str) -> None:
        self._viewer = viewer
        self.run = run
        self._layers: dict[str, LiveLayer] = {}
        self._removed: list[Image] = []
        self._geometry: Geometry | None = None

    def adopt(self) -> bool:
        """Take over the layers of the run that are in the viewer; tells whether they are complete."""
        prefix = f"[{self.run}] "
        for layer in self._viewer.layers:
            if isinstance(layer, Image) and layer.name.startswith(prefix) and layer.metadata.get(KEY):
                self._layers[layer.name.removeprefix(prefix)] = LiveLayer(layer)
        if "mean phase" not in self._layers:
            self.release()
            self._layers.clear()
        return bool(self._layers)

    def take(self, name: str, layer: Image, *, touched: bool) -> None:
        """Take over a layer that shows the images of this name; `touched`: someone has set its contrast."""
        self._layers[name] = LiveLayer(layer, touched=touched)

    def show(self, result: Result, view: View, *, last: bool = False) -> None:
        """Make the layers, or bring them up to date; `last`: nothing follows for a while."""
        if not self._layers:
            self._make(result, view)
            return
        moved = {} if result.geometry == self._geometry else _places(result, view, self.run)
        self._geometry = result.geometry
        for name, (data, limits) in view.images.items():
            live = self._layers.get(name)
            if live is not None and live.layer in self._viewer.layers:
                live.update(data, limits, force=last or bool(moved))
                if moved:
                    live.layer.scale, live.layer.translate = moved[name]

    def choose(self, name: str) -> None:
        """Show one of the layers and hide the others; where there is no such layer, the mean phase."""
        name = name if name in self._layers else "mean phase"
        for key, live in self._layers.items():
            live.layer.visible = key == name

    def hide(self) -> None:
        """Hide all layers."""
        for live in self._layers.values():
            live.layer.visible = False

    def settle(self) -> None:
        """Bring the hidden layers up to date."""
        for live in self._layers.values():
            live.settle()

    @property
    def parts(self) -> dict[str, LiveLayer]:
        """The layers that are still in the viewer, by the names of their images."""
        return {name: live for name, live in self._layers.items() if live.layer in self._viewer.layers}

    def part(self, name: str) -> LiveLayer | None:
        """Return a layer that is there; the mean phase where there is no such image."""
        parts = self.parts
        return parts.get(name, parts.get("mean phase"))

    @property
    def there(self) -> bool:
        """Whether any of the layers is still in the viewer."""
        return bool(self.parts)

    def rename(self, run: str) -> None:
        """Call the run something else; layers that were renamed by hand keep their names."""
        for name, live in self._layers.items():
            if live.layer.name == f"[{self.run}] {name}":
                live.layer.name = f"[{run}] {name}"
        self.run = run

    def remove(self) -> None:
        """Take the layers out of the viewer; `restore` brings them back."""
        for live in self._layers.values():
            if live.layer in self._viewer.layers:
                self._viewer.layers.remove(live.layer)
                self._removed.append(live.layer)

    def restore(self) -> None:
        """Bring back the layers that were taken out."""
        for layer in self._removed:
            self._viewer.layers.append(layer)
        self._removed.clear()

    def layer(self, name: str) -> Image | None:
        """Return a layer by its name without the run; None before it is made."""
        live = self._layers.get(name)
        return None if live is None else live.layer

    def release(self) -> None:
        """Leave the layers to the viewer."""
        for live in self._layers.values():
            live.release()

    def _make(self, result: Result, view: View) -> None:
        self._geometry = result.geometry
        for data, look, kind in result_layers(result, view, self.run):
            layer = self._viewer.add_layer(Layer.create(data, look, kind))
            assert isinstance(layer, Image)
            self._layers[_short(look, self.run)] = LiveLayer(layer)


def _places(result: Result, view: View, run: str) -> dict[str, tuple[Any, Any]]:
    """Return scale and origin of each layer: those of a stage on less of the detector are others."""
    layers = result_layers(result, view, run)
    return {_short(look, run): (look["scale"], look["translate"]) for _, look, _ in layers}


def _short(look: dict[str, Any], run: str) -> str:
    """Return the name of a layer without that of the run."""
    return str(look["name"]).removeprefix(f"[{run}] ")
