"""The table of runs, A beside B, what is looked at, what is said before a run, and the keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QApplication, QWidget

from napari_mixedptycho._device import Found
from napari_mixedptycho._napari.charts import ProbeView
from napari_mixedptycho._napari.images import View, result_layers
from napari_mixedptycho._napari.live import RunLayers
from napari_mixedptycho._napari.live_charts import SpectrumView
from napari_mixedptycho._napari.style import Palette
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho._napari.work.book import Book, Entry
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import History, Result
from tests.small import standard

MakeDock = Callable[..., MixedPtychoWidget]
Ran = tuple[MixedPtychoWidget, Any]


def click(qtbot: QtBot, button: QWidget) -> None:
    assert button.isEnabled(), button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def press(viewer: Any, key: str) -> None:
    viewer.keymap[next(bound for bound in viewer.keymap if str(bound) == key)](viewer)


@pytest.fixture(scope="module")
def pair_of_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two results of the same place that differ in their seed."""
    folder, found = tmp_path_factory.mktemp("pair"), []
    for seed in (0, 1):
        changes = {
            "data": {"file": "sample:si_sigma9", "scan_region": [0, 10, 0, 10]},
            "run": {"threads": 1, "seed": seed},
        }
        stages = [{"name": "pure", "iterations": 2, "states": 1}]
        *_, last = reconstruct(
            Recipe.parse({**changes, "model": {"states": 1, "slices": 1}, "stages": stages})
        )
        found.append(folder / f"seed {seed}.h5")
        last.result.save(found[-1])
    return found


@pytest.fixture
def two(make_dock: MakeDock, pair_of_files: list[Path]) -> Ran:
    dock = make_dock()
    for path in pair_of_files:
        dock.open(path)
    dock.steps.show_step("run")
    dock.steps.run.turn("runs")
    return dock, dock.display.viewer


def test_every_run_has_its_row(two: Ran) -> None:
    dock, _ = two
    table = dock.steps.run.table.table
    cells = [[table.item(row, column).text() for column in range(9)] for row in range(table.rowCount())]
    assert [row[1:5] for row in cells] == [["seed 0", "1", "1", "1"], ["seed 1", "1", "1", "1"]]
    assert [row[7] for row in cells] == ["0", "1"]
    assert cells[0][8] == cells[1][8]


def test_two_runs_are_compared(two: Ran, qtbot: QtBot) -> None:
    dock, viewer = two
    page = dock.steps.run.table
    for row, which in enumerate("ab"):
        page.table.selectRow(row)
        click(qtbot, page.buttons[which])
    assert [page.table.item(row, 0).text() for row in range(2)] == ["A", "B"]
    click(qtbot, page.compare_button)
    qtbot.waitUntil(lambda: not page.summary.isHidden(), timeout=30_000)
    assert "A: seed 0, B: seed 1" in page.summary.text()
    assert "run.seed: 0 → 1" in page.differences.text()
    layer = viewer.layers["[seed 1 − seed 0] difference"]
    assert [str(unit) for unit in layer.units] == ["angstrom"] * 2
    assert layer.contrast_limits[0] == -layer.contrast_limits[1]
    assert len(page.chart._line.xData) > 3


def test_blinking_moves_nothing_but_the_layers(two: Ran) -> None:
    dock, viewer = two
    with pytest.raises(InputError, match="two runs"):
        dock.comparing.blink()
    press(viewer, "B")
    assert "choose A and B" in dock.steps.footer.status.text()
    dock.comparing.do("a", "seed 0")
    dock.comparing.do("b", "seed 1")
    one, other = (viewer.layers[f"[seed {seed}] mean phase"] for seed in (0, 1))
    one.contrast_limits = (-0.1, 0.3)
    place = tuple(viewer.scene.camera.center), viewer.scene.camera.zoom
    seen = []
    for _ in range(3):
        press(viewer, "B")
        seen.append((one.visible, other.visible))
    assert seen == [(True, False), (False, True), (True, False)]
    assert other.contrast_limits == one.contrast_limits == [-0.1, 0.3]
    assert (tuple(viewer.scene.camera.center), viewer.scene.camera.zoom) == place


