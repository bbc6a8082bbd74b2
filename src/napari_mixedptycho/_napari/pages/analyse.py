"""Step 5: columns, and how they move."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QMenu

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.form import Fold
from napari_mixedptycho._napari.pages.details import Details
from napari_mixedptycho._napari.pages.motion_table import MotionTable
from napari_mixedptycho._napari.pages.overlay_choices import OverlayChoices
from napari_mixedptycho._napari.pages.page import Page, button, enable, filler, words
from napari_mixedptycho._napari.parts import mark
from napari_mixedptycho.analysis import ColumnMotion, Comparison, Matter, MotionSettings

_FIND = "Find the columns of the mean phase and measure them in every state"
_UNDO = "Take back the last column that was added, moved or removed with napari's Points tools"
_EXPORT = "Write tables, figures, EMD and TIFF into a folder, or a report on one page"
_UNKNOWN = "A wrong model looks like motion too: only the control tells."
_CONTROL = (
    "Simulate the mean object at rest with the same probe, scan, detector and dose, and reconstruct that by "
    "the same recipe: what then seems to move is the floor. Takes as long as the result did."
)


class AnalysePage(Page):
    """Finds columns and says how far they move."""

    def __init__(self) -> None:
        super().__init__()
        self.find_button = button("Find columns", _FIND, primary=True)
        self.undo_button = button("Undo edit", _UNDO)
        self.export_button = button("Export", _EXPORT)
        self.export_menu = QMenu(self.export_button)
        self.export_button.setMenu(self.export_menu)
        buttons = QHBoxLayout()
        buttons.addWidget(self.find_button, 1)
        buttons.addWidget(self.undo_button)
        buttons.addWidget(self.export_button)
        self.form = SettingsForm(MotionSettings)
        self.matter = SettingsForm(Matter)
        self.table = MotionTable()
        self.note = words()
        self.control_button = button("Stationary control", _CONTROL)
        self.verdict = words()
        self.overlays = OverlayChoices()
        self.details = Details()
        self._filler = filler()
        self.column.addLayout(buttons)
        self.column.addWidget(self.form)
        self.column.addWidget(Fold("What columns are made of", self.matter))
        self.column.addWidget(self.overlays)
        self.column.addWidget(self.table)
        self.column.addWidget(self.note)
        believe = QHBoxLayout()
        believe.addWidget(self.control_button)
        believe.addWidget(self.verdict, 1)
        self.column.addLayout(believe)
        self.column.addWidget(self.details, 100)
        self.column.addWidget(self._filler, 1)
        self.clear()
        self.show_undo(0)

    def show_state(self, *, has_result: bool) -> None:
        """Enable finding."""
        enable(self.find_button, "" if has_result else "Run a reconstruction or open a result first", _FIND)

    def show_export(self, reason: str) -> None:
        """Enable writing, or say why it cannot be."""
        enable(self.export_button, reason, _EXPORT)

    def enable_control(self, reason: str) -> None:
        """Enable the stationary control, or say why it cannot be run."""
        enable(self.control_button, reason, _CONTROL)

    def show_control(self, text: str, resolved: bool | None) -> None:
        """Say what the control has found; None: not known yet."""
        sign = {True: "✓ ", False: "✗ ", None: ""}[resolved]
        self.verdict.setText(sign + text)
        mark(self.verdict, "warn", resolved is False)

    def show_undo(self, edits: int) -> None:
        """Enable taking back one of so many edits."""
        enable(self.undo_button, "" if edits else "No column was edited", f"{_UNDO} ({edits} edits)")

    def show_motion(self, motion: ColumnMotion, comparison: Comparison | None, matter: Matter) -> None:
        """Say how far the columns move."""
        self.table.show_motion(motion, comparison, matter)
        note = _note(motion)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        if not self.verdict.text():
            self.show_control(_UNKNOWN, None)
        self.details.show_states(motion.n_states)
        self._show_details(motion.n_columns > 0)

    def clear(self) -> None:
        """Forget the columns of an earlier result."""
        self.table.setVisible(False)
        self.note.setText("")
        self.show_control("", None)
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
        return f"{flagged} column{'s' if flagged > 1 else ''} reached the limit of the window."
    return ""
