"""Step 3: what the choices mean, with nothing open, with numbers missing, and as they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari.pages.model import ModelPage
from napari_mixedptycho._napari.pages.outlook_view import Lines, OutlookView
from napari_mixedptycho._napari.pages.outlook_words import Line, covers, model_lines, probe_lines
from napari_mixedptycho._napari.probe_sketch import ProbeSketch, holds_window, round_length
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.io import load
from napari_mixedptycho.outlook import Outlook, outlook
from napari_mixedptycho.recipe import Recipe
from tests._napari.driving import click

MakeDock = Callable[..., MixedPtychoWidget]


@pytest.fixture(scope="module")
def seen() -> Outlook:
    return outlook(Recipe(), load("sample:si_sigma9"))


def said(seen: Outlook) -> dict[str, Line]:
    return {line.title: line for line in (*probe_lines(seen), *model_lines(seen)) if line.title}


def wait(dock: MixedPtychoWidget, qtbot: QtBot) -> str:
    qtbot.waitUntil(lambda: not dock.modelling.busy, timeout=20_000)
    view = dock.steps.model.outlook
    return "\n".join((*view.beside.texts, *view.below.texts))


def test_with_nothing_open_the_page_says_what_to_do(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    click(qtbot, dock.steps.buttons["model"])
    assert wait(dock, qtbot) == ""
    view = dock.steps.model.outlook
    assert "Open a scan" in view.empty.text()
    assert not view.sketch.isVisibleTo(view)


def test_the_page_follows_what_is_typed(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open("sample:si_sigma9")
    assert not dock.modelling.busy, "nobody looks"
    click(qtbot, dock.steps.buttons["model"])
    text, form = wait(dock, qtbot), dock.steps.model.form
    assert "3.03 Å wide at 50 Å of defocus" in text
    assert "overlap by 87 %" in text
    assert "20\u202f000 for each of 8 states: enough to tell states apart" in text
    assert "152 × 152 px × 4 slices" in text
    form.editors["states"].set_value(2)
    form.changed.emit()
    form.editors["slices"].set_value(2)
    form.changed.emit()
    text = wait(dock, qtbot)
    assert "80\u202f000 for each of 2 states" in text
    assert "152 × 152 px × 2 slices" in text
    assert "▲ Thick slices" in dock.steps.model.covers.text()
    assert "take 4 slices" in dock.steps.model.covers.text()
    # What step 2 says counts when one comes back.
    click(qtbot, dock.steps.buttons["calibrate"])
    dock.steps.calibrate.form.editors["defocus"].set_value(400.0)
    dock.steps.calibrate.form.changed.emit()
    click(qtbot, dock.steps.buttons["model"])
    assert "▲ Window smaller than the probe" in wait(dock, qtbot)


def test_numbers_that_are_missing_leave_lines_out_or_say_so(seen: Outlook) -> None:
    bare = said(replace(seen, thickness=None, known=None, electrons=None, dose=None))
    assert bare["Depth"].text == "The probe stays in focus over 54.1 Å (λ/α²)."
    assert "against" not in bare["Object"].text
    assert "Dose" not in bare, "the patterns were not read yet"
    unknown = {**seen.doubts, "dose": ("The dose is not known: set it.",)}
    lost = said(replace(seen, electrons=None, dose=None, doubts=unknown))["Dose"]
    assert (lost.text, lost.doubt) == ("Not known.", "The dose is not known: set it.")


def test_each_doubt_is_said_with_what_to_do(seen: Outlook) -> None:
    assert not any(line.doubt for line in said(seen).values())
    assert "take fewer states" in said(replace(seen, free=seen.known + 1.0))["Object"].doubt
    low = replace(seen, doubts={**seen.doubts, "dose": ("Too low.",)})
    assert said(low)["Dose"].doubt == "Too low."
    assert "enough" not in said(low)["Dose"].text
    thick = said(replace(seen, thickness=100.0))["Depth"]
    assert "1.8 times as thick" in thick.text
    assert covers(4, 7.7, from_file=True).doubt == ""
    assert "4 slices" in covers(2, 7.7, from_file=True).doubt
    assert "4 times less time" in covers(16, 7.7, from_file=False).text
    assert "1 slice " in covers(4, 2.0, from_file=False).text


def test_lines_are_written_in_place_of_earlier_ones(qtbot: QtBot) -> None:
    lines = Lines()
    qtbot.addWidget(lines)
    lines.tell([Line("A", "one", "why"), Line("B", "two")])
    assert lines.texts == ["one", "▲ why", "two"]
    lines.tell([Line("C", "three")])
    assert lines.texts == ["three"]


def test_the_drawing_is_to_scale(qtbot: QtBot, seen: Outlook) -> None:
    sketch, palette = ProbeSketch(), Palette.of("light")
    qtbot.addWidget(sketch)
    sketch.set_palette(palette)
    sketch.resize(200, 200)
    assert sketch.reach() == 0

    def width(outlook: Outlook) -> float:
        """Return how wide the disk is drawn, Å: all that is blue."""
        sketch.show_outlook(outlook)
        image = sketch.grab().toImage()
        row = [image.pixelColor(x, 94).getRgb()[:3] for x in range(image.width())]
        lit = np.flatnonzero([blue - red > 40 for red, _, blue in row])
        return float(np.ptp(lit)) * sketch.reach() / image.width()

    plain = replace(seen, step=100.0)
    narrow, wide = replace(plain, probe=4.0, window=16.0), replace(plain, probe=8.0, window=16.0)
    assert holds_window(narrow) and not holds_window(replace(plain, probe=1.0, window=16.0))
    assert width(narrow) == pytest.approx(4.0, rel=0.1)
    assert width(wide) == pytest.approx(8.0, rel=0.1)


@pytest.mark.parametrize(("most", "length"), [(0.9, 0.5), (1.0, 1.0), (4.9, 2.0), (5.0, 5.0), (37.0, 20.0)])
def test_scale_bars_are_round(most: float, length: float) -> None:
    assert round_length(most) == pytest.approx(length)


def test_what_goes_wrong_stands_in_place_of_the_numbers(qtbot: QtBot, seen: Outlook) -> None:
    view = OutlookView()
    qtbot.addWidget(view)
    view.show_outlook(seen)
    assert view.below.texts
    view.show_outlook(None, "There is no GPU.")
    assert view.empty.text() == "There is no GPU."
    assert not view.below.texts


def test_a_page_of_its_own_needs_no_dock(qtbot: QtBot) -> None:
    page = ModelPage()
    qtbot.addWidget(page)
    assert "not known yet" in page.covers.text()
    page.form.editors["thickness"].set_value(8.0)
    page.form.changed.emit()
    assert page.covers.text() == "Covers 8.0 Å: 4 × 2.00 Å. About 2 Å each are advised: 4 slices."


def test_the_same_scan_opened_again_is_looked_at_again(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open("sample:si_sigma9")
    for step, part in (("model", dock.modelling), ("run", dock.preflight)):
        click(qtbot, dock.steps.buttons[step])
        qtbot.waitUntil(lambda part=part: not part.busy, timeout=30_000)
    first = dock.preflight._seen
    dock.open("sample:si_sigma9")
    dock.preflight.look()
    assert first is not None and dock.preflight._seen is not None
    assert dock.preflight._seen[0] == first[0]
    assert dock.preflight._seen[1] is dock.dataset is not first[1]
    click(qtbot, dock.steps.buttons["model"])
    assert "3.03 Å wide" in wait(dock, qtbot)
