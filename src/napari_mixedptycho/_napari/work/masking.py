"""Pixels that are masked by hand: from a stroke on the pattern to the recipe, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.imaging import Imaging
from napari_mixedptycho.data_settings import MOST_LETTERS, names_of_pixels, pixels_named
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.preprocess import stored_pixels
from napari_mixedptycho.recipe import Data

_TOO_MANY = "So many scattered pixels do not fit into a recipe; give them as a file (Advanced, Mask)."
_NOT_OURS = "Nothing there is masked by hand: what else is blue, the file or another setting leaves out."


class Masking(QObject):
    """Keeps the recipe's list of masked pixels in step with what is drawn; each stroke can be taken back."""

    def __init__(self, desk: Desk, steps: Steps, imaging: Imaging) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._imaging = desk, steps, imaging
        self._of: Dataset | None = None
        self._before: list[str | None] = []
        panel = steps.data.virtual
        panel.drawn.connect(lambda pixels, erase: desk.attempt(self.draw, pixels, erase))
        panel.mask_tools.undone.connect(lambda: desk.attempt(self.undo))
        panel.mask_tools.cleared.connect(lambda: desk.attempt(self.clear))
        desk.changed.connect(self._changed)
        steps.data.form.changed.connect(self._update)
        self._update()

    def draw(self, pixels: NDArray[np.bool_], erase: bool = False) -> None:
        """Mask pixels (ky, kx) of the pattern on screen, or no longer; raises `InputError`."""
        data, size = self._settings(), self._desk.needed_dataset.detector_size
        way = Orientation(data.transpose, data.flip_y, data.flip_x)
        stored = stored_pixels(pixels, size, data, way, data.center)
        before = pixels_named(data.masked_pixels, size)
        after = before & ~stored if erase else before | stored
        text = names_of_pixels(after)
        too_many = len(text or "") > MOST_LETTERS
        if not too_many and (after != before).any():
            self._before.append(data.masked_pixels)
            self._set(text)
            return
        self._imaging.show_mask()  # without the stroke
        if too_many:
            raise InputError(_TOO_MANY)
        if erase:
            self._desk.said.emit(_NOT_OURS)

    def undo(self) -> None:
        """Take back the last change; raises `InputError`."""
        if self._before:
            self._set(self._before.pop())

    def clear(self) -> None:
        """Mask nothing by hand; raises `InputError`."""
        self._before.append(self._settings().masked_pixels)
        self._set(None)

    def _settings(self) -> Data:
        found: Data = self._steps.data.form.value()
        return found

    def _set(self, text: str | None) -> None:
        form = self._steps.data.form
        form.set_value(self._settings().model_copy(update={"masked_pixels": text}))
        form.changed.emit()
        self._imaging.refresh()

    def _changed(self) -> None:
        """Forget the strokes on another scan."""
        if self._desk.dataset is not self._of:
            self._of = self._desk.dataset
            self._before.clear()
        self._update()

    def _update(self) -> None:
        panel = self._steps.data.virtual
        panel.allow_mask("" if self._desk.dataset is not None else "Answer first what the file does not say")
        try:
            some = self._settings().masked_pixels is not None
        except InputError:  # half typed
            return
        panel.mask_tools.show_state(undo=bool(self._before), clear=some)
