"""The columns in the viewer: shown, clicked, edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer, Points, Vectors
from numpy.typing import NDArray

from napari_mixedptycho._napari.images import KEY, LayerData
from napari_mixedptycho._napari.overlays import (
    BARS,
    COLUMNS,
    ELLIPSES,
    MAGNIFICATION,
    SCATTER,
    TRUTH,
    bars_layer,
    columns_layer,
    ellipses_layer,
    ring_colours,
    scatter_layer,
    truth_layer,
)
from napari_mixedptycho.export import Findings

NEAR = 0.7
"""Å: a click farther from every column means none."""
_EDITS = ("added", "removed", "changed")
_AT_FIRST = (SCATTER,)

NEW = -1
"""The number of a column that has none yet."""

Floats = NDArray[np.float64]


class ColumnLayers:
    """Numbered columns, and over them what shows how they move.

    Layers may be hidden, renamed or deleted at any time; a choice on the page brings one back.

    Parameters
    ----------
    viewer
        Where to show them.
    edited
        Called when a person has added, moved or removed columns, with positions (N, 2), Å, in the result's
        frame, and numbers (N,), `NEW` where they have none.
    """

    def __init__(self, viewer: ViewerModel, edited: Callable[[Floats, list[int]], None]) -> None:
        self._viewer, self._edited = viewer, edited
        self._layers: dict[str, Layer] = {}
        self._found: Findings | None = None
        self._offset, self._run = (0.0, 0.0), ""
        self._magnification = float(MAGNIFICATION)
        self._shown = set(_AT_FIRST)
        self._busy = False

    @property
    def shown(self) -> frozenset[str]:
        """What is shown of the motion."""
        return frozenset(self._shown)

    def show(self, found: Findings, offset: tuple[float, float], run: str) -> None:
        """Show columns, in place of earlier ones of the same run."""
        self._found, self._offset = found, offset
        if run != self._run:
            # The overlays of an earlier run stay with its images; there is one set of numbered columns.
            self._layers = {name: layer for name, layer in self._layers.items() if name == COLUMNS}
            self._run = run
        for name in (SCATTER, BARS, ELLIPSES, TRUTH):
            self._show(name)
        self._put(COLUMNS, columns_layer(found.motion.mean, found.numbers, offset))
        layer = self._layers[COLUMNS]
        # Columns above, so that no point hides a number.
        self._viewer.layers.move(self._viewer.layers.index(layer), len(self._viewer.layers))
        self._viewer.layers.selection.active = layer

    def choose(self, name: str, shown: bool) -> None:
        """Show or hide one way to see the motion."""
        (self._shown.add if shown else self._shown.discard)(name)
        active = self._viewer.layers.selection.active
        self._show(name)
        # The tools at hand stay those of the columns.
        self._viewer.layers.selection.active = active

    def magnify(self, magnification: float) -> None:
        """Draw displacements so many times larger."""
        self._magnification = magnification
        for name in (SCATTER, BARS, ELLIPSES, TRUTH):
            self._show(name)

    def nearest(self, position: tuple[float, float]) -> int | None:
        """Return the column nearest to a place in the viewer (y, x), Å; None: none is near."""
        layer = self._layers.get(COLUMNS)
        if self._found is None or layer not in self._viewer.layers or not self._found.motion.n_columns:
            return None
        away = np.hypot(*(self._found.motion.mean + self._offset - position).T)
        return int(away.argmin()) if away.min() <= NEAR else None

    def mark(self, chosen: int | None, partners: Sequence[int] = ()) -> None:
        """Ring one column, and those that move with it, in other colours."""
        layer = self._layers.get(COLUMNS)
        if self._found is not None and isinstance(layer, Points) and layer in self._viewer.layers:
            layer.border_color = ring_colours(len(layer.data), chosen, partners)
            if chosen is not None:
                self._viewer.layers.selection.active = layer

    def bring_into_view(self, column: int) -> None:
        """Have the viewer look at a column that lies outside of what it shows."""
        if self._found is None:
            return
        camera, place = self._viewer.scene.camera, self._found.motion.mean[column] + self._offset
        half = np.asarray(self._viewer.canvas.size) / camera.zoom / 2
        if (np.abs(place - camera.center[-2:]) > half).any():
            camera.center = (*camera.center[:-2], *place)

    def release(self) -> None:
        """Stop listening."""
        layer = self._layers.get(COLUMNS)
        if isinstance(layer, Points):
            layer.events.data.disconnect(self._changed)

    def _show(self, name: str) -> None:
        if self._found is None:
            return
        layer = self._layers.get(name)
        possible = name != TRUTH or self._found.comparison is not None
        if name in self._shown and possible:
            data = self._made(self._found, name)
            mark = {KEY: {"magnification": self._magnification}}
            look = {"name": f"[{self._run}] {name}", "translate": self._offset, "metadata": mark}
            self._put(name, (data[0], {**data[1], **look}, data[2]))
        elif layer is not None and layer in self._viewer.layers:
            layer.visible = False

    def _made(self, found: Findings, name: str) -> LayerData:
        if name == TRUTH:
            assert found.comparison is not None
            return truth_layer(found.motion, found.comparison, self._magnification)
        makers = {SCATTER: scatter_layer, BARS: bars_layer, ELLIPSES: ellipses_layer}
        return makers[name](found.motion, self._magnification)

    def _put(self, name: str, data: LayerData) -> None:
        """Make a layer, or give it other data where it is."""
        values, look, _ = data
        layer = self._layers.get(name)
        with self._quietly():
            if layer is not None and layer in self._viewer.layers:
                if isinstance(layer, Vectors) or len(layer.data) == len(values):
                    layer.data = values
                    layer.metadata = look.get("metadata", {})
                    layer.translate = look["translate"]
                    layer.visible = True
                    if name == COLUMNS:
                        layer.features = look["features"]
                    return
                if name == COLUMNS:
                    self.release()
                self._viewer.layers.remove(layer)
            for other in [one for one in self._viewer.layers if one.name == look["name"]]:
                self._viewer.layers.remove(other)
            made = self._layers[name] = self._viewer.add_layer(Layer.create(*data))
            if name == COLUMNS:
                made.events.data.connect(self._changed)

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self._busy, before = True, self._busy
        try:
            yield
        finally:
            self._busy = before

    def _changed(self, event: Any) -> None:
        if self._busy or getattr(event.action, "value", event.action) not in _EDITS:
            return
        layer = event.source
        numbers = [NEW if np.isnan(number) else int(number) for number in layer.features["column"]]
        # A copied and pasted column has its original's number; it is a new one.
        numbers = [NEW if number in numbers[:index] else number for index, number in enumerate(numbers)]
        self._edited(np.asarray(layer.data, dtype=np.float64), numbers)
