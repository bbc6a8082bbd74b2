"""What the dock does in the viewer: layers, clicks, theme. The dock itself never touches a layer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from napari.components import ViewerModel
from napari.layers import Layer

from napari_mixedptycho._napari.beside import Beside
from napari_mixedptycho._napari.images import LayerData, View, mark_of
from napari_mixedptycho._napari.legacy import Left, is_left, take
from napari_mixedptycho._napari.live import RunLayers
from napari_mixedptycho._napari.run_names import numbered, taken, unused
from napari_mixedptycho._napari.scan_layers import ScanLayers
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.result import Result

Point = tuple[int, int]


class Listener(Protocol):
    """What the screen tells the dock."""

    def adopt_file(self, file: str, *, result: bool) -> None:
        """Take over a file that napari has opened."""

    def show_point(self, position: tuple[float, float]) -> None:
        """Show the pattern at a position (y, x), Å, that was clicked."""

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""


class Display:
    """The viewer, as the dock uses it.

    Parameters
    ----------
    viewer
        The viewer.
    listener
        Told of files that are opened, of clicks, and of the theme.
    """

    def __init__(self, viewer: ViewerModel, listener: Listener) -> None:
        self.viewer = viewer
        self._listener = listener
        self._adding = False
        self._shown = "mean phase"
        self._layers = RunLayers(viewer, "")
        self.scan = ScanLayers(viewer, self.add)
        self.beside = Beside(viewer)
        self._together: tuple[str, ...] = ()
        self.runs: dict[str, RunLayers] = {}
        viewer.layers.events.inserted.connect(self._inserted)
        viewer.events.theme.connect(self._theme)
        viewer.mouse_drag_callbacks.append(self._clicked)
        self._theme()

    @property
    def run_name(self) -> str:
        """Name of the present run."""
        return self._layers.run

    def adopt_present(self) -> None:
        """Take over the newest of our layers that are already there."""
        for layer in reversed(self.viewer.layers):
            if not is_left(layer) and self._offer(layer):
                return

    def take_over(self) -> list[Left]:
        """Take over the layers of runs whose dock is gone, bottom first."""
        found = list(take(self.viewer))
        for left, layers in found:
            self._layers = self.runs[left.name] = layers
        return [left for left, _ in found]

    def begin_run(self, name: str | None = None) -> str:
        """Leave the present layers as they are; the next results go to layers of a new name."""
        names = taken(self.viewer) | set(self.runs)
        name = unused(name, names) if name else numbered(names)
        self.beside.leave()
        self._layers.hide()
        self._layers = self.runs[name] = RunLayers(self.viewer, name)
        return name

    def show_run(self, name: str, result: Result, view: View) -> None:
        """Bring the layers of an earlier run back to the front, made anew where they are gone."""
        if name not in self.runs or not self.runs[name].there:
            self.runs[name] = RunLayers(self.viewer, name)
        self.beside.leave()
        self._layers.hide()
        self._layers = self.runs[name]
        self.show_result(result, view, last=True)
        self._layers.choose(self._shown)

    def adopt_run(self, name: str) -> None:
        """Take over layers of a result that napari itself has opened."""
        layers = RunLayers(self.viewer, name)
        if layers.adopt():
            self._layers = self.runs[name] = layers

    def note_run(self, name: str) -> bool:
        """Note a result that napari has opened in the middle of a run; tells whether it is new."""
        layers = RunLayers(self.viewer, name)
        new = name not in self.runs and layers.adopt()
        if new:
            self.runs[name] = layers
            layers.hide()
        return new

    def has_run(self, name: str) -> bool:
        """Tell whether layers of a run are there."""
        return name in self.runs and self.runs[name].there

    def front(self, name: str, limits_of: str) -> None:
        """Show one run and hide the others, all with the contrast of one of them; nothing else moves."""
        self.beside.leave()
        wanted = self.runs[limits_of].layer(self._shown)
        for key, layers in self.runs.items():
            layer = layers.layer(self._shown)
            if key == name:
                layers.choose(self._shown)
                if layer is not None and wanted is not None and not layer.rgb:
                    layer.contrast_limits_range = wanted.contrast_limits_range
                    layer.contrast_limits = wanted.contrast_limits
            else:
                layers.hide()

    def put_beside(self, names: Sequence[str]) -> None:
        """Show these runs beside each other, with one camera and one contrast."""
        self._together = tuple(names)
        parts = [self.runs[name].part(self._shown) for name in names if name in self.runs]
        self.beside.show([part for part in parts if part is not None])

    def add_over(self, data: LayerData) -> None:
        """Add a layer above the others, in place of an earlier one of its name."""
        for layer in [layer for layer in self.viewer.layers if layer.name == data[1]["name"]]:
            self.viewer.layers.remove(layer)
        self._add(data)

    def step_state(self, step: int) -> None:
        """Move the slider of the states, round and round."""
        labels, dims = self.viewer.dims.axis_labels, self.viewer.dims
        axis = labels.index("state") if "state" in labels else 0
        if dims.ndim > 2 and dims.nsteps[axis] > 1:
            dims.set_current_step(axis, (dims.current_step[axis] + step) % dims.nsteps[axis])

    def rename_run(self, name: str, new: str) -> None:
        """Call the layers of a run by another name."""
        if name in self.runs:
            self.runs[new] = self.runs.pop(name)
            self.runs[new].rename(new)
            self._together = tuple(new if other == name else other for other in self._together)

    def show_result(self, result: Result, view: View, *, last: bool = False) -> None:
        """Make the layers of the run, or bring them up to date."""
        first = self._layers.layer("mean phase") is None
        if first:
            self.beside.leave()
        camera = self.viewer.scene.camera
        place = (camera.center, camera.zoom) if len(self.viewer.layers) else None
        self._adding = True
        self._layers.show(result, view, last=last)
        self._adding = False
        if first:
            if place is not None:
                # The first image with more axes makes napari fit the whole object into the window.
                camera.center, camera.zoom = place
            self._layers.choose(self._shown)
            self.viewer.canvas.overlays.scale_bar.visible = True

    def settle(self) -> None:
        """Bring the hidden layers of the run up to date: nothing follows for a while."""
        self._layers.settle()

    def choose(self, name: str) -> None:
        """Show one of the layers of the run."""
        self._shown = name
        if self.beside.active:
            self.put_beside(self._together)
        else:
            self._layers.choose(name)

    def look(self) -> None:
        """Fit the scanned field into the window."""
        scans = [layer for layer in self.viewer.layers if "file" in mark_of(layer)]
        if not scans:
            return
        # napari's own fit_to_view fails for a flat layer among layers of more axes.
        low, high = scans[-1].extent.world[:, -2:]
        self.viewer.scene.camera.center = (0.0, *(low + high) / 2)
        self.viewer.scene.camera.zoom = 0.9 * float((self.viewer.canvas.size / (high - low)).min())

    def release(self) -> None:
        """Let go of the viewer; may be called again."""
        self.beside.leave()
        for layers in self.runs.values():
            layers.release()
        self.runs.clear()
        self._layers = RunLayers(self.viewer, self.run_name)
        self.viewer.layers.events.inserted.disconnect(self._inserted)
        self.viewer.events.theme.disconnect(self._theme)
        if self._clicked in self.viewer.mouse_drag_callbacks:
            self.viewer.mouse_drag_callbacks.remove(self._clicked)

    def add(self, layer: Layer) -> None:
        """Add a layer of ours."""
        self._adding = True
        self.viewer.add_layer(layer)
        self._adding = False
        self.viewer.canvas.overlays.scale_bar.visible = True

    def _add(self, data: LayerData) -> None:
        self.add(Layer.create(*data))

    def _inserted(self, event: Any) -> None:
        if not self._adding:
            self._offer(event.value)

    def _offer(self, layer: Layer) -> bool:
        mark = mark_of(layer)
        file = mark.get("result") or mark.get("file")
        if file is None:
            return False
        self.viewer.canvas.overlays.scale_bar.visible = True
        self._listener.adopt_file(os.fspath(file), result="result" in mark)
        return True

    def _theme(self, *_: object) -> None:
        self._listener.set_palette(Palette.of(self.viewer.theme))

    def _clicked(self, _viewer: object, event: Any) -> Iterator[None]:
        """Tell of a click, but not of a drag, which moves the image."""
        yield
        if event.type == "mouse_move":
            return
        y, x = event.position[-2:]
        self._listener.show_point((float(y), float(x)))
