"""Step 3: what the patterns are explained by."""

from __future__ import annotations

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.form import Fold
from napari_mixedptycho._napari.pages.page import Page, words
from napari_mixedptycho._napari.parts import mark
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Guess, Model

_SPACING = 2.0
"""Å between slices where the thickness is not known; thicker ones begin to look like motion."""

_GUESS = "Where the computation starts: probe, object, how the states part, or an earlier result"


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
        self.column.addWidget(Fold("First guess", self.guess, _GUESS))
        self.column.addStretch(1)
        self._describe()

    def show_dataset(self, dataset: Dataset | None) -> None:
        """Take the thickness of a data set as what an empty entry stands for."""
        self._dataset = dataset
        known = None if dataset is None else dataset.thickness
        self.form.editors["thickness"].set_hint("not known" if known is None else f"{known:.4g}")
        self._describe()

    def value(self) -> Model:
        """Return the settings; a thickness that nobody knows is what the page says it is taken for.

        Raises
        ------
        InputError
            When an entry is not allowed.
        """
        model: Model = self.form.value()
        if self._dataset is None or model.thickness or self._dataset.thickness:
            return model
        return model.model_copy(update={"thickness": _SPACING * model.slices})

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
        if self._dataset is None and thickness is None:
            self._say("The thickness is not known yet: open a scan or type it.")
            return
        if thickness is None:
            thickness = _SPACING * model.slices
            self._say(
                f"▲ The thickness is not in the file: {model.slices} × {_SPACING:g} Å, "
                f"{thickness:g} Å in all, are assumed. A wrong one looks like motion: type it.",
                warn=True,
            )
            return
        spacing = thickness / model.slices
        source = "" if model.thickness else " (from the file)"
        self._say(f"Covers {thickness:.1f} Å{source}: {model.slices} × {spacing:.2f} Å")

    def _say(self, text: str, *, warn: bool = False) -> None:
        self.covers.setText(text)
        mark(self.covers, "warn", warn)
