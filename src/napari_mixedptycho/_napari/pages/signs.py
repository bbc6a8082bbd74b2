"""What a run noticed: doubts about the data, and signs that no good reconstruction shows."""

from __future__ import annotations

import html
from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_mixedptycho._napari.pages.page import words
from napari_mixedptycho._napari.parts import mark
from napari_mixedptycho.engine.health import Alarm

_SHOWN = 2
"""Sentences that are written out; more would push the curves off a small screen."""


class Signs:
    """Two labels that are there only when there is something to say.

    Attributes
    ----------
    symptoms
        The first few signs, each with its remedy; all of them under the pointer.
    count
        How many signs there are.
    doubts
        What may be wrong with the data or the recipe; the same for the whole run.
    """

    def __init__(self) -> None:
        self.symptoms, self.doubts = words(), words()
        mark(self.doubts, "note", True)
        self.count = 0
        self._doubts: list[str] = []
        self._news: list[str] = []
        for label in (self.symptoms, self.doubts):
            label.setVisible(False)
            label.setTextFormat(Qt.TextFormat.RichText)

    def clear(self) -> None:
        """Forget an earlier run."""
        self._news.clear()
        self.show_alarms(())
        self.show_doubts(())

    def show_alarms(self, alarms: Sequence[Alarm]) -> None:
        """Name what was seen, and say what to do."""
        self.count = len(alarms)
        texts = [f"<b>{html.escape(alarm.symptom)}</b> {html.escape(alarm.remedy)}" for alarm in alarms]
        self._write(self.symptoms, _first(texts), texts)
        mark(self.symptoms, "warn", bool(texts))

    def show_doubts(self, doubts: Sequence[str]) -> None:
        """Say what may be wrong before anything was computed."""
        self._doubts = [html.escape(text) for text in doubts]
        self._write_doubts()

    def show_news(self, news: Sequence[str]) -> None:
        """Say what has happened to the computing: it stays on screen for the whole run."""
        if news:
            self._news += [html.escape(text) for text in news]
            self._write_doubts()

    def _write_doubts(self) -> None:
        texts = [*self._news[::-1], *self._doubts]
        self._write(self.doubts, _first(texts), texts)

    @staticmethod
    def _write(label: QLabel, shown: Sequence[str], everything: Sequence[str]) -> None:
        text = "<br>".join(shown)
        if text != label.text():
            label.setText(text)
            label.setToolTip(f"<qt>{'<br><br>'.join(everything)}</qt>" if everything else "")
            label.setVisible(bool(text))


def _first(texts: Sequence[str]) -> list[str]:
    more = len(texts) - _SHOWN
    return [*texts[:_SHOWN], *([f"And {more} more: rest the pointer here."] if more > 0 else [])]
