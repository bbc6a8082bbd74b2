"""Step 5: columns, and how they move."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QMenu

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.form import Fold
from napari_mixedptycho._napari.methods import Methods
from napari_mixedptycho._napari.pages.belief import Belief
from napari_mixedptycho._napari.pages.details import Details
from napari_mixedptycho._napari.pages.motion_table import MotionTable
from napari_mixedptycho._napari.pages.overlay_choices import OverlayChoices
from napari_mixedptycho._napari.pages.page import Page, button, filler, words
from napari_mixedptycho._napari.parts import enable, tool
from napari_mixedptycho.analysis import ColumnMotion, Matter, MotionSettings
from napari_mixedptycho.export import Findings
from napari_mixedptycho.words import counted

_FIND = "Find the columns of the mean phase and measure them in every state"
_UNDO = "Take back the last column that was added, moved or removed with napari's Points tools"
_REDO = "Do again what was taken back"
_EXPORT = "Write all figures, or tables, figures, EMD and TIFF, into a folder, or a report on one page"
_FOLDER = "Open the folder in which the last files were written"
_METHODS = (
    "Settings of control, planted motion, pairs, comparison of runs, bracket and eight orientations; right "
    "for most data as they stand"
)
_MATTER = "What the patterns do not tell: with it, motion becomes B factors of atoms and mean frequencies"


class AnalysePage(Page):
    """Finds columns and says how far they move."""

    def __init__(self) -> None:
        super().__init__()
        self.find_button = button("Find columns", _FIND, primary=True)
        self.undo_button, self.redo_button = button("Undo edit", _UNDO), button("Redo", _REDO)
        self.export_button = button("Export", _EXPORT)
        self.export_menu = QMenu(self.export_button)
        self.export_button.setMenu(self.export_menu)
        buttons = QHBoxLayout()
        buttons.addWidget(self.find_button, 1)
        for other in (self.undo_button, self.redo_button, self.export_button):
            buttons.addWidget(other)
        self.written, self.folder_button = words(), tool("Open folder", _FOLDER)
        written = QHBoxLayout()
        written.addWidget(self.written, 1)
        written.addWidget(self.folder_button)
        self.form = SettingsForm(MotionSettings)
        self.matter, self.methods = SettingsForm(Matter), SettingsForm(Methods)
        self.table = MotionTable()
        self.note = words()
        self.belief = Belief()
        self.overlays = OverlayChoices()
        self.details = Details()
        self._filler = filler()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(lambda: self.ensureWidgetVisible(self.details, 0, 0))
        self.column.addLayout(buttons)
        self.column.addLayout(written)
        self.column.addWidget(self.form)
        self.column.addWidget(Fold("What columns are made of", self.matter, _MATTER))
        self.column.addWidget(Fold("How it is judged and compared", self.methods, _METHODS))
        self.column.addWidget(self.overlays)
        self.column.addWidget(self.table)
        self.column.addWidget(self.note)
        self.column.addWidget(self.belief)
        self.column.addWidget(self.details, 100)
        self.column.addWidget(self._filler, 1)
        self.clear()
        self.show_edits(0, 0)
        self.show_written("")

    def show_state(self, *, has_result: bool) -> None:
        """Enable finding."""
        enable(self.find_button, "" if has_result else "Run a reconstruction or open a result first", _FIND)

    def show_export(self, reason: str) -> None:
        """Enable writing, or say why it cannot be."""
        enable(self.export_button, reason, _EXPORT)

    def show_written(self, text: str) -> None:
        """Say what was written last, with a button that opens its folder; nothing: nothing was."""
        self.written.setText(text)
        for widget in (self.written, self.folder_button):
            widget.setVisible(bool(text))

    def show_edits(self, before: int, after: int) -> None:
        """Enable taking back one of so many edits, and doing again one of those that were taken back."""
        enable(
            self.undo_button, "" if before else "No column was edited", f"{_UNDO} ({counted(before, 'edit')})"
        )
        enable(
            self.redo_button, "" if after else "No edit was taken back", f"{_REDO} ({counted(after, 'edit')})"
        )

    def show_findings(self, found: Findings, matter: Matter) -> None:
        """Say how far the columns move, and what is known of whether to believe it."""
        motion = found.motion
        self.table.show_motion(motion, found.comparison, matter)
        note = _note(motion)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.belief.tell(found)
        self.details.show_states(motion.n_states)
        self._show_details(motion.n_columns > 0)

    def reveal(self) -> None:
        """Bring the chart of a column into view, once it has got its place."""
        self._soon.start()

    def clear(self) -> None:
        """Forget the columns of an earlier result."""
        self.table.setVisible(False)
        self.note.setText("")
        self.belief.clear()
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
    if flagged := int(motion.flagged.sum()):
        return f"{counted(flagged, 'column')} reached the limit of the window."
    return ""
