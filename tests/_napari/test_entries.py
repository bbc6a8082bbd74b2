"""What is typed into an entry: numbers, nothing, one of several, groups; what is not allowed is framed."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho.engine.solvers import Adam
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Microscope
from napari_mixedptycho.settings import Settings
from napari_mixedptycho.simulate.settings import Specimen


@pytest.mark.parametrize("text", ["-5", "zero", "1e9", ""])
def test_what_is_not_allowed_is_framed_and_named(text: str, qtbot: QtBot) -> None:
    form = SettingsForm(Adam)
    qtbot.addWidget(form)
    line = form.editors["rate"].inner.native
    line.clear()
    qtbot.keyClicks(line, text)
    assert line.property("invalid")
    with pytest.raises(InputError, match="Rate"):
        form.value()
    line.clear()
    qtbot.keyClicks(line, "3e-4")
    assert not line.property("invalid")
    assert form.value() == Adam(rate=3e-4)


def test_empty_means_automatic(qtbot: QtBot) -> None:
    form = SettingsForm(Microscope)
    qtbot.addWidget(form)
    line = form.editors["energy"].inner.native
    qtbot.keyClicks(line, "80 000")
    assert form.value().energy == 80_000.0
    line.clear()
    assert form.value().energy is None


def test_places_are_typed_in_pairs(qtbot: QtBot) -> None:
    form = SettingsForm(Specimen)
    qtbot.addWidget(form)
    line = form.editors["missing"].inner.native
    line.clear()
    qtbot.keyClicks(line, "1, 2.5; 3,4;")
    assert form.value().missing == ((1.0, 2.5), (3.0, 4.0))
    assert not line.property("invalid")
    qtbot.keyClicks(line, " 5")
    assert line.property("invalid")
    with pytest.raises(InputError, match=r"Missing.*2 numbers separated by commas are needed, found ' 5'"):
        form.value()


class Axes(Settings):
    order: Literal["row_first", "column_first"] | None = Field(None, description="Not set: from the file.")


def test_one_of_several_may_be_left_open(qtbot: QtBot) -> None:
    form = SettingsForm(Axes)
    qtbot.addWidget(form)
    box = form.editors["order"].inner.native
    assert [box.itemText(index) for index in range(3)] == ["from the file", "Row first", "Column first"]
    assert form.value() == Axes()
    for value in (Axes(order="column_first"), Axes()):
        form.set_value(value)
        assert form.value() == value
