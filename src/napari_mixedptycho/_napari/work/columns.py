"""Finding the columns of the result, looking at them, and editing them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._napari.arrows import next_place
from napari_mixedptycho._napari.background import Background
from napari_mixedptycho._napari.column_chart import Scatter
from napari_mixedptycho._napari.column_layers import NEW, ColumnLayers
from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.images import region_offset
from napari_mixedptycho._napari.pages.column_words import about_column, about_pairs
from napari_mixedptycho._napari.pages.details import PAIRS
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.book import Book
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho.analysis import (
    Amplitudes,
    Correlations,
    MotionSettings,
    correlations,
    measure,
    neighbour_amplitudes,
    partners,
)
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.export import Findings
from napari_mixedptycho.preprocess import truth_in
from napari_mixedptycho.result import Result
from napari_mixedptycho.words import counted

Floats = NDArray[np.float64]
Pairs = tuple[Correlations, Amplitudes]
_UNDONE = 50
"""Edits that can be taken back."""


class Columns:
    """The columns of the result on the desk."""

    def __init__(self, desk: Desk, steps: Steps, display: Display, book: Book) -> None:
        self._desk, self._page, self._display = desk, steps.analyse, display
        self._steps, self._book = steps, book
        self._layers = ColumnLayers(display.viewer, self._edited)
        self._before: list[Findings] = []
        self._after: list[Findings] = []
        self._last = -1
        self._chosen: int | None = None
        self._pairs: Pairs | None = None
        self._turned = False
        self._background = Background("mixedptycho pairs", desk, "Correlating pairs of columns")
        self._background.arrived.connect(self._show_pairs)
        self._background.failed.connect(lambda error: self._page.details.show_pairs(None, str(error)))
        page = self._page
        page.find_button.clicked.connect(lambda: desk.attempt(self.find))
        page.undo_button.clicked.connect(lambda: desk.attempt(self.undo))
        page.redo_button.clicked.connect(lambda: desk.attempt(self.redo))
        page.matter.changed.connect(self._tell)
        page.details.wanted.connect(self._turn)
        page.details.entry.chosen.connect(self._choose_number)
        page.details.column.stepped.connect(self._step)
        page.overlays.chosen.connect(self._layers.choose)
        page.overlays.magnified.connect(self._layers.magnify)
        desk.changed.connect(self._update_buttons)

    def find(self) -> None:
        """Find the columns of the result and show where they are in every state; raises `InputError`."""
        desk = self._desk
        found = self._measured(desk.needed_result, self._steps.motion_settings())
        self._before, self._after, self._last = [], [], max(found.numbers, default=-1)
        self._show(found)
        desk.said.emit(
            found.note or f"Found {counted(found.motion.n_columns, 'column')} in {self._display.run_name}."
        )

    def weigh(self) -> None:
        """Measure the same columns again, beside a control or a planted motion that has come since."""
        found = self._desk.found
        if found is not None:
            columns, numbers = found.motion.columns, list(found.numbers)
            self._show(self._measured(found.result, found.settings, columns, numbers))

    def undo(self) -> None:
        """Take back the last edit of the columns; raises `InputError` when there was none."""
        if not self._before or self._desk.found is None:
            raise InputError("No column was edited since they were found.")
        self._after.append(self._desk.found)
        self._show(self._before.pop())
        self._desk.said.emit("The last edit of the columns is taken back; Redo does it again.")

    def redo(self) -> None:
        """Do again the edit that was taken back last; raises `InputError` when there was none."""
        if not self._after or self._desk.found is None:
            raise InputError("No edit of the columns was taken back.")
        self._before.append(self._desk.found)
        self._show(self._after.pop())
        self._desk.said.emit("The edit of the columns is done again.")

    def choose(self, position: tuple[float, float]) -> bool:
        """Show the column nearest to a place in the viewer (y, x), Å, if one is near; tell whether it is."""
        near = self._layers.nearest(position)
        self._choose(near)
        return near is not None

    def release(self) -> None:
        """Let go of the viewer, and wait for what is being computed."""
        self._background.shutdown()
        self._layers.release()

    def _measured(
        self,
        result: Result,
        settings: MotionSettings,
        columns: Floats | None = None,
        numbers: list[int] | None = None,
    ) -> Findings:
        """Find the columns, or measure given ones; beside truth and control, where there are any."""
        motion = measure(result, settings, columns, numbers)
        region, rotation = result.recipe.data.scan_region, result.recipe.microscope.scan_rotation
        source = self._desk.source
        truth = None if source is None else truth_in(source, region, rotation)
        movable = motion.n_states > 1 and motion.n_columns > 0
        still = self._book.control_of(result) if movable else None
        found = Findings.of(result, None, truth, motion, settings)
        if still is None:
            return found
        beside = found.beside(still, self._steps.methods().floor)
        return replace(beside, recovery=self._book.recovery_of(result))

    def _show(self, found: Findings) -> None:
        self._desk.found = found
        self._layers.show(found, region_offset(found.result), self._display.run_name)
        self._pairs = None
        self._page.details.show_pairs(None, "")
        self._page.details.entry.show_numbers(found.numbers)
        self._tell()
        self._choose(None)
        self._pair(self._page.details.view)
        self._desk.changed.emit()

    def _tell(self) -> None:
        """Say how far the columns move, and what that means for what they are made of."""
        found = self._desk.found
        if found is not None:
            with suppress(InputError):  # of a half-typed entry, which is framed in red
                self._page.show_findings(found, self._page.matter.value())
                self._tell_pairs()

    def _turn(self, view: str) -> None:
        """Bring what was turned to into view: now, or once it is there."""
        self._turned = True
        self._page.reveal()
        self._pair(view)

    def _pair(self, view: str) -> None:
        """Correlate pairs when they are looked at, and beside the window: many columns take their time."""
        found = self._desk.found
        if view != PAIRS or found is None or self._pairs is not None or found.motion.n_states < 3:
            return
        trusted = found.motion.positions[:, ~found.motion.flagged]
        self._page.details.show_pairs(None, "Shuffling the states to see what chance would give …")
        settings = self._steps.methods().pairs
        self._background.ask(
            lambda post: post((correlations(trusted, settings), neighbour_amplitudes(trusted)))
        )

    def _show_pairs(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._tell_pairs()
        if self._turned:
            self._turned = False
            self._page.reveal()

    def _tell_pairs(self) -> None:
        if self._pairs is not None:
            text = about_pairs(*self._pairs, self._page.matter.value())
            self._page.details.show_pairs(self._pairs[0], text)

    def _edited(self, columns: Floats, numbers: list[int]) -> None:
        """Measure what a person has added, moved or removed; what cannot be measured is put back."""
        before = self._desk.found
        if before is None:
            return
        try:
            found = self._measured(before.result, before.settings, columns, self._numbered(numbers))
        except InputError as error:
            self._show(before)
            self._desk.complained.emit(f"The columns stay as they were. {error}")
            return
        self._before, self._after = [*self._before[-_UNDONE:], before], []
        self._show(found)
        self._desk.said.emit(
            f"Measured {counted(found.motion.n_columns, 'column')}. “Undo edit” takes the edit back."
        )

    def _numbered(self, numbers: list[int]) -> list[int]:
        """Give new columns numbers that no other has had, even one that has gone."""
        given = []
        for number in numbers:
            self._last += number == NEW
            given.append(self._last if number == NEW else number)
        return given

    def _choose_number(self, number: int | None) -> None:
        """Show the column of a number, in the viewer too; None: none."""
        found = self._desk.found
        if found is not None:
            self._go_to(None if number is None else list(found.numbers).index(number))

    def _step(self, rows: int, columns: int) -> None:
        """Go to the next column that way in the image."""
        found = self._desk.found
        if found is not None and self._chosen is not None:
            self._go_to(next_place(found.motion.mean, self._chosen, (rows, columns)))

    def _go_to(self, column: int | None) -> None:
        self._choose(column)
        if column is not None:
            self._layers.bring_into_view(column)

    def _choose(self, column: int | None) -> None:
        found = self._desk.found
        if found is None or column is None or column >= found.motion.n_columns:
            self._chosen = None
            self._layers.mark(None)
            self._page.details.entry.show_number(None)
            self._page.details.show_column(None, "")
            return
        self._chosen = column
        self._page.details.entry.show_number(found.numbers[column])
        motion, comparison = found.motion, found.comparison
        partner = partners(motion.positions, column) if motion.n_states > 2 else None
        true = None
        if comparison is not None and column in comparison.found:
            place = int(np.flatnonzero(comparison.found == column)[0])
            true = np.cov(comparison.true_positions[:, place].T, ddof=0)
        moved = motion.positions[:, column] - motion.mean[column]
        name = str(found.numbers[column])
        self._layers.mark(column, [] if partner is None else [int(index) for index in partner.found])
        self._page.details.show_column(
            Scatter(name, moved, motion.covariance[column], true), about_column(found, column, partner)
        )
        self._page.reveal()

    def _update_buttons(self) -> None:
        has_result, found = self._desk.result is not None, self._desk.found
        if found is None:
            self._before, self._after, self._pairs = [], [], None
            self._background.cancel()
        self._page.show_state(has_result=has_result)
        self._page.show_edits(len(self._before), len(self._after))
        self._page.overlays.show_state(found is not None, found is not None and found.comparison is not None)
