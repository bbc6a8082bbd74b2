"""Step 2: the microscope's numbers, and where each comes from."""

from __future__ import annotations

from typing import Any

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.pages.page import Page, amount, words
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Microscope

_ODD = 0.03
"""Relative disagreement with the file from which a number is marked."""
_SOURCES = {"file": "from the file", "measured": "measured", "user": "yours", "default": "assumed"}


class CalibratePage(Page):
    """Shows the numbers of the file and lets each be overridden."""

    def __init__(self) -> None:
        super().__init__()
        self._dataset: Dataset | None = None
        self.intro = words("The numbers of the file stand in grey. Type over one to use your own.")
        self.form = SettingsForm(Microscope)
        self.derived = words()
        self.form.changed.connect(self._annotate)
        self.column.addWidget(self.intro)
        self.column.addWidget(self.form)
        self.column.addWidget(self.derived)
        self.column.addStretch(1)

    def show_dataset(self, dataset: Dataset | None) -> None:
        """Show the numbers of a data set as what an empty entry stands for."""
        self._dataset = dataset
        for name, editor in self.form.editors.items():
            value = getattr(dataset, name, None)
            editor.set_hint("not known" if value is None else f"{value:.6g}")
        self._annotate()

    def set_value(self, value: Microscope) -> None:
        """Show settings."""
        self.form.set_value(value)
        self._annotate()

    def _annotate(self) -> None:
        dataset = self._dataset
        for name, editor in self.form.editors.items():
            try:
                own = editor.value()
            except InputError as error:
                self.form.set_note(name, str(error), warn=True)
                continue
            text, warn = _note(own, dataset, name)
            self.form.set_note(name, text, warn=warn)
        self.derived.setText("" if dataset is None else _derived(dataset))


def _note(own: float | None, dataset: Dataset | None, name: str) -> tuple[str, bool]:
    """Return where a number comes from, and whether that is odd."""
    if dataset is None:
        return ("yours" if own is not None else ""), False
    there: Any = getattr(dataset, name)
    if own is None:
        return ("" if there is None else _SOURCES[dataset.sources.get(name, "default")]), False
    if there is None:
        return "yours", False
    # A file's zero defocus has no relative size; then any other number is a disagreement.
    odd = abs(own - there) > _ODD * abs(there)
    return f"yours; the file says {there:.6g}", odd


def _derived(dataset: Dataset) -> str:
    text = f"Of the file: wavelength {dataset.wavelength:.5f} Å, detector to {dataset.max_angle:.1f} mrad "
    text += f"({dataset.max_angle / dataset.semiangle:.1f} × the semi-angle)"
    if dataset.dose is not None:
        text += f", dose {amount(dataset.dose)} electrons per Å²"
    return f"{text}."
