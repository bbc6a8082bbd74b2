"""Step 1, driven by its widgets: virtual images, detectors, cross, region, and what a file does not say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPointF, Qt

from napari_mixedptycho._napari import virtual
from napari_mixedptycho._napari.virtual import ICOM, KINDS, Ring
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho._napari.work import imaging, reading
from napari_mixedptycho.imaging import BRIGHT, DARK
from tests._napari.driving import click, drag, names, settle, threads

MakeDock = Callable[..., MixedPtychoWidget]
SAMPLE = "sample:si_sigma9"


# --- virtual images -------------------------------------------------------------------------------


def test_each_button_brings_its_image(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    viewer = dock.display.viewer
    for kind in KINDS[1:]:
        click(qtbot, dock.steps.data.virtual.buttons[kind])
        settle(dock, qtbot)
    assert names(viewer) == [f"si_sigma9 {kind}" for kind in KINDS]
    for layer in viewer.layers:
        assert [str(unit) for unit in layer.units] == ["angstrom"] * 2
        assert layer.axis_labels == ("y", "x")
        np.testing.assert_allclose(layer.scale, 0.4)
    assert [layer.visible for layer in viewer.layers] == [False] * 5 + [True]
    click(qtbot, dock.steps.data.virtual.buttons[BRIGHT])
    settle(dock, qtbot)
    assert len(viewer.layers) == 6, "an image that is there is shown again"
    assert viewer.layers[0].visible


@pytest.mark.gl
def test_the_image_follows_while_the_detector_is_dragged(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock(show=True)
    dock.open(SAMPLE)
    qtbot.wait(200)
    panel, view = dock.steps.data.virtual, dock.steps.data.pattern
    heard: list[tuple[Ring, bool]] = []
    panel.ring_changed.connect(lambda ring, over: heard.append((ring, over)))

    def on_screen(x: float) -> QPointF:
        return QPointF(view.mapFromScene(view.plotItem.vb.mapViewToScene(QPointF(x, 0.0))))

    drag(view.viewport(), on_screen(30.0), on_screen(55.0))
    settle(dock, qtbot)
    assert len(heard) > 3
    assert [over for _, over in heard][-1]
    ring = dock.imaging.rings[BRIGHT]
    assert ring.outer * dock.imaging.scan.pixel == pytest.approx(55.0, abs=2.0)
    assert panel.outer.value() == pytest.approx(55.0, abs=2.0)
    expected = dock.dataset.values[..., ring.mask((64, 64))].sum(axis=-1)
    np.testing.assert_allclose(dock.display.viewer.layers[0].data, expected, rtol=1e-4)
    drag(view.viewport(), on_screen(10.0), on_screen(30.0))
    settle(dock, qtbot)
    moved = dock.imaging.rings[BRIGHT]
    assert moved.outer == ring.outer
    assert (moved.center[1] - 32) * dock.imaging.scan.pixel == pytest.approx(20.0, abs=2.0)


def test_a_detector_can_be_typed(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    panel = dock.steps.data.virtual
    click(qtbot, panel.buttons[DARK])
    settle(dock, qtbot)
    before = dock.display.viewer.layers["si_sigma9 annular dark field"].data.copy()
    panel.inner.setValue(50.0)
    settle(dock, qtbot)
    after = dock.display.viewer.layers["si_sigma9 annular dark field"].data
    assert after.sum() < 0.7 * before.sum()
    assert dock.imaging.rings[DARK].inner * dock.imaging.scan.pixel == pytest.approx(50.0)


def test_large_data_come_coarse_first_and_complete_when_asked(
    make_dock: MakeDock, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 24 * 24 * 64 * 64 * 4
    for module in (virtual, imaging, reading):
        for name, part in (("FIRST", 64), ("LOOKED", 16)):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, size // part)
    monkeypatch.setattr(virtual, "KEPT", size // 36)
    dock = make_dock()
    dock.open(SAMPLE)
    layer = dock.display.viewer.layers[0]
    assert layer.data.shape == (3, 3)
    np.testing.assert_allclose(layer.scale, 8 * 0.4)
    settle(dock, qtbot)
    assert layer.data.shape == (6, 6)
    assert "one scan point in" in dock.steps.data.summary.text()
    complete = dock.steps.data.virtual.complete
    assert not complete.isHidden()
    click(qtbot, complete)
    settle(dock, qtbot)
    assert layer.data.shape == (24, 24)
    np.testing.assert_allclose(layer.scale, 0.4)
    assert complete.isHidden()


def test_layers_may_be_deleted_and_renamed(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    viewer, panel = dock.display.viewer, dock.steps.data.virtual
    click(qtbot, panel.buttons[ICOM])
    settle(dock, qtbot)
    viewer.layers["si_sigma9 iCoM"].name = "mine"
    dock.show_point((1.0, 1.0))
    viewer.layers.remove("si_sigma9 bright field")
    viewer.layers.remove("scan point")
    panel.outer.setValue(40.0)
    settle(dock, qtbot)
    assert names(viewer) == ["mine"]
    dock.show_point((2.0, 2.0))
    click(qtbot, panel.buttons[BRIGHT])
    settle(dock, qtbot)
    assert sorted(names(viewer)) == ["mine", "scan point", "si_sigma9 bright field"]


def test_other_data_in_mid_calculation(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    for kind in KINDS[1:]:
        dock.imaging.choose(kind)
    dock.open(f"{SAMPLE}_static")
    settle(dock, qtbot)
    assert names(dock.display.viewer)[-1] == "si_sigma9_static bright field"
    assert not [name for name in names(dock.display.viewer) if "iCoM" in name]
    assert dock.imaging.scan.name == "si_sigma9_static"


def test_closing_the_dock_in_mid_calculation_ends_the_threads(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    dock.imaging.choose(ICOM)
    dock.display.viewer.window.remove_dock_widget(dock)
    assert not threads()
    dock.deleteLater()


def test_two_docks_share_the_images_of_a_scan(make_dock: MakeDock, qtbot: QtBot) -> None:
    one = make_dock()
    one.open(SAMPLE)
    two = make_dock(one.display.viewer)
    assert two.dataset is not None
    for dock in (one, two):
        dock.imaging.choose(DARK)
        settle(dock, qtbot)
    found = names(one.display.viewer)
    assert found.count("si_sigma9 bright field") == 1


# --- cross and region -----------------------------------------------------------------------------


def test_the_cross_goes_where_it_is_sent(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    viewer, view = dock.display.viewer, dock.steps.data.pattern
    dock.show_point((2.05, 3.7))
    cross = viewer.layers["scan point"]
    np.testing.assert_allclose(cross.data, [[5, 9]])
    for key, place in ((Qt.Key.Key_Right, (5, 10)), (Qt.Key.Key_Up, (4, 10))):
        qtbot.keyClick(view, key)
        np.testing.assert_allclose(cross.data, [place])
    np.testing.assert_allclose(view.image.image, np.clip(dock.dataset.patterns[4, 10], 0, None) ** 0.25)
    cross.data = np.array([[7.2, 0.1]])
    assert "Scan point (7, 0)" in view._title, "napari's own tools move it too"
    click(qtbot, dock.steps.data.virtual.mean_button)
    assert view._title == "Mean pattern"


def test_a_log_scale(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    click(qtbot, dock.steps.data.virtual.log)
    shown = dock.steps.data.pattern.image.image
    mean = dock.dataset.mean_pattern
    inside = mean > 1e-3 * mean.max()
    np.testing.assert_allclose(shown[inside], np.log10(mean[inside]), rtol=1e-4, atol=1e-4)


def test_a_rectangle_chooses_the_region(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    viewer, form = dock.display.viewer, dock.steps.data.form
    click(qtbot, dock.steps.data.virtual.region)
    rectangle = viewer.layers["scan region"]
    assert form.value().scan_region is None, "all of it"
    rectangle.data = [np.array([[1.6, 2.4], [1.6, 9.4], [10.4, 9.4], [10.4, 2.4]])]
    assert form.value().scan_region == (2, 11, 3, 10)
    entry = form.editors["scan_region"].inner.native
    entry.clear()
    qtbot.keyClicks(entry, "0, 6, 1, 7")
    low, high = rectangle.data[0].min(axis=0), rectangle.data[0].max(axis=0)
    np.testing.assert_allclose([low, high], [(-0.5, 0.5), (5.5, 6.5)])
    viewer.layers.remove(rectangle)
    qtbot.keyClicks(entry, "")
    assert dock.recipe().data.scan_region == (0, 6, 1, 7)


def test_a_turned_scan_is_drawn_where_it_was_taken(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    dock.set_recipe(dock.recipe().with_set("microscope.scan_rotation=30.0"))
    dock.imaging.refresh()
    settle(dock, qtbot)
    layer = dock.display.viewer.layers[0]
    y, x = layer.data_to_world((0.0, 10.0))
    np.testing.assert_allclose((y, x), (4.0 * np.sin(np.pi / 6), 4.0 * np.cos(np.pi / 6)), atol=1e-9)
    dock.show_point((y, x))
    np.testing.assert_allclose(dock.display.viewer.layers["scan point"].data, [[0, 10]])
    assert "(0, 10)" in dock.steps.data.pattern._title


@pytest.mark.gl
def test_the_screen_shows_image_and_detector(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock(show=True)
    dock.open(SAMPLE)
    click(qtbot, dock.steps.data.virtual.buttons["DPC"])
    settle(dock, qtbot)
    qtbot.wait(200)
    canvas = dock.display.viewer.screenshot(canvas_only=True, flash=False)[..., :3]
    assert np.ptp(canvas.astype(int), axis=2).max() > 100, "the colours of DPC"
    picture = dock.steps.data.pattern.grab().toImage()
    colours = [
        picture.pixelColor(x, y).getRgb()[:3]
        for x in range(0, picture.width(), 2)
        for y in range(0, picture.height(), 2)
    ]
    assert len(set(colours)) > 30, "a pattern"
    assert (242, 242, 242) in colours or max(sum(c) for c in colours) > 690, "the bright circle"
