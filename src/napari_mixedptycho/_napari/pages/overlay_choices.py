"""What is drawn over the image of how the columns move, and how much enlarged."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from napari_mixedptycho._napari.overlays import BARS, ELLIPSES, MAGNIFICATION, SCATTER, TRUTH
from napari_mixedptycho._napari.parts import enable, tool

_CHOICES = {
    SCATTER: ("States", "The centre of every column in every state, coloured by state; a cross is the mean"),
    BARS: ("Mean ± sd", "The standard deviation over the states along y and x, as bars through the mean"),
    ELLIPSES: ("1σ ellipses", "The ellipse within which a state lies with 39 % probability"),
    TRUTH: ("To the truth", "Arrows from the measured to the true mean position, where the truth is known"),
}
_LARGEST = 40
_TIP = (
    "How many times larger displacements are drawn than they are. Thermal motion is a twentieth of an "
    "ångström; when ellipses of neighbours overlap, take less."
)


class OverlayChoices(QWidget):
    """Toggles and a slider.

    Signals
    -------
    chosen
        What, and whether it shall be shown.
    magnified
        How many times larger displacements shall be drawn.
    """

    chosen = Signal(str, bool)
    magnified = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[str, QToolButton] = {}
        first = QHBoxLayout()
        first.setSpacing(2)
        first.addWidget(QLabel("Show"))
        for name, (words, tip) in _CHOICES.items():
            choice = tool(words, tip, checkable=True, checked=name == SCATTER)
            choice.setProperty("step", True)
            choice.toggled.connect(lambda on, name=name: self.chosen.emit(name, on))
            first.addWidget(choice)
            self.buttons[name] = choice
        first.addStretch(1)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, _LARGEST)
        self.slider.setValue(MAGNIFICATION)
        self.slider.valueChanged.connect(self._magnify)
        self._times = QLabel()
        self._times.setMinimumWidth(self._times.fontMetrics().horizontalAdvance(f"× {_LARGEST} "))
        heading = QLabel("Enlarged")
        for widget in (heading, self.slider, self._times):
            widget.setToolTip(f"<qt>{_TIP}</qt>")
        second = QHBoxLayout()
        for widget in (heading, self.slider, self._times):
            second.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(first)
        column.addLayout(second)
        self._magnify(MAGNIFICATION)

    def show_state(self, has_columns: bool, has_truth: bool) -> None:
        """Enable what can be shown."""
        for name, button in self.buttons.items():
            reason = "" if has_columns else "Find the columns first"
            if name == TRUTH and not (reason or has_truth):
                reason = "The true positions are not known"
            enable(button, reason, _CHOICES[name][1])
        enable(self.slider, "" if has_columns else "Find the columns first", _TIP)

    def _magnify(self, times: int) -> None:
        self._times.setText(f"× {times}")
        self.magnified.emit(float(times))
