"""Editors of single values: each shows a value, gives it back, and says when it was changed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from pydantic import TypeAdapter, ValidationError
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from napari_mixedptycho._napari.form.names import choice
from napari_mixedptycho._napari.parts import mark
from napari_mixedptycho.errors import InputError


class Editor(QWidget):
    """A widget that mirrors one value.

    Signals
    -------
    changed
        The person at the screen changed something; `set_value` is silent.
    """

    changed = Signal()

    def value(self) -> Any:
        """Return the value; raises `InputError` when what is entered is not allowed."""
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        """Show a value, silently."""
        raise NotImplementedError

    def set_hint(self, text: str) -> None:
        """Say what an empty entry stands for."""


class Leaf(Editor):
    """An editor around one widget of magicgui."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner
        native: QWidget = inner.native
        native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        native.setMinimumWidth(60)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(native)
        self.setFocusProxy(native)
        # Rolling the page must not change the numbers that pass under the pointer.
        native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        native.installEventFilter(self)
        inner.changed.connect(self._tell)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Leave the wheel to the page unless the entry has the focus."""
        if event is not None and event.type() == QEvent.Type.Wheel and not self.inner.native.hasFocus():
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))

    def value(self) -> Any:
        """Return the value."""
        return self.inner.value

    def set_value(self, value: Any) -> None:
        """Show a value, silently."""
        with self.inner.changed.blocked():
            self.inner.value = value

    def _tell(self) -> None:
        self.changed.emit()


class Flag(Leaf):
    """Yes or no."""

    def __init__(self) -> None:
        super().__init__(CheckBox(text=""))


class Choice(Leaf):
    """One of several."""

    def __init__(self, values: Sequence[Any]) -> None:
        super().__init__(ComboBox(choices=[(choice(value), value) for value in values]))
        self.inner.native.setMinimumContentsLength(6)

    def explain(self, tips: Mapping[Any, str]) -> None:
        """Say of each value, under the pointer, what it is."""
        for index, value in enumerate(self.inner.choices):
            if value in tips:
                self.inner.native.setItemData(index, tips[value], Qt.ItemDataRole.ToolTipRole)


class OptionalChoice(Choice):
    """One of several, or none of them."""

    def __init__(self, values: Sequence[str]) -> None:
        super().__init__(("", *values))

    def value(self) -> str | None:
        """Return the value; None for none."""
        return super().value() or None

    def set_value(self, value: str | None) -> None:
        """Show a value, silently."""
        super().set_value(value or "")

    def set_hint(self, text: str) -> None:
        """Say what none of them stands for."""
        self.inner.native.setItemText(0, text)


class Count(Leaf):
    """A whole number between two bounds."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__(SpinBox(min=low, max=high))
        self.inner.native.setKeyboardTracking(False)

    def value(self) -> int:
        """Return the number, also when it was typed and not yet left."""
        self.inner.native.interpretText()
        return int(self.inner.value)


class Text(Leaf):
    """Free text, or numbers as text: they may span decades, and none is rounded.

    Parameters
    ----------
    adapter
        Knows which values are allowed.
    optional
        An empty entry stands for None.
    """

    def __init__(self, adapter: TypeAdapter[Any], optional: bool) -> None:
        super().__init__(LineEdit())
        self._adapter, self._optional = adapter, optional

    def set_hint(self, text: str) -> None:
        """Say what an empty entry stands for."""
        self.inner.native.setPlaceholderText(text if self._optional else "")

    def value(self) -> Any:
        """Return the value; raises `InputError` when it is not allowed."""
        text = str(self.inner.value).strip()
        if not text and self._optional:
            return None
        try:
            return self._adapter.validate_python(self.parse(text))
        except ValidationError as error:
            raise InputError(error.errors()[0]["msg"].lower()) from None

    def set_value(self, value: Any) -> None:
        """Show a value, silently."""
        super().set_value("" if value is None else self.format(value))
        self._mark()

    def parse(self, text: str) -> Any:
        """Turn text into a value."""
        return text

    def format(self, value: Any) -> str:
        """Turn a value into text that parses to the same value."""
        return str(value)

    def _tell(self) -> None:
        self._mark()
        super()._tell()

    def _mark(self) -> None:
        """Frame what is not allowed in red, by the style sheet of the dock."""
        try:
            self.value()
            wrong = False
        except InputError:
            wrong = True
        mark(self.inner.native, "invalid", wrong)


class Number(Text):
    """A number as text."""

    def __init__(self, adapter: TypeAdapter[Any], optional: bool, kind: type[int] | type[float]) -> None:
        self._kind = kind
        super().__init__(adapter, optional)

    def parse(self, text: str) -> int | float:
        """Turn text into a number; raises `InputError`."""
        return _number(text, self._kind)

    def format(self, value: Any) -> str:
        """Turn a number into the shortest text that gives it back."""
        return _shortest(value)


class Numbers(Text):
    """Several numbers, separated by commas."""

    def __init__(self, adapter: TypeAdapter[Any], optional: bool, kinds: Sequence[Any]) -> None:
        self._kinds = tuple(kinds)
        super().__init__(adapter, optional)

    def parse(self, text: str) -> tuple[int | float, ...]:
        """Turn text into numbers; raises `InputError`."""
        parts = [part for part in text.replace(";", ",").split(",") if part.strip()]
        if len(parts) != len(self._kinds):
            raise InputError(f"{len(self._kinds)} numbers separated by commas are needed, found '{text}'")
        return tuple(_number(part, kind) for part, kind in zip(parts, self._kinds, strict=True))

    def format(self, value: Any) -> str:
        """Turn numbers into text."""
        return ", ".join(_shortest(part) for part in value)


class Groups(Numbers):
    """Groups of numbers: commas inside a group, a semicolon between two; an empty entry has none."""

    def parse(self, text: str) -> Any:
        """Turn text into groups of numbers; raises `InputError`."""
        return tuple(super(Groups, self).parse(group) for group in text.split(";") if group.strip())

    def format(self, value: Any) -> str:
        """Turn groups of numbers into text."""
        return "; ".join(super(Groups, self).format(group) for group in value)


class Several(Editor):
    """Any of several values, as check boxes; keeps the order in which they were given."""

    def __init__(self, values: Sequence[str]) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        self._boxes = {value: CheckBox(text=choice(value)) for value in values}
        self._order: tuple[str, ...] = ()
        for index, box in enumerate(self._boxes.values()):
            # Two beside each other: more would widen the dock.
            grid.addWidget(box.native, index // 2, index % 2)
            box.changed.connect(self._tell)

    def value(self) -> tuple[str, ...]:
        """Return the checked values."""
        checked = [value for value, box in self._boxes.items() if box.value]
        return (*(v for v in self._order if v in checked), *(v for v in checked if v not in self._order))

    def set_value(self, value: Any) -> None:
        """Show which values are chosen, silently."""
        self._order = tuple(value)
        for name, box in self._boxes.items():
            with box.changed.blocked():
                box.value = name in self._order

    def _tell(self) -> None:
        self.changed.emit()


def _number(text: str, kind: type[int] | type[float]) -> int | float:
    text = "".join(text.split())
    try:
        return kind(text)
    except ValueError:
        article = "a whole number" if kind is int else "a number"
        raise InputError(f"'{text}' is not {article}") from None


def _shortest(value: float) -> str:
    return repr(value).removesuffix(".0")
