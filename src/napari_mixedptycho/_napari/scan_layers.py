"""The layers of the open scan: virtual images, the cross at a scan point, the rectangle of a region."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points, Shapes
from numpy.typing import NDArray

from napari_mixedptycho._napari.images import KEY, virtual_layer
from napari_mixedptycho._napari.live import LiveLayer
from napari_mixedptycho._napari.virtual import Scan, Shot

POINT, REGION = "scan point", "scan region"
Region = tuple[int, int, int, int]
_ARROWS = {"Up": (-1, 0), "Down": (1, 0), "Left": (0, -1), "Right": (0, 1)}


def warm_up() -> None:
    """Have napari load what its first image with a unit needs: a third of a second, better now than later."""
    Image(np.zeros((2, 2), np.float32), units=("angstrom",) * 2, axis_labels=("y", "x"))


class ScanLayers:
    """What of the open scan is in the viewer.

    Layers may be renamed, hidden or deleted at any time; one that was deleted comes back only when asked for.

    Parameters
    ----------
    viewer
        The viewer.
    add
        Adds a layer of ours.
    """

    def __init__(self, viewer: ViewerModel, add: Callable[[Layer], None]) -> None:
        self._viewer, self._add = viewer, add
        self._images: dict[str, LiveLayer | Layer] = {}
        self._scan: Scan | None = None
        self._file = ""
        self._point: Points | None = None
        self._region: Shapes | None = None
        self._busy = False
        self.stepped: Callable[[int, int], None] = lambda rows, columns: None
        self.pointed: Callable[[tuple[float, float]], None] = lambda position: None
        self.cut: Callable[[Region], None] = lambda region: None

    def begin(self, scan: Scan, file: str) -> None:
        """Take another scan, or the same one known better; its images that are there are put right."""
        if file != self._file or self._scan is None or scan.name != self._scan.name:
            self.release()
        self._scan, self._file = scan, file
        for layer in self._viewer.layers:
            mark = layer.metadata.get(KEY)
            if isinstance(mark, dict) and mark.get("file") == file and isinstance(layer, Image):
                self._images.setdefault(str(mark.get("kind", "bright field")), _live(layer))
        for layer in self._layers():
            self._put(layer)
        if self._region in self._viewer.layers and self._region is not None:
            self._put(self._region)

    def has(self, kind: str) -> bool:
        """Tell whether an image is in the viewer."""
        found = self._images.get(kind)
        return found is not None and _layer(found) in self._viewer.layers

    def show(self, shot: Shot, *, wanted: bool) -> None:
        """Make the layer of an image when it is wanted, or bring it up to date."""
        scan = self._scan
        if scan is None:
            return
        if not self.has(shot.kind):
            if not wanted:
                return
            layer = Layer.create(*virtual_layer(scan, shot, self._file))
            self._add(layer)
            self._images[shot.kind] = _live(layer)
            self._raise_marks()
            return
        found = self._images[shot.kind]
        layer = _layer(found)
        moved = layer.metadata.get(KEY, {}).get("stride", 1) != shot.stride
        if moved:
            layer.metadata.setdefault(KEY, {})["stride"] = shot.stride
        if isinstance(found, LiveLayer):
            found.update(shot.image, shot.limits, force=True)
        else:
            layer.data = shot.image
        # Not every time: napari tells the whole window of it.
        if moved:
            self._put(layer)

    def choose(self, kind: str) -> None:
        """Show one of the images and hide the others."""
        for key, found in self._images.items():
            _layer(found).visible = key == kind

    def show_point(self, point: tuple[int, int]) -> None:
        """Put the cross at a scan point (row, column)."""
        scan = self._scan
        if scan is None:
            return
        place = np.array([point], float)
        if self._point is None or self._point not in self._viewer.layers:
            self._point = _cross(place)
            self._put(self._point)
            self._add(self._point)
            self._point.events.data.connect(self._moved)
            self._bind(self._point)
        self._busy = True
        self._point.data = place
        self._busy = False

    def show_region(self, region: Region | None, *, wanted: bool = False) -> None:
        """Draw a region of the scan; None: all of it. Made only when `wanted`."""
        scan = self._scan
        if scan is None:
            return
        top, bottom, left, right = region or (0, scan.shape[0], 0, scan.shape[1])
        corners = np.array([[top, left], [top, right], [bottom, right], [bottom, left]]) - 0.5
        if self._region is None or self._region not in self._viewer.layers:
            if not wanted:
                return
            self._region = _rectangle(corners)
            self._put(self._region)
            self._add(self._region)
            self._region.events.data.connect(self._reshaped)
            self._viewer.layers.selection.active = self._region
            self._region.mode = "select"
            self._region.selected_data = {0}
            return
        self._busy = True
        self._region.data = [corners]
        self._busy = False
        if wanted:
            self._viewer.layers.selection.active = self._region

    def to_point(self, position: tuple[float, float]) -> tuple[int, int] | None:
        """Return the scan point (row, column) nearest to a place (y, x) of the viewer; None: outside."""
        scan = self._scan
        if scan is None:
            return None
        _, turn = scan.place
        row, column = (round(float(v) / scan.step) for v in np.array(position) @ turn)
        inside = 0 <= row < scan.shape[0] and 0 <= column < scan.shape[1]
        return (row, column) if inside else None

    def to_position(self, point: tuple[int, int]) -> tuple[float, float] | None:
        """Return where a scan point (row, column) lies in the viewer (y, x); None: no scan is open."""
        scan = self._scan
        if scan is None:
            return None
        _, turn = scan.place
        y, x = turn @ (np.array(point) * scan.step)
        return float(y), float(x)

    def release(self) -> None:
        """Leave the layers to the viewer."""
        for found in self._images.values():
            if isinstance(found, LiveLayer):
                found.release()
        self._images.clear()
        for layer, heard in ((self._point, self._moved), (self._region, self._reshaped)):
            if layer is not None:
                layer.events.data.disconnect(heard)
                if layer in self._viewer.layers:
                    self._viewer.layers.remove(layer)
        self._point = self._region = None

    def _layers(self) -> list[Layer]:
        return [_layer(found) for found in self._images.values() if _layer(found) in self._viewer.layers]

    def _raise_marks(self) -> None:
        """Keep cross and rectangle above the images."""
        layers = self._viewer.layers
        for mark in (self._region, self._point):
            if mark is not None and mark in layers:
                layers.move(layers.index(mark), len(layers))

    def _put(self, layer: Layer) -> None:
        """Put a layer where the scan lies: its unit, step and direction."""
        assert self._scan is not None
        stride = layer.metadata.get(KEY, {}).get("stride", 1) if isinstance(layer, Image) else 1
        scale, turn = self._scan.place
        unit = "angstrom" if self._scan.frame.step is not None else "pixel"
        layer.units = (unit, unit)
        layer.scale = tuple(stride * s for s in scale)
        layer.rotate = turn

    def _bind(self, layer: Layer) -> None:
        for key, (rows, columns) in _ARROWS.items():
            layer.bind_key(key, lambda _, r=rows, c=columns: self.stepped(r, c), overwrite=True)

    def _moved(self, event: Any) -> None:
        """Follow the cross when it is dragged by napari's own tools."""
        if not self._busy and self._point is not None and len(self._point.data):
            y, x = self._point.data_to_world(self._point.data[-1])[-2:]
            self.pointed((float(y), float(x)))

    def _reshaped(self, event: Any) -> None:
        """Take the region of the last shape, its ends rounded to scan points."""
        scan, layer = self._scan, self._region
        if self._busy or scan is None or layer is None or not len(layer.data):
            return
        corners = np.asarray(layer.data[-1])[:, -2:] + 0.5
        low, high = corners.min(axis=0).round().astype(int), corners.max(axis=0).round().astype(int)
        shape = np.array(scan.shape)
        low = np.clip(low, 0, shape - 1)
        high = np.clip(high, low + 1, shape)
        self.cut((int(low[0]), int(high[0]), int(low[1]), int(high[1])))


def _live(layer: Layer) -> LiveLayer | Layer:
    return LiveLayer(layer) if isinstance(layer, Image) and not layer.rgb else layer


def _layer(found: LiveLayer | Layer) -> Layer:
    return found.layer if isinstance(found, LiveLayer) else found


def _cross(place: NDArray[np.float64]) -> Points:
    return Points(
        place,
        name=POINT,
        symbol="cross",
        size=0.9,
        opacity=0.75,
        face_color="#00e5ff",
        border_color="black",
        border_width=0.1,
        axis_labels=("y", "x"),
    )


def _rectangle(corners: NDArray[np.float64]) -> Shapes:
    return Shapes(
        [corners],
        shape_type="rectangle",
        name=REGION,
        edge_color="#ffd166",
        edge_width=0.25,
        face_color="transparent",
        axis_labels=("y", "x"),
    )
