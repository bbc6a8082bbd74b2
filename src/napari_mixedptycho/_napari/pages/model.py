"""Step 3: what the patterns are explained by."""

from __future__ import annotations

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.form import Fold
from napari_mixedptycho._napari.pages.page import Page, words
from napari_mixedptycho._napari.parts import mark
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Guess, Model


class ModelPage(Page):
    """Object states, probe modes, slices; the first guess in a fold."""

    def __init__(self) -> None:
        super().__init__()
        self._dataset: Dataset | None = None
        self.form = SettingsForm(Model)
        self.form.editors["padding"].set_hint("automatic: 1.5 or 1")
        self.covers = words()
        self.form.insert_below(self.covers)
        self.guess = SettingsForm(Guess)
        self.form.changed.connect(self._describe)
        self.column.addWidget(self.form)
        self.column.addWidget(Fold("First guess", self.guess))
        self.column.addStretch(1)
        self._describe()

    def show_dataset(self, dataset: Dataset | None) -> None:
        """Take the thickness of a data set as what an empty entry stands for."""
        self._dataset = dataset
        known = None if dataset is None else dataset.thickness
        self.form.editors["thickness"].set_hint("not known" if known is None else f"{known:.4g}")
        self._describe()

    def set_value(self, model: Model, guess: Guess) -> None:
        """Show settings."""
        self.form.set_value(model)
        self.guess.set_value(guess)
        self._describe()

    def _describe(self) -> None:
        try:
            model: Model = self.form.value()
        except InputError as error:
            self._say(str(error), warn=True)
            return
        known = None if self._dataset is None else self._dataset.thickness
        thickness = model.thickness or known
        if thickness is None:
            text = "The thickness is not known yet: open a scan or type it."
            self._say(text, warn=self._dataset is not None)
            return
        spacing = thickness / model.slices
        source = "" if model.thickness else " (from the file)"
        self._say(f"Covers {thickness:.1f} Å{source}: {model.slices} × {spacing:.2f} Å")

    def _say(self, text: str, *, warn: bool = False) -> None:
        self.covers.setText(text)
        mark(self.covers, "warn", warn)
