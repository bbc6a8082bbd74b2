"""A file's name as text, with a button that asks for it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from qtpy.QtWidgets import QFileDialog

from napari_mixedptycho._napari.form.entries import Text
from napari_mixedptycho._napari.parts import tool

_IMAGES = "Images of the detector (*.npy *.tif *.tiff *.h5 *.hdf5);;All files (*)"
FILTERS = {
    "mask": _IMAGES,
    "dark": _IMAGES,
    "gain": _IMAGES,
    "result": "Results (*.h5 *.hdf5 *.nxs *.npz);;All files (*)",
}
"""Field that names a file → which files its dialog offers."""


class FileName(Text):
    """Text, and a button beside it that opens a file dialog.

    Parameters
    ----------
    adapter, optional
        As for `Text`.
    kinds
        Filter of the dialog.
    """

    def __init__(self, adapter: TypeAdapter[Any], optional: bool, kinds: str) -> None:
        super().__init__(adapter, optional)
        self._kinds = kinds
        self.browse = tool("…", "Choose a file")
        self.browse.clicked.connect(self._ask)
        row = self.layout()
        assert row is not None
        row.addWidget(self.browse)

    def _ask(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "Choose a file", str(self.inner.value), self._kinds)
        if file:
            self.set_value(file)
            self.changed.emit()
