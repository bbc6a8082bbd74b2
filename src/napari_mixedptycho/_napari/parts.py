"""Small widgets that every page uses."""

from __future__ import annotations

from qtpy.QtWidgets import QToolButton, QWidget


def tool(text: str, tip: str = "", *, checkable: bool = False, checked: bool = False) -> QToolButton:
    """Return a flat button."""
    made = QToolButton()
    made.setText(text)
    made.setToolTip(f"<qt>{tip}</qt>" if tip else "")
    made.setCheckable(checkable)
    made.setChecked(checked)
    return made


def mark(widget: QWidget, name: str, value: bool) -> None:
    """Set a property that the style sheet looks at, and have the widget drawn anew when it changed."""
    if bool(widget.property(name)) != value:
        widget.setProperty(name, value)
        style = widget.style()
        if style is not None:
            style.unpolish(widget)
            style.polish(widget)
