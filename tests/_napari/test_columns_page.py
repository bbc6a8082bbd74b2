"""Columns in the viewer: shown, enlarged, clicked, edited by hand and measured again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog

from napari_mixedptycho._napari.column_chart import outline
from napari_mixedptycho._napari.images import region_offset
from napari_mixedptycho._napari.overlays import BARS, ELLIPSES, SCATTER, TRUTH
from napari_mixedptycho._napari.pages.details import PAIRS
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.analysis import Matter, correlations, figures
from napari_mixedptycho.analysis.recovery import Recovery
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import Result
from tests._napari.driving import click

Found = tuple[MixedPtychoWidget, Viewer]


@pytest.fixture
def found(make_dock: Callable[..., MixedPtychoWidget], wide_file: Path) -> Found:
    dock = make_dock()
    dock.open(wide_file)
    dock.find_columns()
    dock.steps.show_step("analyse")
    assert motion(dock).n_columns > 4
    return dock, dock.display.viewer


def motion(dock: MixedPtychoWidget) -> Any:
    assert dock.desk.found is not None
    return dock.desk.found.motion


def test_the_size_of_bars_and_ellipses_is_that_of_the_motion(found: Found) -> None:
    dock, viewer = found
    for name in (BARS, ELLIPSES):
        dock.steps.analyse.overlays.buttons[name].click()
    dock.steps.analyse.overlays.slider.setValue(20)
    moved = motion(dock)
    bars = viewer.layers[f"[wide] {BARS}"].data
    np.testing.assert_allclose(bars[0::2, 1, 0], 40 * moved.sd[:, 0], rtol=1e-5)
    np.testing.assert_allclose(bars[1::2, 1, 1], 40 * moved.sd[:, 1], rtol=1e-5)
    ellipses = viewer.layers[f"[wide] {ELLIPSES}"].data.reshape(moved.n_columns, -1, 2, 2)
    start = (ellipses[:, :, 0] - moved.mean[:, None]) / 20
    spread = 2 * np.einsum("nsi,nsj->nij", start, start) / start.shape[1]
    np.testing.assert_allclose(spread, moved.covariance, atol=1e-6)
    # The scatter follows the slider too.
    scatter = viewer.layers[f"[wide] {SCATTER}"].data[: moved.n_states * moved.n_columns]
    there = (scatter.reshape(moved.n_states, -1, 2) - moved.mean) / 20
    np.testing.assert_allclose(there, moved.positions - moved.mean, atol=1e-6)


def test_arrows_end_at_the_truth(found: Found) -> None:
    dock, viewer = found
    dock.steps.analyse.overlays.buttons[TRUTH].click()
    dock.steps.analyse.overlays.slider.setValue(1)
    comparison = dock.desk.found.comparison
    arrows = viewer.layers[f"[wide] {TRUTH}"].data
    assert len(arrows) == comparison.n_columns > 0
    ends = arrows.sum(axis=1)
    np.testing.assert_allclose(ends, comparison.atoms.true_mean + comparison.atoms.translation, atol=1e-5)


def test_a_choice_hides_and_shows_a_layer(found: Found) -> None:
    dock, viewer = found
    button = dock.steps.analyse.overlays.buttons[SCATTER]
    button.click()
    assert not viewer.layers[f"[wide] {SCATTER}"].visible
    viewer.layers.remove(f"[wide] {SCATTER}")
    button.click()
    assert viewer.layers[f"[wide] {SCATTER}"].visible


def test_a_clicked_column_is_drawn_and_described(found: Found) -> None:
    dock, viewer = found
    page, moved = dock.steps.analyse, motion(dock)
    assert not page.details.column.isVisibleTo(page.details)
    place = moved.mean[1] + region_offset(dock.result) + 0.1
    dock.steps.show_step("analyse")
    dock.show_point(tuple(place))
    assert dock.imaging.point is None, "its cross would hide the column"
    assert page.details.column.isVisibleTo(page.details)
    x, y = page.details.column.points.getData()
    np.testing.assert_allclose(np.stack([y, x], axis=1), moved.positions[:, 1] - moved.mean[1], atol=1e-9)
    assert f"{moved.u_rms[1]:.3f} Å" in page.details.about.text()
    rings = viewer.layers["columns"].border_color
    assert (rings[1] != rings[0]).any()
    dock.steps.show_step("run")
    dock.show_point(tuple(place))
    assert dock.imaging.point is not None
    dock.show_point((-50.0, -50.0))
    assert not page.details.column.isVisibleTo(page.details)
    np.testing.assert_array_equal(viewer.layers["columns"].border_color[1], rings[0])


def test_an_edit_is_measured_at_once_and_can_be_undone(found: Found) -> None:
    dock, viewer = found
    before = motion(dock)
    layer = viewer.layers["columns"]
    layer.selected_data = {0}
    layer.remove_selected()
    assert motion(dock).n_columns == before.n_columns - 1
    assert list(viewer.layers["columns"].features["column"]) == list(range(1, before.n_columns))
    # Put near to where it was, it is drawn to the column, and gets a number of its own.
    viewer.layers["columns"].add(before.mean[0] + 0.1)
    assert dock.desk.found.numbers[-1] == before.n_columns
    np.testing.assert_allclose(motion(dock).mean[-1], before.mean[0], atol=0.02)
    for _ in range(2):
        dock.steps.analyse.undo_button.click()
    np.testing.assert_array_equal(motion(dock).mean, before.mean)
    np.testing.assert_allclose(viewer.layers["columns"].data, before.mean)
    assert not dock.steps.analyse.undo_button.isEnabled()
    with pytest.raises(InputError, match="No column was edited"):
        dock.columns.undo()


def test_a_clicked_column_brings_its_chart_into_view(found: Found, qtbot: QtBot) -> None:
    dock, viewer = found
    page, moved = dock.steps.analyse, motion(dock)
    viewer.window._qt_window.resize(1200, 600)
    with qtbot.waitExposed(viewer.window._qt_window):
        viewer.window._qt_window.show()
    bar = page.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0, timeout=5_000)
    assert bar.value() == 0
    dock.show_point(tuple(moved.mean[1] + region_offset(dock.result)))
    qtbot.waitUntil(lambda: bar.value() > 0, timeout=5_000)
    bar.setValue(0)
    page.details.buttons[PAIRS].click()
    qtbot.waitUntil(lambda: "Neighbours" in page.details.about.text(), timeout=20_000)
    bottom = page.details.mapTo(page.widget(), page.details.rect().bottomLeft()).y()
    qtbot.waitUntil(lambda: bar.value() + page.viewport().height() >= bottom, timeout=5_000)


def test_an_edit_that_was_taken_back_can_be_done_again(found: Found) -> None:
    dock, viewer = found
    page, before = dock.steps.analyse, motion(dock)
    assert not page.redo_button.isEnabled()
    assert "No edit was taken back" in page.redo_button.toolTip()
    viewer.layers["columns"].selected_data = {0, 2}
    viewer.layers["columns"].remove_selected()
    edited = motion(dock)
    page.undo_button.click()
    np.testing.assert_array_equal(motion(dock).mean, before.mean)
    page.redo_button.click()
    np.testing.assert_array_equal(motion(dock).mean, edited.mean)
    np.testing.assert_allclose(viewer.layers["columns"].data, edited.mean)
    assert page.undo_button.isEnabled()
    # Another edit leaves nothing to be done again.
    page.undo_button.click()
    viewer.layers["columns"].selected_data = {1}
    viewer.layers["columns"].remove_selected()
    assert not page.redo_button.isEnabled()
    with pytest.raises(InputError, match="taken back"):
        dock.columns.redo()


def test_a_column_outside_the_object_is_refused_and_put_back(found: Found) -> None:
    dock, viewer = found
    before = motion(dock)
    viewer.layers["columns"].add([500.0, 0.0])
    assert "stay as they were" in dock.steps.footer.status.text()
    assert motion(dock).n_columns == before.n_columns == len(viewer.layers["columns"].data)


def test_the_outline_of_an_ellipse() -> None:
    covariance = np.array([[4.0, 1.0], [1.0, 2.0]])
    line = outline(covariance)
    np.testing.assert_allclose(np.einsum("ip,ij,jp->p", line, np.linalg.inv(covariance), line), 1.0)


def test_pairs_are_drawn_beside_what_chance_gives(found: Found, qtbot: QtBot) -> None:
    dock, _ = found
    details = dock.steps.analyse.details
    details.buttons[PAIRS].click()
    qtbot.waitUntil(lambda: "Neighbours" in details.about.text(), timeout=20_000)
    expected = correlations(motion(dock).positions)
    _, drawn = details.pairs.curves["transverse"].getData()
    np.testing.assert_allclose(drawn, expected.transverse.value)
    _, chance = details.pairs.chances["longitudinal"].getData()
    np.testing.assert_allclose(chance, expected.longitudinal.chance.ravel())
    assert "THz" not in details.about.text()
    dock.steps.analyse.matter.set_value(Matter(atoms=2, mass=28.085))
    dock.steps.analyse.matter.changed.emit()
    assert "THz" in details.about.text()
    table = dock.steps.analyse.table
    rows = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert "B of an atom (Å²)" in rows
    assert "Mean frequency (THz)" in rows


def test_no_thread_is_left_when_the_dock_goes_while_pairs_are_shuffled(found: Found) -> None:
    dock, _ = found
    dock.steps.analyse.details.buttons[PAIRS].click()
    dock.shutdown()
    assert not [thread for thread in threading.enumerate() if thread.name == "mixedptycho pairs"]


def test_the_control_is_one_button_and_ends_in_a_verdict(found: Found, qtbot: QtBot) -> None:
    dock, viewer = found
    page, result = dock.steps.analyse, dock.result
    assert "only the control tells" in page.belief.verdict.text()
    page.belief.control_button.click()
    assert not page.belief.control_button.isEnabled()
    qtbot.waitUntil(lambda: "times the floor" in page.belief.verdict.text(), timeout=60_000)
    assert dock.result.estimate is result.estimate, "the result is on the desk again"
    verdict = dock.desk.found.verdict
    assert verdict.sentence() in page.belief.verdict.text()
    assert page.belief.verdict.text().startswith("✓" if verdict.resolved else "✗")
    assert any("control of wide" in layer.name for layer in viewer.layers)
    # Measured anew, and the columns stand beside the same control.
    layer = viewer.layers["columns"]
    layer.selected_data = {0}
    layer.remove_selected()
    assert len(dock.desk.found.verdict.column_floor) == len(layer.data) == motion(dock).n_columns


def test_a_planted_motion_is_one_button_and_stands_beside_the_verdict(
    found: Found, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_mixedptycho.export.page._figures", lambda _: [])
    dock, _ = found
    belief, result = dock.steps.analyse.belief, dock.result
    click(qtbot, belief.planted_button)
    # The floor is needed too, and not there yet.
    assert [entry.name for entry in dock.lining.queue.entries] == [
        "control of wide",
        "planted motion of wide",
    ]
    qtbot.waitUntil(lambda: "Of a planted motion" in belief.recovery.text(), timeout=120_000)
    assert dock.result.estimate is result.estimate
    recovery = dock.desk.found.recovery
    assert recovery.sentence() in belief.recovery.text()
    assert recovery.asked == 0.05
    assert recovery.planted == pytest.approx(0.05, rel=0.4)
    assert dock.desk.found.verdict.sentence() in belief.verdict.text(), (
        "the control is not the planted motion"
    )
    assert recovery.ratio == pytest.approx(dock.desk.found.verdict.motion / recovery.found)
    # Asked for again, the control is there already.
    dock.lining.duplicate("wide", "planted")
    assert [entry.name for entry in dock.lining.queue.entries][2:] == ["planted motion of wide 2"]
    dock.writing.report_beside(tmp_path / "report.html")
    qtbot.waitUntil(dock.steps.analyse.export_button.isEnabled, timeout=120_000)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert f"Planted motion. {recovery.sentence()}" in text
    assert "--planted 0.05" in text


def test_what_was_planted_before_is_read_beside_the_result(
    make_dock: Callable[..., MixedPtychoWidget], wide_file: Path, tmp_path: Path
) -> None:
    result = Result.load(wide_file)
    result.save(tmp_path / "moving.h5")
    result.save(tmp_path / "moving.control" / "control.h5")
    planted = Recovery(0.05, 0.03, 0.5, (0.4, 0.7), True, 2.0, (1.5, float("inf")), 0.05)
    numbers = json.dumps({"planted": planted.numbers()})
    (tmp_path / "moving.control" / "control.json").write_text(numbers, "utf-8")
    dock = make_dock()
    dock.open(tmp_path / "moving.h5")
    dock.find_columns()
    assert dock.desk.found.recovery.sentence()[:90] == planted.sentence()[:90]
    assert "0.50 (0.40 to 0.70)" in dock.steps.analyse.belief.recovery.text()
    (tmp_path / "moving.control" / "control.json").write_text("{", "utf-8")
    dock.find_columns()
    assert dock.desk.found.recovery is None


def test_a_control_that_lies_beside_the_result_is_used(
    make_dock: Callable[..., MixedPtychoWidget], wide_file: Path, tmp_path: Path
) -> None:
    result = Result.load(wide_file)
    result.save(tmp_path / "moving.h5")
    result.save(tmp_path / "moving.control" / "control.h5")
    dock = make_dock()
    dock.open(tmp_path / "moving.h5")
    dock.find_columns()
    assert dock.desk.found.verdict.ratio == pytest.approx(1.0)


def test_everything_is_written_beside_the_window(
    found: Found, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, album = 4, figures.album  # all of them are drawn below
    monkeypatch.setattr(figures, "album", lambda subject: album(subject)[:some])
    dock, _ = found
    dock.writing.export_beside(tmp_path / "all")
    with pytest.raises(InputError, match="being written"):
        dock.writing.report_beside(tmp_path / "report.html")
    assert not dock.steps.analyse.export_button.isEnabled()
    qtbot.waitUntil(lambda: dock.steps.analyse.export_button.isEnabled(), timeout=120_000)
    names = {path.name for path in (tmp_path / "all").iterdir()}
    assert {
        "columns.csv",
        "positions.csv",
        "mean_phase.png",
        "states.png",
        "result.emd",
        "recipe.toml",
    } <= names
    assert f"Wrote {len(names)} files" in dock.steps.footer.status.text()


def test_all_figures_are_one_action_and_their_folder_can_be_opened(
    found: Found, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, _ = found
    page, folder = dock.steps.analyse, tmp_path / "a folder"
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    assert not page.folder_button.isVisibleTo(page)
    next(action for action in page.export_menu.actions() if action.text() == "All figures…").trigger()
    qtbot.waitUntil(lambda: page.folder_button.isVisibleTo(page), timeout=120_000)
    names = {path.name for path in folder.iterdir()}
    assert {name.rpartition(".")[2] for name in names} == {"png", "svg"}
    assert len({name.rpartition(".")[0] for name in names}) * 2 == len(names)
    assert {"mean_phase.png", "columns.svg", "loss.png", "states.png"} <= names
    assert str(folder) in page.written.text()
    click(qtbot, page.folder_button)
    assert opened == [str(folder)]


def test_the_report_is_written_and_what_fails_is_said(found: Found, qtbot: QtBot, tmp_path: Path) -> None:
    dock, _ = found
    dock.writing.report_beside(tmp_path / "report.html")
    qtbot.waitUntil(lambda: dock.steps.analyse.export_button.isEnabled(), timeout=120_000)
    assert "<h2>Columns</h2>" in (tmp_path / "report.html").read_text("utf-8")
    (tmp_path / "file").write_text("")
    dock.writing.export_beside(tmp_path / "file" / "all")
    qtbot.waitUntil(lambda: dock.steps.analyse.export_button.isEnabled(), timeout=30_000)
    assert "file" in dock.steps.footer.status.text()
    assert dock.steps.footer.status.property("error")