def test_names_are_followed_by_layers(two: Ran) -> None:
    dock, viewer = two
    dock.comparing.rename("seed 0", "first")
    names = [layer.name for layer in viewer.layers]
    assert "[first] mean phase" in names
    assert not [name for name in names if "[seed 0]" in name]
    for wrong in ("seed 1", " ", "a]b"):
        with pytest.raises(InputError):
            dock.comparing.rename("first", wrong)


def test_a_run_that_was_deleted_comes_back(two: Ran, qtbot: QtBot) -> None:
    dock, viewer = two
    before = sorted(layer.name for layer in viewer.layers)
    dock.comparing.delete("seed 0")
    assert not [layer for layer in viewer.layers if layer.name.startswith("[seed 0]")]
    assert [entry.name for entry in dock.runs.book.entries] == ["seed 1"]
    click(qtbot, dock.steps.run.table.undo_button)
    assert sorted(layer.name for layer in viewer.layers) == before
    assert [entry.name for entry in dock.runs.book.entries] == ["seed 0", "seed 1"]


def test_an_earlier_run_is_shown_again_with_its_settings(two: Ran) -> None:
    dock, viewer = two
    dock.comparing.do("show", "seed 0")
    assert dock.result is dock.runs.book.entries[0].result
    assert viewer.layers["[seed 0] mean phase"].visible
    assert not viewer.layers["[seed 1] mean phase"].visible
    viewer.layers.clear()
    dock.comparing.do("show", "seed 1")
    assert "[seed 1] mean phase" in [layer.name for layer in viewer.layers]
    dock.comparing.do("load", "seed 0")
    assert dock.recipe().run.seed == 0


def test_an_opened_run_goes_on_after_another_was_shown(
    two: Ran, qtbot: QtBot, pair_of_files: list[Path]
) -> None:
    dock, viewer = two
    dock.comparing.do("show", "seed 0")
    layers = len(viewer.layers)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.proceed(1)
    assert [len(entry.needed().history) for entry in dock.runs.book.entries] == [3, 2]
    assert len(viewer.layers) == layers
    assert len(Result.load(pair_of_files[0]).history) == 2, "the file stays as it was"
    dock.lining.duplicate("seed 1", "seed")
    assert dock.lining.queue.entries[0].name == "seed 1 seed 2"


