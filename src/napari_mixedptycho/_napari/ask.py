"""The buttons that ask for a file first, and the menu of the recipe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from qtpy.QtGui import QAction
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from napari_mixedptycho._napari.copying import as_python
from napari_mixedptycho._napari.parts import act
from napari_mixedptycho._napari.reader import suffixes
from napari_mixedptycho._napari.remember import forget, recall
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.unsaved import copies, folder
from napari_mixedptycho._napari.work import Desk, Past, Writing
from napari_mixedptycho.recipe import Recipe

_HDF5, _TOML, _HTML = "HDF5 files (*.h5 *.hdf5)", "Recipes (*.toml)", "Pages (*.html)"
_ANY = "All files (*)"
_TIPS = {
    "Undo": "Take back what has replaced or removed settings last",
    "Load recipe…": "Show the settings of a recipe.toml; Undo brings back those on screen",
    "Save recipe…": "Write all settings of steps 1 to 4 to a file, which mixedptycho run takes too",
    "Copy recipe as text": "Put the recipe on the clipboard, every setting with its explanation",
    "Copy recipe as Python": "Put a script on the clipboard that does what Run does",
    "Copy report of the result": "Put on the clipboard what was done and found, for a notebook or a mail",
    "Reset to defaults": "Show the settings of a new installation; the open scan stays, Undo brings back "
    "those on screen",
    "Unsaved results…": "Open the copy of a run that nobody has saved yet",
    "All figures…": "Draw every figure of this result, and of its control, as PNG and SVG into a folder",
    "Tables, figures, EMD, TIFF…": "Write all that can be written of this result into a folder",
    "Report on one page…": "Write data, settings, figures, columns and verdict as one HTML page for print",
}


def readable() -> str:
    """Return the filter of a file dialog for all scans and results that can be opened."""
    return f"Scans and results ({' '.join(f'*{suffix}' for suffix in suffixes())});;{_ANY}"


class Dock(Protocol):
    """The part of the dock that is needed here."""

    steps: Steps
    writing: Writing

    def open(self, path: str) -> None:
        """Open a file."""

    def save(self, path: str) -> None:
        """Save the result."""

    def recipe(self) -> Recipe:
        """Return the recipe on screen."""

    def report(self) -> str:
        """Return what was done and found, in words."""

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe."""

    desk: Desk
    past: Past

    def attempt(self, action: Callable[..., Any], *arguments: Any) -> None:
        """Do something, and say so when it fails."""


