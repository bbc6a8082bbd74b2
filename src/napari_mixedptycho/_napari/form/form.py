"""The form of one settings class: labels, editors and units in aligned columns, the rest in a fold."""

from __future__ import annotations

from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_mixedptycho._napari.form import build
from napari_mixedptycho._napari.form.checklist import CheckList
from napari_mixedptycho._napari.form.entries import Choice, Editor
from napari_mixedptycho._napari.form.names import (
    INDENT,
    choice,
    explained,
    front,
    key_of,
    label,
    tooltip,
    unit,
    unset,
)
from napari_mixedptycho._napari.form.paths import FILTERS, FileName
from napari_mixedptycho._napari.parts import enable, mark, tool
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.settings import Settings, explain

_LONGEST_LABEL, _LONGEST_UNIT = "Patterns per update", "mrad"
"""What the columns must hold: the same in every form, so that all of them line up."""

_NONE = "none"
_WRONG = "✗"
_REST = "Settings that are right for most data as they stand"


class Fold(QWidget):
    """A heading that shows and hides what lies under it."""

    def __init__(self, title: str, content: QWidget, tip: str, *, opened: bool = False) -> None:
        super().__init__()
        self.button = tool(title, tip, checkable=True, checked=opened)
        self.button.setProperty("fold", True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._content = content
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.button)
        column.addWidget(content)
        self.button.toggled.connect(self.open)
        self.open(opened)

    def open(self, opened: bool) -> None:
        """Show or hide the content."""
        self.button.setChecked(opened)
        self.button.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self._content.setVisible(opened)


