"""Which of several kinds of settings, each at most once: a check box each, and its settings below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_mixedptycho._napari.form.entries import Editor
from napari_mixedptycho._napari.form.names import INDENT, choice, common, explained, key_of
from napari_mixedptycho._napari.parts import tool
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings

_ABREAST = 2
"""Check boxes beside each other: more would widen the dock."""


class CheckList(Editor):
    """Edits a tuple of settings that `kind` tells apart, each kind at most once.

    The kinds that everyone needs and those that are ticked stand there; `head`, to be placed beside the
    label, shows the others.

    Parameters
    ----------
    kinds
        The classes.
    least
        How many must be ticked.
    """

    def __init__(self, kinds: tuple[type[Settings], ...], least: int = 0) -> None:
        super().__init__()
        self._least = least
        self._order: tuple[str, ...] = ()
        self.entries = {key_of(kind): Entry(kind, self._edited) for kind in kinds}
        self._common = common(kinds) or ()
        self.head = tool("", "The other kinds that there are", checkable=True)
        self.head.setProperty("more", True)
        self.head.toggled.connect(self._arrange)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(INDENT, 0, 0, 0)
        self._grid.setVerticalSpacing(0)
        for place in range(_ABREAST):
            self._grid.setColumnStretch(place, 1)
        column.addLayout(self._grid)
        for entry in self.entries.values():
            entry.box.changed.connect(self._ticked)
            entry.head.setParent(self)
            entry.unfold.toggled.connect(self._arrange)
            column.addWidget(entry.details)
        self._arrange()

    def value(self) -> tuple[Any, ...]:
        """Return the settings of the ticked kinds, those ticked last at the end; raises `InputError`."""
        if len(self._order) < self._least:
            raise InputError("tick at least one")
        values = []
        for key in self._order:
            try:
                values.append(self.entries[key].value())
            except InputError as error:
                raise InputError(f"{choice(key)}: {error}") from None
        return tuple(values)

    def set_value(self, value: Any) -> None:
        """Show settings of any of the kinds, silently."""
        self._order = tuple(key_of(type(settings)) for settings in value)
        for key, entry in self.entries.items():
            with entry.box.changed.blocked():
                entry.box.value = key in self._order
        for settings in value:
            self.entries[key_of(type(settings))].set_value(settings)
        self._arrange()

    def _ticked(self) -> None:
        ticked = [key for key, entry in self.entries.items() if entry.box.value]
        kept = [key for key in self._order if key in ticked]
        self._order = (*kept, *(key for key in ticked if key not in kept))
        self._arrange()
        self.changed.emit()

    def _edited(self) -> None:
        self.changed.emit()

    def _arrange(self) -> None:
        """Show the kinds that are common or ticked, or all of them, and the settings that are unfolded."""
        everything = self.head.isChecked()
        shown = [k for k in self.entries if everything or k in self._common or k in self._order]
        for key, entry in self.entries.items():
            self._grid.removeWidget(entry.head)
            entry.head.setVisible(key in shown)
            entry.unfold.setVisible(entry.has_settings and key in self._order)
            entry.details.setVisible(entry.unfold.isChecked() and key in self._order)
        for place, key in enumerate(shown):
            self._grid.addWidget(self.entries[key].head, place // _ABREAST, place % _ABREAST)
        self.head.setText("fewer" if everything else "more…" if shown else "none; choose…")
        self.head.setVisible(everything or len(shown) < len(self.entries))
        if not shown or self.parent() is not None:
            # Without a parent it would open a window of its own.
            self.setVisible(bool(shown))


class Entry:
    """One kind of the list.

    Attributes
    ----------
    box, unfold
        Whether it is wanted; shows its settings.
    head
        Both, beside each other.
    details
        Its settings, with its name above them; the form is made when first needed.
    """

    def __init__(self, kind: type[Settings], edited: Callable[[], None]) -> None:
        self._kind, self._edited = kind, edited
        self._form: Any = None
        self.has_settings = set(kind.model_fields) != {"kind"}
        self.box = CheckBox(text=choice(key_of(kind)))
        self.unfold: QToolButton = tool("…", "Settings of this entry", checkable=True)
        self.unfold.toggled.connect(self.form)
        self.head = QWidget()
        self.head.setToolTip(explained(kind))
        row = QHBoxLayout(self.head)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.box.native)
        row.addWidget(self.unfold)
        row.addStretch(1)
        self.details = QWidget()
        self._column = QVBoxLayout(self.details)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        title = QLabel(choice(key_of(kind)))
        title.setProperty("heading", True)
        title.setIndent(INDENT)
        self._column.addWidget(title)

    def value(self) -> Any:
        """Return its settings; raises `InputError`."""
        return self.form().value()

    def set_value(self, value: Settings) -> None:
        """Show its settings, silently."""
        self.form().set_value(value)

    def form(self, *_: object) -> Any:
        """Return its form."""
        from napari_mixedptycho._napari.form.form import SettingsForm

        if self._form is None:
            self._form = SettingsForm(self._kind)
            self._form.indent(2 * INDENT)
            self._form.changed.connect(self._edited)
            self._column.addWidget(self._form)
        return self._form
