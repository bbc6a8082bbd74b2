"""The five steps side by side: a bar to choose one, its page, and the line at the bottom."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_mixedptycho._napari.methods import Methods
from napari_mixedptycho._napari.order import beyond, stops
from napari_mixedptycho._napari.pages import (
    AnalysePage,
    CalibratePage,
    DataPage,
    Footer,
    ModelPage,
    RunPage,
)
from napari_mixedptycho._napari.pages.page import Page
from napari_mixedptycho._napari.parts import choices, tool
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho.analysis import MotionSettings
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Recipe

_STEPS = {
    "data": ("1 Data", "Which scan"),
    "calibrate": ("2 Calibrate", "The microscope's numbers"),
    "model": ("3 Model", "Object states, probe modes, slices"),
    "run": ("4 Run", "Reconstruct and watch"),
    "analyse": ("5 Analyse", "Columns and how they move"),
}


class Steps(QWidget):
    """All pages; knows the recipe they show, and nothing of napari's layers or of threads.

    Signals
    -------
    shown
        The name of the step that came into view.
    """

    shown = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.data, self.calibrate, self.model = DataPage(), CalibratePage(), ModelPage()
        self.run, self.analyse, self.footer = RunPage(), AnalysePage(), Footer()
        self.forms = (
            self.data.form,
            self.calibrate.form,
            self.model.form,
            self.model.guess,
            self.run.stages,
            self.run.form,
            self.analyse.form,
            self.analyse.matter,
            self.analyse.methods,
        )
        self._stack = QStackedWidget()
        self.menu = QMenu(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.bar = QWidget()
        self._fill_bar()
        column.addWidget(self.bar)
        column.addWidget(self._stack, 1)
        column.addWidget(self.footer)
        # Without this napari fills half of the dock with nothing.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def show_step(self, name: str) -> None:
        """Show a page: ``data``, ``calibrate``, ``model``, ``run`` or ``analyse``."""
        self.buttons[name].setChecked(True)
        page = self._pages()[name]
        self._stack.setCurrentWidget(page)
        self.shown.emit(name)
        page.settle()

    @property
    def step(self) -> str:
        """The name of the step in view."""
        return next(name for name, made in self.buttons.items() if made.isChecked())

    def recipe(self) -> Recipe:
        """Return the recipe on screen; raises `InputError` that names the first wrong entry."""
        return Recipe(
            data=self.data.form.value(),
            microscope=self.calibrate.form.value(),
            model=self.model.value(),
            guess=self.model.guess.value(),
            stages=self.run.stages.value(),
            run=self.run.form.value(),
        )

    def opened(self, file: str) -> Dataset:
        """Open a file as step 1 says it is laid out; what it lacks may stand in step 2 (`InputError`)."""
        microscope = self.calibrate.form.value()
        data = self.data.form.value().model_copy(update={"file": file})
        return open_dataset(Recipe(data=data, microscope=microscope))

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe."""
        self.data.form.set_value(recipe.data)
        self.calibrate.set_value(recipe.microscope)
        self.model.set_value(recipe.model, recipe.guess)
        self.run.stages.set_value(recipe.stages)
        self.run.form.set_value(recipe.run)

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Go to the next tab stop as it stands on the screen, then out of the dock."""
        order, now = self.tab_stops(), self.focusWidget()
        while now is not None and now not in order and now is not self:
            now = now.parentWidget()
        place = (order.index(now) if now in order else -1) + (1 if forward else -1)
        target = order[place] if 0 <= place < len(order) else None
        if target is None and now is not None:
            target = beyond(self, now, forward=forward)
        target = target or order[0 if forward else -1]
        target.setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def tab_stops(self) -> list[QWidget]:
        """Return what the Tab key reaches, in its order: bar, page, line at the bottom."""
        page = self._pages()[self.step]
        return [*stops(self.bar), *stops(page.inner), *stops(self.footer)]

    def kept(self) -> dict[int, Any]:
        """Return what each of the forms shows, but for those in which an entry is not allowed."""
        found = {}
        for number, form in enumerate(self.forms):
            with suppress(InputError):
                found[number] = form.value()
        return found

    def put_back(self, kept: dict[int, Any]) -> None:
        """Show again what `kept` has returned."""
        for number, value in kept.items():
            self.forms[number].set_value(value)
        for number in kept:
            self.forms[number].changed.emit()

    def motion_settings(self) -> MotionSettings:
        """Return how columns are to be found and measured."""
        settings: MotionSettings = self.analyse.form.value()
        return settings

    def methods(self) -> Methods:
        """Return how results are judged and compared; raises `InputError` that names a wrong entry."""
        methods: Methods = self.analyse.methods.value()
        return methods

    def show_dataset(self, dataset: Dataset) -> None:
        """Show what is known of a data set."""
        for page in (self.data, self.calibrate, self.model):
            page.show_dataset(dataset)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of the theme."""
        self.setStyleSheet(palette.sheet())
        for canvas in (self.data.pattern, self.model, *self.run.canvases, self.analyse.details):
            canvas.set_palette(palette)

    def _pages(self) -> dict[str, Page]:
        return {
            "data": self.data,
            "calibrate": self.calibrate,
            "model": self.model,
            "run": self.run,
            "analyse": self.analyse,
        }

    def _fill_bar(self) -> None:
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(8, 4, 8, 2)
        row.setSpacing(0)
        self.buttons = choices(row, _STEPS, self.show_step, wide=True)
        self.buttons["data"].setChecked(True)
        for page in self._pages().values():
            self._stack.addWidget(page)
        more = tool("⋯", "Load, save and reset the recipe")
        more.setProperty("step", True)
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        more.setMenu(self.menu)
        row.addWidget(more)
