"""What a run shows: images in the viewer, and one chart at a time beside them."""

from __future__ import annotations

import time
from collections.abc import Mapping

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_mixedptycho._napari.charts import LossChart, ProbeView
from napari_mixedptycho._napari.live_charts import PatternsView, SpectrumView
from napari_mixedptycho._napari.pages.page import filler, words
from napari_mixedptycho._napari.pages.signs import Signs
from napari_mixedptycho._napari.parts import Steady, choices, enable, tool
from napari_mixedptycho._napari.preferences import preference
from napari_mixedptycho._napari.separation_chart import SeparationChart
from napari_mixedptycho.result import Result

SHOWN = {
    "mean phase": "Projected phase, mean over the states",
    "phase": "Every state and slice: move the sliders below the image, or , and .",
    "state spread": "Standard deviation over the states: the map of motion",
    "amplitude": "Modulus of the transmission, every state and slice; a low one tells of absorption, or of "
    "a probe that is not right",
    "colour wheel": "Every state and slice at once: colour is the phase, brightness the modulus",
}
_SHORT = {"mean phase": "Mean", "state spread": "Spread", "colour wheel": "Colour"}
_COMPLEX = ("amplitude", "colour wheel")
CHARTS = {
    "loss": "Loss against iteration; earlier runs faint. L: logarithmic or not",
    "probe": "Brightness: amplitude; colour: phase; with the share of each mode in the power",
    "pattern": "Measured, predicted and what is left, at the scan point you click in the image",
    "FFT": "Power spectrum of the mean phase; drag the ring to read 1/Å and Å",
    "separation": "How far the states are apart, in their phase and, if they are displaced copies, in Å; "
    "grows and levels off in a good run",
}
_HINT = "States separate late: with more states the loss may at first lie above that of the stage before."
_PLAY = "Play through the states, as if they were moments in time"
_FACTS = (
    "Evaluations: how often loss and gradient of all patterns were computed, the cost of a run. Memory: of "
    "this program, and of each GPU that the run computes on, other programs there included. Little free: "
    "take fewer states or slices"
)
_SLOW = 1.0
"""Seconds between two power spectra: they cost more than a curve."""


