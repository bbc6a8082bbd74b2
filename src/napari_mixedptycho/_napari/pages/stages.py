"""The stages of a run: what everyone sets of the last one, and all of them in a fold."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QLabel, QVBoxLayout

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.entries import Editor
from napari_mixedptycho._napari.form.form import Fold
from napari_mixedptycho._napari.form.lists import ListEditor
from napari_mixedptycho._napari.pages.page import words
from napari_mixedptycho._napari.parts import enable
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError

_COMMON = ("iterations", "solver", "patterns_per_update")
_STAGES = "All stages in order: add, remove and move them, and change the settings of each"
_LOCKED = "A run is going on: Pause lets its stages be changed."
_ROOM = 48
"""Letters of a heading; more would widen the dock."""


class StagesEditor(Editor):
    """Edits the stages; the last one, where the states move, also without unfolding them all."""

    def __init__(self) -> None:
        super().__init__()
        self.last = SettingsForm(Stage, hidden=tuple(set(Stage.model_fields) - set(_COMMON)))
        self.last.editors["patterns_per_update"].set_hint("all")
        self.all = ListEditor(Stage)
        self.all.form.editors["patterns_per_update"].set_hint("all")
        self.all.form.editors["states"].set_hint("as in step 3")
        self.heading = QLabel()
        self.heading.setProperty("heading", True)
        self.locked = words(_LOCKED)
        self.locked.setVisible(False)
        self.fold = Fold("Stages", self.all, _STAGES)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self.locked, self.heading, self.last, self.fold):
            column.addWidget(widget)
        self.last.changed.connect(self._take_last)
        self.all.shown.connect(self._show_last)
        self.all.changed.connect(self.changed)
        self._show_last()

    def value(self) -> tuple[Stage, ...]:
        """Return the stages; raises `InputError` when an entry is not allowed."""
        self.last.value()
        return self.all.value()

    def set_value(self, value: tuple[Stage, ...]) -> None:
        """Show stages, silently."""
        self.all.set_value(value)

    def lock(self, locked: bool) -> None:
        """Let the stages be looked at only, or be changed again."""
        for widget in (self.heading, self.last):
            widget.setVisible(not locked)
        enable(self.all, _LOCKED if locked else "", _STAGES)
        self.locked.setVisible(locked)

    def _take_last(self) -> None:
        try:
            stage = self.last.value()
        except InputError:
            return  # its frame is red; `value` says why
        self.all.replace_last(stage)

    def _show_last(self) -> None:
        stages: list[Any] = self.all.items
        try:
            # What is being typed here must not be written anew under the hand.
            same = self.last.value() == stages[-1]
        except InputError:
            same = False
        if not same:
            self.last.set_value(stages[-1])
        self.heading.setText(f"{'Last stage' if len(stages) > 1 else 'Stage'}: {stages[-1].name}")
        text = "All stages: " + " · ".join(f"{stage.name} {stage.iterations}" for stage in stages)
        self.fold.button.setText(text if len(text) <= _ROOM else f"All {len(stages)} stages")
