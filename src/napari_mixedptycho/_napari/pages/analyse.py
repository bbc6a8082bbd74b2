"""Step 5: columns, and how they move."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.form import Fold
from napari_mixedptycho._napari.pages.details import Details
from napari_mixedptycho._napari.pages.motion_table import MotionTable
from napari_mixedptycho._napari.pages.overlay_choices import OverlayChoices
from napari_mixedptycho._napari.pages.page import Page, button, enable, filler, words
from napari_mixedptycho.analysis import ColumnMotion, Comparison, Matter, MotionSettings

_FIND = "Find the columns of the mean phase and measure them in every state"
_UNDO = "Take back the last column that was added, moved or removed with napari's Points tools"
_EXPORT = "Write columns.csv and the figures into a folder"


class AnalysePage(Page):
    """Finds columns and says how far they move."""

    def __init__(self) -> None:
        super().__init__()
        self.find_button = button("Find columns", _FIND, primary=True)
        self.undo_button = button("Undo edit", _UNDO)
        self.export_button = button("Export…", _EXPORT)
        buttons = QHBoxLayout()
        buttons.addWidget(self.find_button, 1)
        buttons.addWidget(self.undo_button)
        buttons.addWidget(self.export_button)
        self.form = SettingsForm(MotionSettings)
        self.matter = SettingsForm(Matter)
        self.table = MotionTable()
        self.note = words()
        self.overlays = OverlayChoices()
        self.details = Details()
        self._filler = filler()
        self.column.addLayout(buttons)
        self.column.addWidget(self.form)
        self.column.addWidget(Fold("What columns are made of", self.matter))
        self.column.addWidget(self.overlays)
        self.column.addWidget(self.table)
        self.column.addWidget(self.note)
        self.column.addWidget(self.details, 100)
        self.column.addWidget(self._filler, 1)
        self.clear()
        self.show_undo(0)

    def show_state(self, *, has_result: bool, has_columns: bool) -> None:
        """Enable the buttons."""
        enable(self.find_button, "" if has_result else "Run a reconstruction or open a result first", _FIND)
        enable(self.export_button, "" if has_columns else "Find the columns first", _EXPORT)

    def show_undo(self, edits: int) -> None:
        """Enable taking back one of so many edits."""
        enable(self.undo_button, "" if edits else "No column was edited", f"{_UNDO} ({edits} edits)")

    def show_motion(self, motion: ColumnMotion, comparison: Comparison | None, matter: Matter) -> None:
        """Say how far the columns move."""
        self.table.show_motion(motion, comparison, matter)
        self.note.setText(_note(motion))
        self.details.show_states(motion.n_states)
        self._show_details(motion.n_columns > 0)

    def clear(self) -> None:
        """Forget the columns of an earlier result."""
        self.table.setVisible(False)
        self.note.setText("")
        self.details.clear()
        self._show_details(False)

    def _show_details(self, shown: bool) -> None:
        self.details.setVisible(shown)
        self._filler.setVisible(not shown)


def _note(motion: ColumnMotion) -> str:
    if not motion.n_columns:
        return "No column was found: lower the threshold, or look at the mean phase."
    if motion.n_states == 1:
        return "One object state cannot show motion; choose more states in step 3."
    text = ""
    if flagged := int(motion.flagged.sum()):
        text += f"{flagged} column{'s' if flagged > 1 else ''} reached the limit of the window. "
    return text + "A wrong model looks like motion too: compare with a stationary control."