class Ask:
    """Asks, then has the dock do it."""

    def __init__(self, dock: Dock, parent: QWidget) -> None:
        self._dock, self._parent = dock, parent
        self.actions: dict[str, QAction] = {}

    def connect(self) -> None:
        """Connect the buttons and fill the menu."""
        steps = self._dock.steps
        steps.data.open_button.clicked.connect(lambda _=False: self.open())
        steps.run.save_button.clicked.connect(self.save)
        for name, action in (
            ("All figures…", self.figures),
            ("Tables, figures, EMD, TIFF…", self.export),
            ("Report on one page…", self.report),
        ):
            act(steps.analyse.export_menu, name, _TIPS[name], action)
        steps.run.table.open_button.clicked.connect(lambda _=False: self.open())
        for group in (
            (("Undo", self._dock.past.undo),),
            (
                ("Load recipe…", self.load_recipe),
                ("Save recipe…", self.save_recipe),
                ("Copy recipe as text", self.copy_recipe),
                ("Copy recipe as Python", self.copy_python),
                ("Copy report of the result", self.copy_report),
            ),
            (("Reset to defaults", self.reset),),
            (("Unsaved results…", self.open_unsaved),),
        ):
            for name, action in group:
                self.actions[name] = act(steps.menu, name, _TIPS[name], action)
            steps.menu.addSeparator()
        steps.menu.aboutToShow.connect(self._name_undo)
        if copies():
            steps.footer.say("An earlier run was not saved: the menu ⋯ opens it, under Unsaved results.")

    def _name_undo(self) -> None:
        what, action = self._dock.past.latest, self.actions["Undo"]
        action.setText(f"Undo: {what}" if what else "Undo")
        action.setEnabled(bool(what))
        action.setToolTip(f"<qt>{_TIPS['Undo'] if what else 'No settings were replaced or removed yet'}</qt>")

    def open_unsaved(self) -> None:
        """Ask for the copy of a run that was not saved."""
        if copies():
            self.open(str(folder()))
        else:
            self._dock.steps.footer.say("Every result was saved, or there was none yet.")

    def open(self, start: str = "") -> None:
        """Ask for a scan or a result, in the folder `start`."""
        file, _ = QFileDialog.getOpenFileName(self._parent, "Open a scan or a result", start, readable())
        if file:
            self._dock.steps.data.opened.emit(file)

    def save(self) -> None:
        """Ask where the result goes."""
        file, _ = QFileDialog.getSaveFileName(self._parent, "Save the result", "result.h5", _HDF5)
        if file:
            self._dock.attempt(self._dock.save, file)

    def export(self) -> None:
        """Ask for the folder of tables and figures."""
        folder = QFileDialog.getExistingDirectory(self._parent, "Folder for tables and figures")
        if folder:
            self._dock.attempt(self._dock.writing.export_beside, folder)

    def figures(self) -> None:
        """Ask for the folder of all figures."""
        folder = QFileDialog.getExistingDirectory(self._parent, "Folder for all figures, PNG and SVG")
        if folder:
            self._dock.attempt(self._dock.writing.figures_beside, folder)

    def report(self) -> None:
        """Ask where the report goes."""
        file, _ = QFileDialog.getSaveFileName(self._parent, "Write a report", "report.html", _HTML)
        if file:
            self._dock.attempt(self._dock.writing.report_beside, file)

    def load_recipe(self) -> None:
        """Ask for a recipe."""
        file, _ = QFileDialog.getOpenFileName(self._parent, "Load a recipe", "", _TOML)
        if file:
            self._dock.attempt(self._load_recipe, file)

    def save_recipe(self) -> None:
        """Ask where the recipe goes."""
        file, _ = QFileDialog.getSaveFileName(self._parent, "Save the recipe", "recipe.toml", _TOML)
        if file:
            self._dock.attempt(self._save_recipe, file)

    def copy_recipe(self) -> None:
        """Put the recipe on the clipboard."""
        self._dock.attempt(self._copy_recipe)

    def copy_python(self) -> None:
        """Put a script with the recipe on the clipboard."""
        self._dock.attempt(lambda: _copy(as_python(self._dock.recipe())))

    def copy_report(self) -> None:
        """Put what was done and found on the clipboard."""
        self._dock.attempt(lambda: _copy(self._dock.report()))

    def reset(self) -> None:
        """Show the defaults; the open scan stays."""
        self._dock.desk.replacing.emit("the defaults")
        forget()
        recipe, motion, methods = recall()
        self._dock.set_recipe(recipe)
        self._dock.steps.analyse.form.set_value(motion)
        self._dock.steps.analyse.methods.set_value(methods)
        self._told("The defaults are shown")

    def _load_recipe(self, file: str) -> None:
        recipe = Recipe.from_toml(Path(file).read_text("utf-8"), Path(file).name)
        data = recipe.data.file
        if not data.startswith("sample:"):
            # As on the command line: a relative path starts at the recipe.
            absolute = str(Path(file).parent / data)
            recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"file": absolute})})
        self._dock.desk.replacing.emit(f"the settings of {Path(file).name}")
        self._dock.set_recipe(recipe)
        self._told(f"Loaded {Path(file).name}")

    def _told(self, text: str) -> None:
        self._dock.desk.said.emit(f"{text}; Undo brings back the settings before.")

    def _save_recipe(self, file: str) -> None:
        Path(file).write_text(self._dock.recipe().to_toml(comments=True), "utf-8")

    def _copy_recipe(self) -> None:
        _copy(self._dock.recipe().to_toml(comments=True))


def _copy(text: str) -> None:
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