class SettingsForm(Editor):
    """Edits one settings class; `value()` returns what `set_value()` was given.

    Parameters
    ----------
    kind
        The class.
    hidden
        Fields that are kept but not shown.
    """

    def __init__(self, kind: type[Settings], hidden: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.kind = kind
        self.editors: dict[str, Editor] = {}
        self._notes: dict[str, QLabel] = {}
        self._kept: dict[str, Any] = {}
        self._hidden = hidden
        self._grids: list[QGridLayout] = []
        self._indent = 0
        # Hidden labels: they tell how wide these words really are, in this font and theme.
        self._rulers = {0: QLabel(_LONGEST_LABEL, self), 2: QLabel(_LONGEST_UNIT, self)}
        for ruler in self._rulers.values():
            ruler.hide()
        first, rest = front(kind, hidden)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self._rows(first))
        self.fold = Fold("Advanced", self._rows(rest), _REST) if rest else None
        if self.fold is not None:
            self._column.addWidget(self.fold)
        self._align()
        self.set_value(kind())

    def value(self) -> Any:
        """Return the settings; raises `InputError` that names the field."""
        values = dict(self._kept)
        for name, editor in self.editors.items():
            try:
                values[name] = editor.value()
            except InputError as error:
                raise InputError(f"{label(name)}: {error}") from None
        try:
            return self.kind(**values)
        except ValidationError as error:
            raise InputError(explain(error, choice(self.kind.__name__))) from None

    def set_value(self, value: Any) -> None:
        """Show settings, silently."""
        self._kept = {name: getattr(value, name) for name in self._hidden}
        for name, editor in self.editors.items():
            editor.set_value(getattr(value, name))
            self._check(name)

    def set_note(self, name: str, text: str, *, warn: bool = False) -> None:
        """Write a note under a field: where its number comes from, or what is odd about it."""
        note = self._notes[name]
        note.setText(text)
        note.setVisible(bool(text))
        mark(note, "warn", warn)

    def _check(self, name: str) -> None:
        """Say under an entry what is wrong with it; its frame is red, which not everyone sees."""
        note = self._notes.get(name)
        if note is None:
            return
        try:
            self.editors[name].value()
        except InputError as error:
            self.set_note(name, f"{_WRONG} {error}", warn=True)
        else:
            if note.text().startswith(_WRONG):
                self.set_note(name, "")

    def insert_below(self, widget: QWidget) -> None:
        """Put a widget between the common rows and the fold."""
        self._column.insertWidget(1, widget)

    def indent(self, width: int) -> None:
        """Move the labels to the right, but not the editors."""
        self._indent = width
        self._column.setContentsMargins(width, 0, 0, 0)
        self._align()

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Align the columns anew when the theme brings another font."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._align()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Align the columns in the font that is really used."""
        super().showEvent(event)
        self._align()

    def _align(self) -> None:
        for column, ruler in self._rulers.items():
            ruler.ensurePolished()
            for grid in self._grids:
                # Half of the indentation is room to spare for labels that are indented.
                width = ruler.sizeHint().width() + (INDENT // 2 - self._indent if column == 0 else 0)
                grid.setColumnMinimumWidth(column, width)

    def _rows(self, names: list[str]) -> QWidget:
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        self._grids.append(grid)
        for name in names:
            self._add_row(grid, name)
        return holder

    def _add_row(self, grid: QGridLayout, name: str) -> None:
        field, row = self.kind.model_fields[name], grid.rowCount()
        editor = make_editor(field.annotation, field, name)
        self.editors[name] = editor
        editor.changed.connect(partial(self._check, name))
        editor.changed.connect(self.changed)
        title = QLabel(label(name))
        title.setToolTip(tooltip(field))
        if isinstance(editor, SettingsForm) or hasattr(editor, "items"):
            title.setProperty("heading", True)
            grid.addWidget(title, row, 0, 1, 3)
            grid.addWidget(editor, row + 1, 0, 1, 3)
            return
        editor.setToolTip(tooltip(field))
        editor.set_hint(unset(field.description))
        grid.addWidget(title, row, 0)
        grid.addWidget(QLabel(unit(field.description)), row, 2)
        if isinstance(editor, KindEditor | CheckList):
            grid.addWidget(editor.head, row, 1)
            if isinstance(editor, KindEditor):
                grid.addWidget(editor.more, row, 2, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(editor, row + 1, 0, 1, 3)
        else:
            note = self._notes[name] = QLabel()
            note.setWordWrap(True)
            note.setVisible(False)
            note.setProperty("note", True)
            title.setBuddy(editor)
            grid.addWidget(editor, row, 1)
            grid.addWidget(note, row + 1, 1, 1, 2)


class KindEditor(Editor):
    """Chooses among settings classes by `kind`, or none of them; the settings of the chosen one unfold below.

    `head` is the choice itself, to be placed beside the label, `more` the button beside it; this widget holds
    what unfolds.

    Parameters
    ----------
    kinds
        The classes; one without a `kind` goes by its name.
    optional
        Whether there may be none.
    """

    def __init__(self, kinds: tuple[type[Settings], ...], optional: bool) -> None:
        super().__init__()
        self._kinds = {key_of(kind): kind for kind in kinds}
        self._forms: dict[str, SettingsForm] = {}
        self.head = self._choice = Choice((*((_NONE,) if optional else ()), *self._kinds))
        self._choice.explain({key: explained(kind) for key, kind in self._kinds.items()})
        self.more = tool("…", checkable=True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.setVisible(False)
        self.more.toggled.connect(self._show)
        self._choice.changed.connect(self._choose)
        self.set_value(None if optional else kinds[0]())

    def value(self) -> Any:
        """Return the settings of the chosen kind; None when none is chosen."""
        key = self._choice.value()
        return None if key == _NONE else self._form(key).value()

    def set_value(self, value: Any) -> None:
        """Show settings of any of the kinds, or none, silently."""
        key = _NONE if value is None else key_of(type(value))
        self._choice.set_value(key)
        if value is not None:
            self._form(key).set_value(value)
        self._show()

    def setToolTip(self, text: str | None) -> None:  # noqa: N802 - Qt's name
        """Explain the choice."""
        self._choice.setToolTip(text)

    def _choose(self) -> None:
        self._show()
        self.changed.emit()

    def _form(self, kind: str) -> SettingsForm:
        """Return the form of a kind, made when first needed; it remembers what was entered."""
        if kind not in self._forms:
            form = self._forms[kind] = SettingsForm(self._kinds[kind])
            form.indent(INDENT)
            form.changed.connect(self.changed)
            self._column.addWidget(form)
        return self._forms[kind]

    def _show(self) -> None:
        key = self._choice.value()
        has_fields = key != _NONE and bool(self._form(key).editors)
        for name, form in self._forms.items():
            form.setVisible(name == key)
        enable(self.more, "" if has_fields else "This choice has no settings", "Settings of this choice")
        self.setVisible(has_fields and self.more.isChecked())


def make_editor(annotation: Any, field: Any, name: str = "") -> Editor:
    """Return the editor for a field of a settings class; some are known by their name to be files."""
    from napari_mixedptycho._napari.form.lists import ListEditor

    annotation, optional = build.without_none(annotation)
    if kinds := build.alternatives(annotation):
        return KindEditor(kinds, optional)
    if kinds := build.entry_kinds(annotation):
        return CheckList(kinds, build.least(field))
    if (entry := build.entries_of(annotation)) is not None:
        return ListEditor(entry)
    if (group := build.nested(annotation)) is not None:
        return KindEditor((group,), optional) if optional else SettingsForm(group)
    if annotation is str and name in FILTERS:
        return FileName(TypeAdapter(str), optional, FILTERS[name])
    return build.leaf(field)
