"""Images of several runs beside each other: napari's grid, whose cells share one camera.

What the grid does not do by itself: it gives a cell to every layer that is seen, so that all others are
hidden; it keeps the zoom, so that each cell would show less of the field; and it tells nobody which cell is
which. All of that is as it was when the images are left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari.components import ViewerModel
from napari.layers import Layer

from napari_mixedptycho._napari.live import LiveLayer

_GAP = 4
"""Between cells, pixels of the screen."""


class Beside:
    """Shows layers beside each other, and what was seen before afterwards.

    Parameters
    ----------
    viewer
        The viewer.

    Attributes
    ----------
    changed
        Called after the images were put beside each other, or left, also by napari's own button.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.changed: Callable[[], None] = lambda: None
        self._before: dict[str, Any] = {}
        self._seen: dict[Layer, bool] = {}
        self._parts: list[tuple[LiveLayer, Any, bool]] = []

    @property
    def active(self) -> bool:
        """Whether images are beside each other now."""
        return bool(self._before)

    def show(self, parts: Sequence[LiveLayer]) -> None:
        """Show these, in the order of napari's list, with a contrast that suits all of them."""
        if not self.active:
            self._remember()
        self._unlink()
        wanted = [part.layer for part in parts]
        for layer in self._viewer.layers:
            self._seen.setdefault(layer, layer.visible)
            layer.visible = layer in wanted
            layer.name_overlay.visible = layer in wanted
        self._link(parts)
        self._arrange(len(wanted))
        self.changed()

    def leave(self) -> None:
        """Show what was seen before; may be called again."""
        if not self.active:
            return
        before, self._before = self._before, {}
        viewer, grid = self._viewer, self._viewer.canvas.grid
        grid.events.enabled.disconnect(self._switched)
        self._unlink()
        for layer in viewer.layers:
            layer.visible = self._seen.get(layer, layer.visible)
            layer.name_overlay.visible = False
        self._seen.clear()
        grid.enabled, grid.stride, grid.shape, grid.spacing = before["grid"]
        viewer.canvas.overlays.scale_bar.gridded = before["gridded"]
        viewer.scene.camera.center, viewer.scene.camera.zoom = before["camera"]
        self.changed()

    def _remember(self) -> None:
        camera, grid = self._viewer.scene.camera, self._viewer.canvas.grid
        self._before = {
            "grid": (grid.enabled, grid.stride, grid.shape, grid.spacing),
            "gridded": self._viewer.canvas.overlays.scale_bar.gridded,
            "camera": (camera.center, camera.zoom),
        }
        grid.events.enabled.connect(self._switched)

    def _arrange(self, count: int) -> None:
        """Make a cell for each image, in each of which as much of the field is seen as in the window."""
        grid, camera = self._viewer.canvas.grid, self._viewer.scene.camera
        center, zoom = self._before["camera"]
        height, width = self._viewer.canvas.size
        columns = max(range(1, count + 1), key=lambda n: _room(count, n, height, width))
        rows = -(-count // columns)
        grid.stride, grid.shape, grid.spacing = 1, (rows, columns), _GAP
        grid.enabled = True
        self._viewer.canvas.overlays.scale_bar.gridded = True
        camera.center, camera.zoom = center, zoom / max(rows, columns)

    def _link(self, parts: Sequence[LiveLayer]) -> None:
        """Give all images one contrast, and let them follow whichever is changed."""
        plain = [part for part in parts if not part.layer.rgb]
        limits = [tuple(part.layer.contrast_limits) for part in plain]
        self._parts = [(part, own, part.touched) for part, own in zip(plain, limits, strict=True)]
        for part in plain:
            part.layer.contrast_limits = min(low for low, _ in limits), max(high for _, high in limits)
        if plain:
            self._viewer.layers.link_layers([part.layer for part in plain], ("contrast_limits",))

    def _unlink(self) -> None:
        """Give each image its own contrast back."""
        parts, self._parts = self._parts, []
        if parts:
            self._viewer.layers.unlink_layers([part.layer for part, _, _ in parts], ("contrast_limits",))
        for part, limits, touched in parts:
            part.layer.contrast_limits = limits
            part.touched = touched

    def _switched(self, _event: object = None) -> None:
        """Leave when the person has switched the grid off."""
        if not self._viewer.canvas.grid.enabled:
            self.leave()


def _room(count: int, columns: int, height: float, width: float) -> float:
    """Return the side of the largest square that fits into a cell when so many are in a row."""
    return float(min(width / columns, height / -(-count // columns)))
