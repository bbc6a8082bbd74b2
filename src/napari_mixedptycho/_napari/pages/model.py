"""Step 3: what the patterns are explained by, and what that comes to on the open scan."""

from __future__ import annotations

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.form import Fold
from napari_mixedptycho._napari.pages.outlook_view import OutlookView
from napari_mixedptycho._napari.pages.outlook_words import Line, assumed, covers
from napari_mixedptycho._napari.pages.page import Page, words
from napari_mixedptycho._napari.parts import mark
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.outlook import SPACING
from napari_mixedptycho.recipe import Guess, Model

_GUESS = "Where the computation starts: probe, object, how the states part, or an earlier result"


class ModelPage(Page):
    """Object states, probe modes, slices; what they come to; the first guess in a fold."""

    def __init__(self) -> None:
        super().__init__()
        self._dataset: Dataset | None = None
        self.form = SettingsForm(Model)
        self.form.editors["padding"].set_hint("automatic: 1.5 or 1")
        self.covers, self.outlook = words(), OutlookView()
        for widget in (self.outlook, self.covers):
            self.form.insert_below(widget)
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
        return model.model_copy(update={"thickness": SPACING * model.slices})

    def set_value(self, model: Model, guess: Guess) -> None:
        """Show settings."""
        self.form.set_value(model)
        self.guess.set_value(guess)
        self._describe()

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        self.outlook.set_palette(palette)

    def _describe(self) -> None:
        """Say what the slices come to, which needs no patterns."""
        try:
            model: Model = self.form.value()
        except InputError as error:
            self._say(Line("", "", str(error)))
            return
        known = None if self._dataset is None else self._dataset.thickness
        thickness = model.thickness or known
        if thickness is not None:
            self._say(covers(model.slices, thickness, from_file=not model.thickness))
        elif self._dataset is not None:
            self._say(assumed(model.slices))
        else:
            self._say(Line("", "The thickness is not known yet: open a scan or type it."))

    def _say(self, line: Line) -> None:
        doubt = f"▲ {line.doubt}" if line.doubt else ""
        self.covers.setText(" ".join(part for part in (line.text, doubt) if part))
        mark(self.covers, "warn", bool(doubt))