def test_earlier_results_make_room(
    small_result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_mixedptycho._napari.work.book.ROOM", 0)
    path = tmp_path / "a.h5"
    small_result.save(path)
    book = Book(None)  # type: ignore[arg-type]
    for name, file in (("a", path), ("b", None), ("c", None)):
        book.add(Entry(name, None, small_result, "finished", file))
    assert [entry.result is None for entry in book.entries] == [True, False, False]
    assert not book.find("b").needed().memory
    assert book.find("a").needed().history == small_result.history


def test_the_pattern_of_a_point_beside_its_prediction(two: Ran, qtbot: QtBot) -> None:
    dock, _ = two
    watch = dock.steps.run.watch
    watch.turn("pattern")
    dock.show_point((0.45, 1.15))
    qtbot.waitUntil(lambda: watch.patterns.shown is not None, timeout=30_000)
    shown = watch.patterns.shown
    assert shown is not None
    assert dock.dataset is not None
    per_unit = dock.dataset.electrons_per_unit or 1
    expected = np.asarray(dock.dataset.patterns[1, 3]) * per_unit
    np.testing.assert_allclose(shown.measured[shown.inside], expected[shown.inside], rtol=1e-5)
    assert shown.predicted_inside == pytest.approx(shown.measured.sum(), rel=0.2)
    assert "Scan point (1, 3)" in watch.patterns._title
    assert all(image.getViewBox() is not None for image in (watch.patterns.image, *watch.patterns._others))
    dock.show_point((-30.0, 0.0))
    qtbot.wait(100)
    assert "Scan point (1, 3)" in watch.patterns._title


def test_the_ring_is_read_in_both_units(qtbot: QtBot, small_result: Result) -> None:
    view = SpectrumView()
    qtbot.addWidget(view)
    view.show_phase(small_result)
    view.handle.setPos(QPointF(0.0, 0.8))
    assert view.radius == pytest.approx(0.8)
    assert "0.800 1/Å = 1.25 Å" in view._title


def test_states_are_played_and_stepped(ran: Ran, qtbot: QtBot) -> None:
    dock, viewer = ran
    watch = dock.steps.run.watch
    axis = viewer.dims.axis_labels.index("state")
    viewer.dims.set_current_step(axis, 0)
    press(viewer, ".")
    assert viewer.dims.current_step[axis] == 1
    press(viewer, ",")
    assert viewer.dims.current_step[axis] == 0
    watch.play_button.setChecked(True)
    assert viewer.layers["[run 1] phase"].visible
    qtbot.waitUntil(lambda: viewer.dims.current_step[axis] == 1, timeout=5_000)
    watch.play_button.setChecked(False)


def test_separation_is_drawn_where_there_are_states(ran: Ran) -> None:
    dock, viewer = ran
    chart = dock.steps.run.watch.separation
    assert dock.result is not None
    np.testing.assert_allclose(chart.curves[0].yData, dock.result.history.separation[2:])
    press(viewer, "L")
    assert not dock.steps.run.loss._logarithmic


def test_a_probe_drawn_while_hidden_is_in_the_middle_of_its_chart(qtbot: QtBot) -> None:
    view = ProbeView()
    qtbot.addWidget(view)
    place = np.arange(32) - 16
    spot = np.exp(-(np.add.outer(place**2, place**2)) / 18.0).astype(np.complex64)
    view.show_mode(spot[None], 0, 0.2)
    view.resize(500, 240)
    with qtbot.waitExposed(view):
        view.show()
    for width in (500, 300):
        view.resize(width, 240)
        qtbot.wait(30)
        (left, right), (top, bottom) = view.plotItem.vb.viewRange()
        assert left + right == pytest.approx(0, abs=0.2)
        assert top + bottom == pytest.approx(0, abs=0.2)


def test_motion_is_drawn_beside_the_separation_where_it_is_known(make_dock: MakeDock) -> None:
    watch = make_dock().steps.run.watch
    recipe = standard()
    assert not watch.separation.motions
    history = History(
        loss=(1.0,) * 5,
        stage=(0, 1, 2, 2, 2),
        separation=(0.0, 0.0, 0.1, 0.2, 0.3),
        motion=(np.nan, np.nan, 0.01, np.nan, 0.03),
    )
    chart = watch.separation
    chart.set_palette(Palette.of("dark"))
    chart.show_history(history, recipe)
    x, y = chart.curves[1].getData()
    np.testing.assert_allclose(x, [3, 5])
    np.testing.assert_allclose(y, [0.01, 0.03])
    assert chart.plotItem.getAxis("right").isVisible()
    # A run of free states has none; what an earlier run had stays to be read.
    chart.start()
    chart.show_history(replace(history, motion=(np.nan,) * 5), recipe)
    assert not chart.motions and chart.points == 3
    assert chart.plotItem.getAxis("right").isVisible()


def test_keys_are_given_back(make_dock: MakeDock) -> None:
    one = make_dock()
    viewer = one.display.viewer
    before = dict(viewer.keymap)
    two = make_dock(viewer)
    assert viewer.keymap != before
    two.shutdown()
    assert viewer.keymap == before, "those of the first dock"
    one.shutdown()
    assert not viewer.keymap
    assert not [key for key in viewer.keymap if str(key) == "Space"]


def test_the_space_bar_pauses_while_it_runs_only(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    viewer = dock.display.viewer
    dock.set_recipe(small.with_iterations(1000))
    assert "Space" not in [str(key) for key in viewer.keymap]
    dock.run()
    press(viewer, "Space")
    qtbot.waitUntil(lambda: dock.paused, timeout=30_000)
    dock.stop()
    qtbot.waitUntil(lambda: not dock.running, timeout=30_000)
    assert "Space" not in [str(key) for key in viewer.keymap]


def test_doubts_are_told_before_a_run_and_leave_it_free(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot
) -> None:
    dock = make_dock()
    dock.set_recipe(small.with_set("model.band_limit=0.1"))
    page = dock.steps.run
    dock.steps.show_step("run")
    qtbot.waitUntil(lambda: not page.plan.doubts.isHidden(), timeout=30_000)
    assert "band_limit" in page.plan.doubts.text()
    assert page.run_button.text() == "Run anyway"
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        click(qtbot, page.run_button)


def test_what_stands_in_the_way_is_told_before_a_run(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot
) -> None:
    dock = make_dock()
    dock.set_recipe(small.with_set("data.scan_region=[0,600,0,6]"))
    dock.steps.show_step("run")
    page = dock.steps.run
    qtbot.waitUntil(lambda: not page.plan.wrong.isHidden(), timeout=30_000)
    assert "scan_region" in page.plan.wrong.text()
    dock.steps.data.form.editors["scan_region"].set_value((0, 6, 0, 6))
    dock.steps.show_step("run")
    qtbot.waitUntil(lambda: page.plan.wrong.isHidden(), timeout=30_000)
    qtbot.waitUntil(lambda: "Will take about" in page.cost.text(), timeout=30_000)


def test_the_device_is_chosen_from_those_there_are(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    plan = dock.steps.run.plan
    plan.show_devices((Found("cpu", "4 cores", 8 * 10**9, None), Found("gpu:0", "Some GPU", 2 * 10**9, None)))
    assert [plan.device.itemText(row) for row in range(3)] == [
        "Compute on: automatic (gpu:0)",
        "cpu: 4 cores, 8.0 GB free",
        "gpu:0: Some GPU, 2.0 GB free",
    ]
    plan.device.activated.emit(1)
    assert dock.recipe().run.device == "cpu"
    assert plan.device.currentIndex() == 1
    plan.form.set_value(small.with_set("run.device=gpu:0,1").run)
    plan.form.changed.emit()
    assert plan.device.currentIndex() == -1, "not one of them"


def test_too_little_memory_is_told(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_mixedptycho._napari.work.preflight.free_memory", lambda xp: 1000)
    dock = make_dock()
    dock.set_recipe(small)
    dock.steps.show_step("run")
    page = dock.steps.run
    qtbot.waitUntil(lambda: "are free" in page.plan.doubts.text(), timeout=30_000)


def test_a_complex_object_has_amplitude_and_colours(make_dock: MakeDock, small: Recipe) -> None:
    *_, last = reconstruct(small.with_set("model.object_type=complex").with_set("stages.1.iterations=1"))
    result, viewer = last.result, make_dock().display.viewer
    view = View.of(result)
    assert len(result_layers(result, view, "run 1")) == 5
    layers = RunLayers(viewer, "run 1")
    layers.show(result, view)
    layers.choose("colour wheel")
    wheel, amplitude = viewer.layers["[run 1] colour wheel"], viewer.layers["[run 1] amplitude"]
    assert wheel.rgb
    assert wheel.data.shape == (*result.estimate.object.shape, 3)
    np.testing.assert_allclose(np.asarray(amplitude.data[1, 0]), np.abs(result.estimate.object[1, 0]))
    layers.show(result, view, last=True)
    layers.release()


def test_recipe_and_report_go_to_the_clipboard(
    ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, _ = ran
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    dock._ask.copy_python()
    script = clipboard.text()
    found: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "script", "exec"), found)
    assert found["recipe"] == dock.recipe()
    assert dock.result is not None
    assert Result.load(tmp_path / "result.h5").history.loss == dock.result.history.loss
    dock._ask.copy_report()
    assert "2 object states" in clipboard.text()
    assert "model.states = 2" in clipboard.text()