class Watch(QWidget):
    """Images and charts.

    Signals
    -------
    shown
        The name of the images wanted in the viewer.
    turned
        The name of the chart wanted.
    played
        The next state is wanted.
    """

    shown = Signal(str)
    turned = Signal(str)
    played = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._result: Result | None = None
        self._drawn = 0.0
        self.loss, self.separation, self.probe = LossChart(), SeparationChart(), ProbeView()
        self.patterns, self.spectrum = PatternsView(), SpectrumView()
        self._charts: dict[str, QWidget] = {
            "loss": self.loss,
            "probe": self.probe,
            "pattern": self.patterns,
            "FFT": self.spectrum,
            "separation": self.separation,
        }
        self.signs, self.found, self.hint, self.facts = Signs(), words(), words(_HINT), words()
        self.facts.setToolTip(f"<qt>{_FACTS}</qt>")
        self.mode = QComboBox()
        self.mode.setToolTip("<qt>Which probe mode is drawn: brightness is amplitude, colour is phase</qt>")
        self.mode.currentIndexChanged.connect(self._draw_probe)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.played)
        self._empty = words("Nothing runs yet. Here you will see the object, the loss and the probe grow.")
        self._lay_out()

    @property
    def canvases(self) -> tuple[QWidget, ...]:
        """All that is drawn here and follows the theme."""
        return (self.loss, self.separation, self.probe, self.patterns, self.spectrum)

    @property
    def chart(self) -> str:
        """The name of the chart in front."""
        return next(name for name, made in self.chart_buttons.items() if made.isChecked())

    def turn(self, name: str) -> None:
        """Bring a chart to the front."""
        self.chart_buttons[name].setChecked(True)
        self._show_chart()
        self.redraw()
        self.turned.emit(name)

    def start(self) -> None:
        """Begin a new run."""
        self._result = None
        self.loss.start()
        self.separation.start()
        self.patterns.forget()
        self.signs.clear()
        self.facts.setText("")

    def show_result(self, result: Result) -> None:
        """Draw the chart in front; the others when they are turned to."""
        self._result = result
        self.loss.show_history(result.history, result.recipe)
        self.separation.show_history(result.history, result.recipe)
        several = result.estimate.states > 1
        self.hint.setVisible(several)
        found = "; ".join(result.instrument)
        self.found.setText(f"Found: {found}." if found else "")
        self.found.setVisible(bool(found))
        self._list_modes(result.estimate.modes)
        for name in _COMPLEX:
            self.show_buttons[name].setVisible(result.recipe.model.object_type == "complex")
        still = "" if result.recipe.model.states > 1 else "There is one object state"
        enable(self.play_button, still, _PLAY)
        self._empty.setVisible(False)
        self._show_chart()
        self._draw()

    def redraw(self) -> None:
        """Draw the chart in front now: nothing follows for a while."""
        self._drawn = 0.0
        self._draw()

    def show_facts(self, text: str) -> None:
        """Say how fast it goes and what it takes."""
        self.facts.setText(text)
        self.facts.setVisible(bool(text))

    def choose(self, name: str) -> None:
        """Mark which images are in the viewer."""
        self.show_buttons[name].setChecked(True)

    def _draw(self) -> None:
        if self._result is None:
            return
        if self.chart == "probe":
            self._draw_probe()
        elif self.chart == "FFT" and time.monotonic() - self._drawn > _SLOW:
            self._drawn = time.monotonic()
            self.spectrum.show_phase(self._result)

    def _draw_probe(self) -> None:
        if self._result is not None and self.chart == "probe":
            mode = min(max(self.mode.currentIndex(), 0), self._result.estimate.modes - 1)
            self.probe.show_mode(self._result.estimate.probe, mode, self._result.sampling)

    def _list_modes(self, modes: int) -> None:
        if self.mode.count() != modes:
            self.mode.blockSignals(True)
            self.mode.clear()
            self.mode.addItems([f"Probe mode {index}" for index in range(modes)])
            self.mode.blockSignals(False)

    def _show_chart(self) -> None:
        there = self._result is not None
        for name, chart in self._charts.items():
            chart.setVisible(there and name == self.chart)
        self.mode.setVisible(there and self.chart == "probe" and self.mode.count() > 1)
        self._filler.setVisible(not there)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self._show_row())
        column.addLayout(self._chart_row())
        column.addWidget(self._empty)
        column.addWidget(self.mode)
        for chart in self._charts.values():
            column.addWidget(chart, 1)
        self._filler = filler()
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.facts.setVisible(False)
        column.addWidget(Steady(self.facts))
        for widget in (self.signs.symptoms, self.found, self.signs.doubts, self.hint):
            column.addWidget(widget)
            widget.setVisible(False)
        column.addWidget(self._filler, 1)
        self._show_chart()

    def _show_row(self) -> QHBoxLayout:
        row = _row("Image")
        self.show_buttons = choices(row, _titled(SHOWN), self.shown.emit)
        for name in _COMPLEX:
            self.show_buttons[name].setVisible(False)
        self.play_button = tool("▶", _PLAY, checkable=True)
        self.play_button.setProperty("step", True)
        self.play_button.toggled.connect(self._play)
        row.addWidget(self.play_button)
        row.addStretch(1)
        return row

    def _chart_row(self) -> QHBoxLayout:
        row = _row("Chart")
        self.chart_buttons = choices(row, _titled(CHARTS), self.turn)
        self.chart_buttons["loss"].setChecked(True)
        self.show_buttons["mean phase"].setChecked(True)
        row.addStretch(1)
        return row

    def _play(self, playing: bool) -> None:
        self.play_button.setText("■" if playing else "▶")
        if playing:
            self.shown.emit("phase")
            self.choose("phase")
            self._timer.start(preference("milliseconds_per_state"))
        else:
            self._timer.stop()


def _row(title: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(1)
    label = QLabel(title)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    label.setMinimumWidth(label.fontMetrics().horizontalAdvance("Image") + 6)
    row.addWidget(label)
    return row


def _titled(tips: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    return {name: (_SHORT.get(name, name[:1].upper() + name[1:]), tip) for name, tip in tips.items()}
