"""The dock, driven by its buttons and by its script: the whole way from a file to moving columns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari import Viewer
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_mixedptycho._napari.launch import show
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import sample_path
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.running import work
from tests.small import small_scan

MakeDock = Callable[..., MixedPtychoWidget]
Ran = tuple[MixedPtychoWidget, Viewer]
SAMPLE = "sample:si_sigma9"
LAYERS = ["[run 1] phase", "[run 1] state spread", "[run 1] mean phase"]


def names(viewer: Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "mixedptycho run"]


def click(qtbot: QtBot, button: QWidget) -> None:
    assert button.isEnabled(), button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


class Gate:
    """Lets `reconstruct` do one iteration at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.permits = threading.Semaphore(0)
        self.error: Exception | None = None
        monkeypatch.setattr(work, "reconstruct", self.reconstruct)

    def reconstruct(self, *arguments: Any) -> Iterator[Progress]:
        for progress in reconstruct(*arguments):
            assert self.permits.acquire(timeout=20)
            if self.error is not None:
                raise self.error
            yield progress

    def allow(self, count: int) -> None:
        for _ in range(count):
            self.permits.release()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate(monkeypatch)
    yield made
    made.allow(100)


def test_the_whole_way_by_the_buttons(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock(show=False)
    steps, viewer = dock.steps, dock.display.viewer
    assert not steps.run.run_button.isEnabled()
    assert "Open a scan" in steps.run.run_button.toolTip()
    steps.data.opened.emit(SAMPLE)
    assert names(viewer) == ["si_sigma9 bright field"]
    region = steps.data.form.editors["scan_region"].inner.native
    qtbot.keyClicks(region, "0, 6, 0, 6")
    steps.model.form.editors["states"].inner.value = 2
    steps.model.form.editors["slices"].inner.value = 2
    assert "2 × 3.84 Å" in steps.model.covers.text()
    steps.run.stages.set_value(small.stages)
    qtbot.keyClicks(steps.run.form.editors["threads"].inner.native, "1")
    assert dock.recipe() == small
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        click(qtbot, steps.run.run_button)
        assert not steps.run.run_button.isEnabled()
    assert names(viewer)[1:] == LAYERS
    assert steps.run.loss.points == 5
    assert "finished" in steps.footer.status.text()
    assert dock.result is not None
    assert len(dock.result.history) == 5
    assert not threads()


def test_layers_lie_in_the_frame_of_the_scan(ran: Ran) -> None:
    dock, viewer = ran
    result = dock.result
    assert result is not None
    phase = viewer.layers["[run 1] phase"]
    assert phase.data.shape == (2, 2, *result.geometry.shape)
    assert phase.axis_labels == ("state", "slice", "y", "x")
    assert [str(unit) for unit in phase.units] == ["dimensionless"] * 2 + ["angstrom"] * 2
    for name in LAYERS:
        layer = viewer.layers[name]
        assert layer.interpolation2d != "nearest"
        np.testing.assert_allclose(layer.scale[-2:], result.sampling)
        np.testing.assert_allclose(layer.translate[-2:], result.origin)
        assert [str(unit) for unit in layer.units[-2:]] == ["angstrom"] * 2
    np.testing.assert_allclose(viewer.layers[LAYERS[2]].data, result.mean_phase(), atol=1e-6)
    np.testing.assert_allclose(viewer.layers[LAYERS[1]].data, result.state_spread(), atol=1e-6)
    assert viewer.layers.units is not None
    assert str(viewer.layers.units[-1]) == "angstrom"
    assert viewer.canvas.overlays.scale_bar.visible
    # The slider knows of the states that the first stage did not have.
    assert viewer.dims.range[0].stop == 1


def test_a_part_of_the_scan_lies_where_it_was_taken(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    data = small.data.model_copy(update={"scan_region": (5, 11, 10, 16)})
    dock.set_recipe(small.model_copy(update={"data": data}))
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        dock.run()
    assert dock.result is not None
    translate = dock.display.viewer.layers[LAYERS[2]].translate
    np.testing.assert_allclose(translate, np.add(dock.result.origin, (5 * 0.4, 10 * 0.4)))


def test_contrast_follows_until_it_is_touched(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, gate: Gate
) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    dock.run()
    gate.allow(1)
    qtbot.waitUntil(lambda: len(names(dock.display.viewer)) == 4, timeout=20_000)
    layer = dock.display.viewer.layers[LAYERS[2]]
    layer.contrast_limits = (-0.25, 0.75)
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        gate.allow(10)
    assert layer.contrast_limits == [-0.25, 0.75]


def test_pause_resume_and_stop(make_dock: MakeDock, small: Recipe, qtbot: QtBot, gate: Gate) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    dock.run()
    with pytest.raises(InputError, match="going on"):
        dock.run()
    gate.allow(1)
    qtbot.waitUntil(lambda: dock.result is not None, timeout=20_000)
    dock.pause()
    gate.allow(1)
    qtbot.waitUntil(lambda: dock.paused, timeout=20_000)
    qtbot.waitUntil(lambda: "waits after iteration" in dock.steps.footer.status.text())
    assert dock.steps.run.pause_button.text() == "Resume"
    assert dock.result is not None
    done = len(dock.result.history)
    gate.allow(1)
    qtbot.wait(300)
    assert len(dock.result.history) == done
    click(qtbot, dock.steps.run.pause_button)
    qtbot.waitUntil(lambda: dock.result is not None and len(dock.result.history) > done, timeout=20_000)
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        dock.stop()
        gate.allow(1)
    assert dock.result is not None
    assert done < len(dock.result.history) < 5
    assert "stopped" in dock.steps.footer.status.text()
    assert not dock.running


@pytest.mark.parametrize(
    "error", [MemoryError(), InputError("the dog ate the patterns")], ids=["bug", "input"]
)
def test_an_error_is_said_and_the_result_kept(
    error: Exception, make_dock: MakeDock, small: Recipe, qtbot: QtBot, gate: Gate
) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    dock.run()
    gate.allow(2)
    qtbot.waitUntil(lambda: dock.result is not None and len(dock.result.history) == 2, timeout=20_000)
    gate.error = error
    before = len(notification_manager.records)
    with qtbot.waitSignal(dock.failed, timeout=20_000) as heard:
        gate.allow(1)
    text = dock.steps.footer.status.text()
    assert heard.args is not None
    assert heard.args[0] in text
    assert "after 2 iterations is kept" in text
    assert len(notification_manager.records) == before + 1
    assert dock.result is not None
    assert len(dock.result.history) == 2
    assert not dock.running
    assert dock.steps.run.run_button.isEnabled()


def test_what_cannot_start_is_said(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    with pytest.raises(InputError, match="Open a scan"):
        dock.run()
    with pytest.raises(InputError, match="no result"):
        dock.find_columns()
    with pytest.raises(InputError, match="no such file"):
        dock.open("/nowhere/scan.h5")
    dock.set_recipe(small)
    dock.steps.data.form.editors["scan_region"].set_value((0, 600, 0, 6))
    with qtbot.waitSignal(dock.failed, timeout=20_000):
        dock.run()
    assert "scan_region" in dock.steps.footer.status.text()
    assert dock.result is None
    click(qtbot, dock.steps.run.run_button)
    with qtbot.waitSignal(dock.failed, timeout=20_000):
        pass


def test_two_runs_have_two_names(ran: Ran, qtbot: QtBot) -> None:
    dock, viewer = ran
    first = viewer.layers[LAYERS[2]].data
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        dock.run()
    assert names(viewer)[1:] == LAYERS + [name.replace("run 1", "run 2") for name in LAYERS]
    assert viewer.layers[LAYERS[2]].data is first, "the first run stays as it was"


def test_two_docks_in_one_viewer(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    one = make_dock()
    two = make_dock(one.display.viewer)
    for dock in (one, two):
        dock.set_recipe(small)
        with qtbot.waitSignal(dock.finished, timeout=20_000):
            dock.run()
    found = names(one.display.viewer)
    assert len(set(found)) == len(found)
    assert "[run 2] mean phase" in found
    assert found.count("si_sigma9 bright field") == 1


def test_layers_may_go_while_it_runs(make_dock: MakeDock, small: Recipe, qtbot: QtBot, gate: Gate) -> None:
    dock = make_dock()
    viewer = dock.display.viewer
    dock.set_recipe(small)
    dock.run()
    gate.allow(1)
    qtbot.waitUntil(lambda: LAYERS[2] in names(viewer), timeout=20_000)
    viewer.layers.remove(LAYERS[1])
    viewer.layers[LAYERS[2]].name = "mine"
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        gate.allow(10)
    assert names(viewer) == ["si_sigma9 bright field", LAYERS[0], "mine"]
    assert dock.result is not None
    np.testing.assert_allclose(viewer.layers["mine"].data, dock.result.mean_phase(), atol=1e-6)


def start_long(dock: MixedPtychoWidget, small: Recipe, qtbot: QtBot) -> None:
    """Start a run that would go on for minutes, and wait for its first iterations."""
    dock.set_recipe(small.with_iterations(100_000))
    dock.run()
    qtbot.waitUntil(lambda: dock.result is not None, timeout=20_000)
    assert threads()


def test_closing_the_window_in_mid_run_ends_it(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock(show=False)
    start_long(dock, small, qtbot)
    dock.display.viewer.close()
    assert not threads()
    assert not dock.running


def test_closing_the_dock_in_mid_run_ends_it(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    viewer = dock.display.viewer
    start_long(dock, small, qtbot)
    viewer.window.remove_dock_widget(dock)
    assert not threads()
    assert dock.display._clicked not in viewer.mouse_drag_callbacks
    viewer.theme = "light"
    dock.deleteLater()


def test_a_person_who_closes_in_mid_run_is_asked(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = make_dock()
    start_long(dock, small, qtbot)
    answers = iter([False, True])
    monkeypatch.setattr(dock._guard, "_agreed", lambda: next(answers))
    monkeypatch.setattr(QCloseEvent, "spontaneous", lambda self: True)
    assert dock._guard.eventFilter(dock.window(), QCloseEvent()), "the window stays"
    assert dock.running
    assert not dock._guard.eventFilter(dock.window(), QCloseEvent()), "the window closes"
    assert not dock.running


def test_columns_and_their_motion(ran: Ran, small_result: Result, tmp_path: Path) -> None:
    dock, viewer = ran
    finder = {"finder": {"margin": 0.0}, "draws": 100}
    motion_settings = dock.steps.motion_settings().model_validate_json(__import__("json").dumps(finder))
    dock.steps.analyse.form.set_value(motion_settings)
    dock.find_columns()
    columns, scatter = viewer.layers["columns"], viewer.layers["[run 1] column COM"]
    count = len(columns.data)
    assert count > 0
    assert columns.data.shape == (count, 2)
    assert list(columns.features["column"]) == list(range(count))
    assert scatter.data.shape == (2 * count + count, 2)
    # Ten times the displacement, about the mean, which is drawn too.
    clouds, mean = scatter.data[: 2 * count].reshape(2, count, 2), scatter.data[2 * count :]
    np.testing.assert_allclose(clouds.mean(axis=0), mean, atol=1e-9)
    np.testing.assert_allclose(mean, columns.data)
    for layer in (columns, scatter):
        assert [str(unit) for unit in layer.units] == ["angstrom"] * 2
    assert dock.steps.analyse.table.item(0, 1).text() == str(count)
    before = len(viewer.layers)
    dock.find_columns()
    assert len(viewer.layers) == before
    written = dock.export(tmp_path / "out")
    assert {path.name for path in written} >= {"columns.csv", "mean_phase.png", "states.png", "loss.png"}
    assert all(path.is_file() for path in written)


def test_a_saved_result_opens_again(ran: Ran, tmp_path: Path, make_dock: MakeDock, small: Recipe) -> None:
    dock, viewer = ran
    path = tmp_path / "result.h5"
    dock.save(path)
    dock.open(path)
    assert dock.result is not None
    assert len(dock.result.history) == 5
    assert "[result] mean phase" in names(viewer)
    assert dock.recipe().model.states == small.model.states
    assert dock.steps.run.loss.points == 5


def test_show_opens_a_window_with_the_result(
    result_file: Path, make_napari_viewer: Callable[..., Viewer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari.Viewer", lambda title: make_napari_viewer(title=title))
    viewer = show(result_file, block=False)
    assert names(viewer)[:4] == [
        "si_sigma9 bright field",
        "[small] phase",
        "[small] state spread",
        "[small] mean phase",
    ]
    assert viewer.title == "Mixed-object ptychography"
    low, high = viewer.layers[0].extent.world
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (low + high) / 2)
    shown = np.divide(viewer.canvas.size, viewer.scene.camera.zoom)
    assert (shown > high - low).all(), "the scanned field fits into the window"
    assert (shown < 2 * (high - low)).any(), "and fills it"


def test_the_dock_takes_over_what_napari_opens(make_dock: MakeDock, result_file: Path) -> None:
    dock = make_dock()
    viewer = dock.display.viewer
    viewer.open(sample_path("si_sigma9_static"), plugin="napari-mixedptycho")
    assert dock.dataset is not None
    assert dock.dataset.name == "si_sigma9_static"
    later = make_dock(viewer)
    assert later.dataset is not None
    viewer.open(result_file, plugin="napari-mixedptycho")
    assert dock.result is not None
    assert dock.steps.analyse.find_button.isEnabled()


def test_a_file_dropped_on_the_dock_is_opened(make_dock: MakeDock) -> None:
    dock = make_dock()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(sample_path("si_sigma9")))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, buttons, keys)
    QApplication.sendEvent(dock, enter)
    assert enter.isAccepted()
    drop = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, buttons, keys)
    QApplication.sendEvent(dock, drop)
    assert dock.dataset is not None


def test_a_click_shows_the_pattern_of_that_point(make_dock: MakeDock) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    assert dock.dataset is not None
    dock.show_point((2.05, 3.7))
    shown = dock.steps.data.pattern.image.image
    expected = dock.dataset.patterns[5, 9]
    np.testing.assert_allclose(shown, np.clip(expected, 0, None) ** 0.25)
    dock.show_point((-5.0, 0.0))
    np.testing.assert_allclose(dock.steps.data.pattern.image.image, shown, err_msg="outside: nothing changes")


def test_numbers_show_their_source_and_what_is_odd(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    form = dock.steps.calibrate.form
    assert form.editors["semiangle"].inner.native.placeholderText() == "30"
    assert form._notes["semiangle"].text() == "from the file"
    qtbot.keyClicks(form.editors["semiangle"].inner.native, "30.5")
    assert "30" in form._notes["semiangle"].text()
    assert not form._notes["semiangle"].property("warn")
    qtbot.keyClicks(form.editors["scan_step"].inner.native, "0.5")
    assert form._notes["scan_step"].property("warn")


def test_what_is_changed_by_hand_is_remembered_and_reset(make_dock: MakeDock, small: Recipe) -> None:
    one = make_dock()
    one.set_recipe(small)
    assert make_dock(one.display.viewer).recipe().model == Recipe().model, "a script changes nothing for good"
    one.set_recipe(Recipe())
    one.steps.model.form.editors["states"].inner.value = 5
    one.steps.run.stages.all.form.editors["solver"]._choice.inner.value = "adam"
    two = make_dock(one.display.viewer)
    assert two.recipe().model.states == 5
    assert two.recipe().stages[0].solver.kind == "adam"
    two._ask.reset()
    assert two.recipe().model == Recipe().model
    assert make_dock(one.display.viewer).recipe().stages == Recipe().stages


def test_recipes_are_loaded_and_saved_as_the_command_line_reads_them(
    make_dock: MakeDock, small: Recipe, tmp_path: Path
) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    path = tmp_path / "recipe.toml"
    dock._ask._save_recipe(str(path))
    assert Recipe.from_toml(path.read_text("utf-8")) == small
    other = make_dock(dock.display.viewer)
    other._ask._load_recipe(str(path))
    assert other.recipe() == small
    path.write_text("[model]\nstatse = 3\n", "utf-8")
    other.attempt(other._ask._load_recipe, str(path))
    assert "statse" in other.steps.footer.status.text()


def test_the_dock_fits_a_small_screen(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    assert dock.minimumSizeHint().height() < 500
    assert dock.minimumSizeHint().width() < 460


def test_both_themes_colour_the_canvases(make_dock: MakeDock) -> None:
    dock = make_dock()
    viewer = dock.display.viewer
    seen = set()
    for theme in ("dark", "light"):
        viewer.theme = theme
        seen.add(dock.steps.run.loss.backgroundBrush().color().name())
    assert len(seen) == 2


@pytest.mark.gl
def test_the_screen_shows_the_reconstruction(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock(show=True)
    viewer = dock.display.viewer
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        dock.run()
    qtbot.wait(50)
    canvas = viewer.screenshot(canvas_only=True, flash=False)[..., :3]
    assert len(np.unique(canvas.reshape(-1, 3), axis=0)) > 50
    # Magma is no grey: the mean phase is what is seen.
    assert np.ptp(canvas.astype(int), axis=2).max() > 60
    dock.steps.show_step("run")
    qtbot.wait(50)
    picture = dock.grab().toImage()
    colours = {
        picture.pixel(x, y) for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 3)
    }
    assert len(colours) > 30


def test_nothing_is_left_behind(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    """Make napari itself look for widgets that outlive the viewer."""
    dock = make_dock(strict_qt="raise")
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        dock.run()
    dock.steps.show_step("analyse")
    dock.find_columns()
    assert not threads()


def test_a_file_without_its_numbers_is_opened_with_those_that_are_typed(
    make_dock: MakeDock, tmp_path: Path
) -> None:
    dock = make_dock()
    bare = small_scan(tmp_path / "bare.h5", semiangle_mrad=float("nan"))
    with pytest.raises(InputError, match="semiangle"):
        dock.open(bare)
    calibrate = dock.steps.calibrate.form
    calibrate.set_value(calibrate.value().model_copy(update={"semiangle": 30.0}))
    dock.open(bare)
    assert dock.dataset is not None
    assert dock.dataset.semiangle == 30.0
