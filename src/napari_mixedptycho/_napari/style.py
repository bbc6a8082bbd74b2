"""Colours of the dock: taken from napari's theme, light or dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari.utils.theme import get_theme


@dataclass(frozen=True)
class Palette:
    """Colours as ``#rrggbb``."""

    background: str
    canvas: str
    text: str
    faint: str
    hint: str
    resting: str
    accent: str
    on_accent: str
    warning: str
    error: str
    good: str
    curves: tuple[str, ...]

    @classmethod
    def of(cls, theme: str) -> Palette:
        """Take the colours of a theme of napari."""
        colours = get_theme(theme)
        dark = _light(colours.background) < 0.5
        return cls(
            background=colours.background.as_hex("long"),
            canvas="#15171c" if dark else "#ffffff",
            text=colours.text.as_hex("long"),
            faint=colours.secondary.as_hex("long"),
            hint="#b9bec8" if dark else "#45454d",
            resting="#868c97" if dark else "#77777f",
            accent=colours.current.as_hex("long"),
            on_accent="#ffffff" if _light(colours.current) < 0.45 else "#111111",
            warning="#f0b429" if dark else "#8a5a00",
            error="#ff7b72" if dark else "#b3261e",
            good="#4cc38a" if dark else "#00663f",
            # Okabe and Ito's colours, told apart by all eyes.
            curves=("#56b4e9", "#e69f00", "#2cb58a", "#cc79a7")
            if dark
            else ("#0072b2", "#b35900", "#007a57", "#a03c77"),
        )

    def sheet(self) -> str:
        """Return the style sheet of the dock, on top of napari's."""
        return f"""
        QToolButton, QComboBox, QLineEdit, QAbstractSpinBox, QGraphicsView, QListWidget, QTableWidget,
        QLabel[picture="true"]
        {{ border: 1px solid transparent; }}
        QPushButton[primary="true"] {{ font-weight: bold; }}
        QPushButton[primary="true"] {{ background-color: {self.accent}; color: {self.on_accent}; }}
        QPushButton[primary="true"]:disabled {{ background-color: {self.faint}; color: {self.background}; }}
        QToolButton[step="true"] {{ border-bottom: 2px solid {self.faint}; padding: 5px 1px; }}
        QToolButton[step="true"]:checked {{ border-bottom: 2px solid {self.accent}; font-weight: bold; }}
        QToolButton[fold="true"] {{ text-align: left; padding: 2px; font-weight: bold; }}
        QToolButton[more="true"] {{ color: {self.hint}; text-decoration: underline; }}
        QToolButton[more="true"] {{ background: transparent; padding: 2px 0px; text-align: left; }}
        QToolButton[row="true"] {{ border-radius: 3px; background: transparent; }}
        QToolButton[row="true"]:hover, QToolButton[row="true"]:checked {{ background: {self.canvas}; }}
        QToolButton[row="true"]:checked {{ border: 1px solid {self.accent}; }}
        QLabel[good="true"] {{ color: {self.good}; }}
        QLabel[heading="true"] {{ font-weight: bold; padding-top: 4px; }}
        QLabel[note="true"] {{ color: {self.text}; font-size: 11px; }}
        QLabel[warn="true"] {{ color: {self.warning}; }}
        QLabel[error="true"] {{ color: {self.error}; }}
        QComboBox {{ padding: 3px 0px 3px 4px; }}
        QLineEdit {{ placeholder-text-color: {self.hint}; }}
        QLineEdit:disabled {{ placeholder-text-color: {self.resting}; }}
        QPushButton:focus, QCheckBox:focus, QSlider:focus
        {{ outline: 2px solid {self.text}; }}
        QToolButton:focus, QComboBox:focus, QLineEdit:focus, QAbstractSpinBox:focus, QGraphicsView:focus,
        QListWidget:focus, QTableWidget:focus, QLabel[picture="true"]:focus
        {{ border: 1px solid {self.text}; }}
        QLineEdit[invalid="true"] {{ border: 1px solid {self.error}; }}
        QLineEdit[invalid="true"]:focus {{ border: 2px solid {self.error}; }}
        """


def _light(colour: Any) -> float:
    """Return how light a colour looks, 0 to 1 (Rec. 709 weights)."""
    red, green, blue = colour.as_rgb_tuple()[:3]
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
