"""What the mouse can do in the dock, the keys can do too: ring, columns, scan points, detector, mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject, Qt
from qtpy.QtTest import QTest

from napari_mixedptycho._napari.arrows import next_place
from napari_mixedptycho._napari.live_charts import SpectrumView
from napari_mixedptycho._napari.pages.column_entry import ColumnEntry
from napari_mixedptycho._napari.pages.details import PAIRS
from napari_mixedptycho._napari.pages.found import PictureBox
from napari_mixedptycho._napari.strokes import BOX, LINE
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.analysis import partners
from napari_mixedptycho.data_settings import pixels_named
from napari_mixedptycho.imaging import BRIGHT
from napari_mixedptycho.result import Result
from tests._napari.conftest import MakeDock
from tests._napari.driving import click, settle, threads

Key = Qt.Key
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
SAMPLE = "sample:si_sigma9"


def press(widget: QObject, *keys: Key, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    for key in keys:
        QTest.keyClick(widget, key, held)


@pytest.fixture
def found(make_dock: MakeDock, wide_file: Path) -> MixedPtychoWidget:
    dock = make_dock()
    dock.open(wide_file)
    dock.find_columns()
    dock.steps.show_step("analyse")
    return dock


@pytest.fixture
def scan(make_dock: MakeDock, qtbot: QtBot) -> MixedPtychoWidget:
    dock = make_dock()
    dock.open(SAMPLE)
    settle(dock, qtbot)
    return dock


def test_the_ring_of_the_spectrum_is_changed_as_a_slider_is(small_result: Result, qtbot: QtBot) -> None:
    chart = SpectrumView()
    qtbot.addWidget(chart)
    chart.show_phase(small_result)
    edge = chart._edge
    chart.handle.setPos(0.3, 0.4)
    press(chart, Key.Key_Up, Key.Key_Right)
    assert chart.radius == pytest.approx(0.52)
    place = chart.handle.pos()
    assert place.x() / place.y() == pytest.approx(0.75), "the target stays in its direction"
    press(chart, Key.Key_PageUp, Key.Key_Down)
    assert chart.radius == pytest.approx(0.61)
    for name in (chart.accessibleName(), chart.plotItem.titleLabel.text):
        assert "0.610 1/Å = 1.64 Å" in name
    press(chart, Key.Key_End)
    assert chart.radius == pytest.approx(edge)
    press(chart, Key.Key_Right)
    assert chart.radius == pytest.approx(edge), "not beyond what was measured"
    press(chart, Key.Key_Home, Key.Key_Left)
    assert chart.radius == pytest.approx(0.01)
    assert "arrow" in chart.toolTip()


def test_tab_reaches_ring_column_and_scan_point(found: MixedPtychoWidget) -> None:
    steps = found.steps
    assert {steps.analyse.details.entry} <= set(steps.tab_stops())
    found.steps.analyse.details.entry.stepBy(1)
    assert steps.analyse.details.column in steps.tab_stops()
    steps.show_step("run")
    steps.run.turn("watch")
    for name, chart in (("FFT", steps.run.watch.spectrum), ("pattern", steps.run.watch.patterns)):
        steps.run.watch.turn(name)
        assert chart in steps.tab_stops()


def test_a_column_is_chosen_by_its_number(found: MixedPtychoWidget) -> None:
    details, viewer = found.steps.analyse.details, found.display.viewer
    motion = found.desk.found.motion
    assert details.entry.text() == "none"
    press(details.entry, Key.Key_Up, Key.Key_Up)
    assert details.entry.value() == found.desk.found.numbers[1]
    x, y = details.column.points.getData()
    np.testing.assert_allclose(np.stack([y, x], axis=1), motion.positions[:, 1] - motion.mean[1], atol=1e-9)
    assert f"{motion.u_rms[1]:.3f} Å" in details.about.text()
    assert f"Column {found.desk.found.numbers[1]}," in details.column.accessibleName()
    colours = viewer.layers["columns"].border_color
    lone = [n for n in range(motion.n_columns) if n != 1 and n not in partners(motion.positions, 1).found]
    assert (colours[1] != colours[lone[0]]).any()
    details.entry.selectAll()
    QTest.keyClicks(details.entry, "3")
    press(details.entry, Key.Key_Return)
    assert "Column 3" in details.column.plotItem.titleLabel.text
    press(details.entry, Key.Key_Down, Key.Key_Down, Key.Key_Down, Key.Key_Down)
    assert details.entry.text() == "none"
    assert not details.column.isVisibleTo(details)
    details.choose(PAIRS)
    assert not details.entry.isVisibleTo(details), "pairs are of all columns"


def test_a_click_in_the_image_and_the_entry_agree(found: MixedPtychoWidget) -> None:
    entry = found.steps.analyse.details.entry
    found.columns.choose(tuple(found.display.viewer.layers["columns"].data_to_world([0, 0])))
    press(entry, Key.Key_Up, Key.Key_Up, Key.Key_Up)
    layer = found.display.viewer.layers["columns"]
    found.show_point(tuple(np.add(layer.data[0], layer.translate)))
    assert entry.value() == found.desk.found.numbers[0]


def test_arrows_on_the_chart_go_to_the_next_column_that_way(found: MixedPtychoWidget) -> None:
    details, mean = found.steps.analyse.details, found.desk.found.motion.mean
    press(details.entry, Key.Key_Up)
    for key, way in ((Key.Key_Right, (0, 1)), (Key.Key_Down, (1, 0)), (Key.Key_Left, (0, -1))):
        before = found.columns._chosen
        press(details.column, key)
        after = found.columns._chosen
        away = mean[after] - mean[before]
        assert after == before or away @ way >= np.abs(away).max() - 1e-9
        assert details.entry.value() == found.desk.found.numbers[after]
    reached, waiting = {0}, [0]
    while waiting:
        here = waiting.pop()
        new = {next_place(mean, here, way) for way in ((0, 1), (0, -1), (1, 0), (-1, 0))} - reached
        reached |= new
        waiting += new
    assert len(reached) == len(mean), "no column is out of reach"


def test_a_column_out_of_sight_is_looked_at(found: MixedPtychoWidget) -> None:
    camera = found.display.viewer.scene.camera
    layer = found.display.viewer.layers["columns"]
    camera.zoom = 1e4
    press(found.steps.analyse.details.entry, Key.Key_Up)
    np.testing.assert_allclose(camera.center[-2:], np.add(layer.data[0], layer.translate), atol=1e-5)
    place = camera.center
    camera.zoom = 1.0
    press(found.steps.analyse.details.entry, Key.Key_Up)
    assert camera.center == place, "what is in sight stays where it is"


def test_numbers_of_columns_that_are_gone_are_passed_over(qtbot: QtBot) -> None:
    entry, heard = ColumnEntry(), []
    qtbot.addWidget(entry)
    entry.chosen.connect(heard.append)
    entry.show_numbers([0, 5, 2])
    press(entry, Key.Key_Up, Key.Key_Up, Key.Key_Up, Key.Key_Up)
    assert heard == [0, 2, 5], "the last one is the end"
    entry.selectAll()
    QTest.keyClicks(entry, "3")
    press(entry, Key.Key_Return)
    assert heard == [0, 2, 5, 2]
    assert entry.value() == 2


def test_arrows_on_the_pattern_chart_go_through_the_result(
    ran: tuple[MixedPtychoWidget, object], qtbot: QtBot
) -> None:
    dock, _ = ran
    watch = dock.steps.run.watch
    watch.turn("pattern")
    for keys, point in (
        ((Key.Key_Down,), (3, 3)),
        ((Key.Key_Right, Key.Key_Up), (2, 4)),
        ([Key.Key_Left] * 9, (2, 0)),
    ):
        press(watch.patterns, *keys)
        title = f"Scan point {point}"
        qtbot.waitUntil(lambda title=title: title in watch.patterns.accessibleName(), timeout=10_000)
        assert dock.imaging.point == point, "the cross in the image goes with it"
    qtbot.waitUntil(lambda: "mixedptycho pattern" not in threads(), timeout=10_000)


def test_shift_and_arrows_move_the_detector(scan: MixedPtychoWidget, qtbot: QtBot) -> None:
    view = scan.steps.data.pattern
    y, x = scan.imaging.rings[BRIGHT].center
    press(view, Key.Key_Down, Key.Key_Down, Key.Key_Left, held=SHIFT)
    assert scan.imaging.rings[BRIGHT].center == (y + 2, x - 1)
    assert scan.imaging.point is None, "the scan point stays"
    settle(scan, qtbot)
    press(view, Key.Key_Down)
    assert scan.imaging.point == (13, 12)
    assert "Scan point (13, 12)" in view.accessibleName()


def test_keys_zoom_the_pattern_and_show_all_again(scan: MixedPtychoWidget) -> None:
    view = scan.steps.data.pattern
    whole = view.plotItem.vb.viewRect().width()
    press(view, Key.Key_Plus, Key.Key_Plus)
    assert view.plotItem.vb.viewRect().width() == pytest.approx(0.64 * whole)
    press(view, Key.Key_Minus)
    assert view.plotItem.vb.viewRect().width() == pytest.approx(0.8 * whole)
    press(view, Key.Key_0)
    assert view.plotItem.vb.viewRect().width() == pytest.approx(whole)


def test_a_mask_is_drawn_by_keys(scan: MixedPtychoWidget, qtbot: QtBot) -> None:
    view, panel = scan.steps.data.pattern, scan.steps.data.virtual

    def masked() -> np.ndarray:
        return pixels_named(scan.recipe().data.masked_pixels, 64)

    click(qtbot, panel.mask_button)
    panel.mask_tools.width_entry.setValue(1)
    press(view, Key.Key_Up, held=SHIFT)
    assert "row 22, column 32" in view.accessibleName()
    press(view, Key.Key_Space, Key.Key_Right, Key.Key_Right)
    assert not masked().any(), "the stroke is not over"
    assert scan.imaging.point is None, "the arrows go nowhere else"
    press(view, Key.Key_Space)
    expected = np.zeros((64, 64), bool)
    expected[22, 32:35] = True
    np.testing.assert_array_equal(masked(), expected)
    press(view, Key.Key_Space, Key.Key_Down, Key.Key_Escape, Key.Key_Right, Key.Key_Space, Key.Key_Space)
    expected[23, 35] = True
    np.testing.assert_array_equal(masked(), expected)
    press(view, Key.Key_Z, held=CONTROL)
    assert masked().sum() == 3


@pytest.mark.parametrize(("tool", "count"), [(LINE, 11), (BOX, 22)])
def test_lines_and_boxes_are_drawn_by_keys(
    tool: str, count: int, scan: MixedPtychoWidget, qtbot: QtBot
) -> None:
    view, panel = scan.steps.data.pattern, scan.steps.data.virtual
    click(qtbot, panel.mask_button)
    panel.mask_tools.width_entry.setValue(1)
    panel.mask_tools.tools[tool].click()
    press(view, Key.Key_Space)
    press(view, Key.Key_Right, held=SHIFT)
    if tool == BOX:
        press(view, Key.Key_Down)
    press(view, Key.Key_Space)
    assert pixels_named(scan.recipe().data.masked_pixels, 64).sum() == count


def test_a_picture_is_enlarged_by_return(qtbot: QtBot) -> None:
    box = PictureBox()
    qtbot.addWidget(box)
    box.show_picture(np.full((40, 60, 4), 200, np.uint8))
    assert box.focusPolicy() & Qt.FocusPolicy.TabFocus
    press(box, Key.Key_Return)
    assert box.window_ is not None
    assert box.window_.isVisible()
    box.window_.close()


def test_l_on_the_loss_chart_reaches_the_viewer(ran: tuple[MixedPtychoWidget, object]) -> None:
    dock, _ = ran
    loss = dock.steps.run.watch.loss
    before = loss._logarithmic
    press(loss, Key.Key_L)
    assert loss._logarithmic is not before
