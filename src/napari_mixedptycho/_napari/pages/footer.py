"""The line at the bottom: what is happening, how far it is, and what went wrong."""

from __future__ import annotations

import html
from pathlib import Path

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from napari_mixedptycho._napari.pages.page import words
from napari_mixedptycho._napari.parts import Steady, mark, tool
from napari_mixedptycho.reconstruct import Progress
from napari_mixedptycho.words import duration

_OFFERED = 20_000
"""Milliseconds for which the button stands there."""


class Footer(QWidget):
    """Progress bar and status line, always in view."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setVisible(False)
        self.status = words()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 2, 8, 6)
        column.setSpacing(4)
        column.addWidget(self.bar)
        row = QHBoxLayout()
        row.addWidget(Steady(self.status, lines=2), 1)
        self.undo_button = tool("Undo")
        self.undo_button.setVisible(False)
        row.addWidget(self.undo_button)
        column.addLayout(row)
        self._fade = QTimer(self)
        self._fade.setSingleShot(True)
        self._fade.timeout.connect(lambda: self.undo_button.setVisible(False))

    def say(self, text: str, *, error: bool = False) -> None:
        """Write the status line."""
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._write(text, error=error)

    def _write(self, text: str, *, error: bool = False) -> None:
        self.status.setText(text)
        mark(self.status, "error", error)

    def offer_undo(self, what: str) -> None:
        """Offer for a while to take something back, which the menu does later too; nothing: no more."""
        self.undo_button.setToolTip(f"<qt>Take back: {html.escape(what)}. Also in the menu ⋯</qt>")
        self.undo_button.setVisible(bool(what))
        self._fade.start(_OFFERED)

    def show_copy(self, copy: Path | None) -> None:
        """Say under the pointer where a copy of the result is kept."""
        tip = f"<qt>Until you save the result, a copy is kept in {html.escape(str(copy))}</qt>"
        self.status.setToolTip("" if copy is None else tip)

    def begin(self, iterations: int) -> None:
        """Show an empty bar."""
        self.bar.setRange(0, iterations)
        self.bar.setValue(0)
        self.bar.setFormat("%v of %m iterations")
        self.bar.setVisible(True)

    def show_count(self, done: int) -> None:
        """Show how many iterations are done."""
        # The bar would be drawn at once, and the whole window with it: let it wait for the rest of the news.
        self.bar.setUpdatesEnabled(False)
        self.bar.setValue(done)
        self.bar.setUpdatesEnabled(True)

    def show_progress(self, progress: Progress, before: str = "") -> None:
        """Show where a run stands; `before` stands at the front of the line."""
        self.show_count(progress.iteration)
        parts = [
            f"stage {progress.stage}",
            f"iteration {progress.iteration} of {progress.iterations}",
            f"loss {progress.loss:.4g}{_held_out(progress)}",
        ]
        if progress.held_out is None:
            parts.append(f"{duration(progress.seconds)} per iteration")
        if progress.iteration < progress.iterations:
            parts.append(f"{duration(progress.remaining)} left")
        if progress.result.estimate.states > 1:
            parts.append(f"state separation {progress.separation:.3f}")
        # Words that can be selected are drawn twice.
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self._write(before + ", ".join(parts))


def _held_out(progress: Progress) -> str:
    return "" if progress.held_out is None else f" (held out {progress.held_out:.4g})"
