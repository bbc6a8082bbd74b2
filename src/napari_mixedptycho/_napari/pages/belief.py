"""Whether to believe the motion: two buttons, and beside each what it has found."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_mixedptycho._napari.pages.page import button, words
from napari_mixedptycho._napari.parts import enable, mark
from napari_mixedptycho.analysis import Verdict
from napari_mixedptycho.analysis.recovery import Recovery
from napari_mixedptycho.export import Findings

_CONTROL = (
    "Simulate the mean object at rest with the same probe, scan, detector and dose, and reconstruct that by "
    "the same recipe: what then seems to move is the floor. Takes as long as the result did."
)
_PLANTED = (
    "Set the mean object in a known motion (usually 0.05 Å), reconstruct that by the same recipe at the same "
    "dose, and tell how much is found: what a verdict “not resolved”, or the size of a motion, is worth. "
    "Takes as long as the result did, twice that where the control is not there yet."
)
_UNKNOWN = "A wrong model looks like motion too: only the control tells."
_SIGNS = {True: "✓ ", False: "✗ ", None: ""}


class Belief(QWidget):
    """The stationary control with its verdict, and a planted motion with what was found of it."""

    def __init__(self) -> None:
        super().__init__()
        self.control_button = button("Stationary control", _CONTROL)
        self.planted_button = button("Planted motion", _PLANTED)
        self.verdict, self.recovery = words(), words()
        buttons, column = QHBoxLayout(), QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(buttons)
        for made in (self.control_button, self.planted_button):
            buttons.addWidget(made)
        buttons.addStretch(1)
        for text in (self.verdict, self.recovery):
            column.addWidget(text)

    def allow(self, reason: str) -> None:
        """Enable both buttons, or say why they cannot be pressed."""
        enable(self.control_button, reason, _CONTROL)
        enable(self.planted_button, reason, _PLANTED)

    def tell(self, found: Findings) -> None:
        """Say what is known of a result; what is not known yet leaves what was said last."""
        verdict, recovery = found.verdict, found.recovery
        if verdict is not None:
            self.show_verdict(f"{verdict.sentence()} {found.drift}".strip(), verdict.resolved)
        elif not self.verdict.text():
            self.show_verdict(_UNKNOWN, None)
        if recovery is not None:
            self.show_recovery(recovery.sentence(), recovery.resolved)

    def tell_known(
        self, of: str, verdict: Verdict | None, drift: str, recovery: Recovery | None, coming: tuple[str, str]
    ) -> None:
        """Say what is known of a run before its columns are found.

        Parameters
        ----------
        of
            Its name where another one is on the screen: its control, or a motion planted in it; else nothing.
        verdict, drift, recovery
            As of `Findings`; None: not known.
        coming
            What to say of verdict and recovery while they are not known, or nothing.
        """
        about = f"{of}: " if of else ""
        if verdict is None:
            self.show_verdict(coming[0], None)
        else:
            self.show_verdict(f"{about}{verdict.sentence()} {drift}".strip(), verdict.resolved)
        if recovery is None:
            self.show_recovery(coming[1], None)
        else:
            self.show_recovery(f"{about}{recovery.sentence()}", recovery.resolved)

    def show_verdict(self, text: str, resolved: bool | None) -> None:
        """Say what the control has found; None: not known yet."""
        _say(self.verdict, text, resolved)

    def show_recovery(self, text: str, resolved: bool | None) -> None:
        """Say how much of a planted motion was found; None: not known yet."""
        _say(self.recovery, text, resolved)

    def clear(self) -> None:
        """Forget an earlier result."""
        self.show_verdict("", None)
        self.show_recovery("", None)


def _say(label: QLabel, text: str, resolved: bool | None) -> None:
    label.setText(_SIGNS[resolved] + text)
    label.setVisible(bool(text))
    mark(label, "warn", resolved is False)
