"""Pixels that are not believed, drawn on the pattern with the mouse, end in the recipe and in the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPointF, Qt

from napari_mixedptycho._napari.strokes import BOX, BRUSH, LINE, covered
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.cli import main
from napari_mixedptycho.data_settings import pixels_named
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.io import load, sample_path
from napari_mixedptycho.prepare import apply_recipe
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import Result
from tests._napari.driving import click, drag, settle

MakeDock = Callable[..., MixedPtychoWidget]
SAMPLE = "sample:si_sigma9"
FLIPPED = "data.flip_x=true"


def masked(dock: MixedPtychoWidget) -> np.ndarray:
    return pixels_named(dock.recipe().data.masked_pixels, 64)


def place(dock: MixedPtychoWidget, row: float, column: float) -> QPointF:
    """Return where a pixel lies on the pattern's canvas."""
    view, pixel = dock.steps.data.pattern, dock.imaging.scan.pixel
    there = QPointF((column - 32) * pixel, (row - 32) * pixel)
    return QPointF(view.mapFromScene(view.plotItem.vb.mapViewToScene(there)))


def stroke(dock: MixedPtychoWidget, begin: tuple[float, float], end: tuple[float, float]) -> None:
    drag(dock.steps.data.pattern.viewport(), place(dock, *begin), place(dock, *end))


def opened(make_dock: MakeDock, qtbot: QtBot, *changes: str) -> MixedPtychoWidget:
    dock = make_dock(show=True)
    dock.open(SAMPLE)
    if changes:
        recipe = dock.recipe()
        for change in changes:
            recipe = recipe.with_set(change)
        dock.set_recipe(recipe)
        dock.imaging.refresh()
    settle(dock, qtbot)
    click(qtbot, dock.steps.data.virtual.mask_button)
    qtbot.wait(200)
    return dock


@pytest.mark.gl
@pytest.mark.parametrize("changes", [(), (FLIPPED, "data.center=[33.0,30.0]")])
def test_a_stroke_masks_pixels_and_can_be_taken_back(
    changes: tuple[str, ...], make_dock: MakeDock, qtbot: QtBot
) -> None:
    dock = opened(make_dock, qtbot, *changes)
    rings, form = dict(dock.imaging.rings), dock.steps.data.form
    tools, view = dock.steps.data.virtual.mask_tools, dock.steps.data.pattern
    assert not tools.undo.isEnabled()
    click(qtbot, tools.tools[BOX])
    stroke(dock, (10, 12), (14, 20))
    settle(dock, qtbot)
    assert masked(dock).sum() == 5 * 9
    shown = view.masked.image[..., 3] > 0
    assert shown[10:15, 12:21].all()
    assert not shown[10:15, 22:40].any()
    if not changes:
        np.testing.assert_array_equal(shown, masked(dock))
    assert dock.imaging.rings == rings, "the detector stays where it was"
    assert "45" in dock.steps.data.virtual.note.text() or changes
    click(qtbot, tools.erase)
    click(qtbot, tools.tools[BRUSH])
    tools.width_entry.setValue(1)
    stroke(dock, (12, 12), (12, 20))
    assert masked(dock).sum() == 4 * 9
    qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert masked(dock).sum() == 5 * 9
    click(qtbot, tools.clear)
    assert form.value().masked_pixels is None
    click(qtbot, tools.undo)
    assert masked(dock).sum() == 5 * 9
    click(qtbot, tools.undo)
    assert form.value().masked_pixels is None
    assert not tools.undo.isEnabled()
    assert not tools.clear.isEnabled()
    click(qtbot, dock.steps.data.virtual.mask_button)
    stroke(dock, (32, 32), (32, 40))
    assert form.value().masked_pixels is None, "the detector is moved again"
    assert dock.imaging.rings != rings


@pytest.mark.gl
def test_pixels_of_the_file_are_not_erased(make_dock: MakeDock, qtbot: QtBot, tmp_path: Path) -> None:
    mask = np.ones((64, 64), bool)
    mask[20:24, 20:24] = False
    np.save(tmp_path / "mask.npy", mask)
    dock = opened(make_dock, qtbot, f'data.mask="{tmp_path / "mask.npy"}"')
    click(qtbot, dock.steps.data.virtual.mask_tools.erase)
    stroke(dock, (22, 20), (22, 24))
    assert dock.recipe().data.masked_pixels is None
    assert "by hand" in dock.steps.footer.status.text()
    np.testing.assert_array_equal(dock.steps.data.pattern.masked.image[..., 3] > 0, ~mask)


@pytest.mark.gl
def test_a_mask_of_the_dock_is_that_of_the_command_line(
    make_dock: MakeDock, qtbot: QtBot, tmp_path: Path, small: Recipe
) -> None:
    """Spoiled pixels, masked in the dock: dock and command line find what they find in the clean data."""
    spoiled = tmp_path / "spoiled.h5"
    with h5py.File(sample_path("si_sigma9")) as sample, h5py.File(spoiled, "w") as file:
        patterns = np.array(sample["data"])
        patterns[..., 30:34, :20] = 1e4
        file["data"] = patterns
        file.attrs.update(dict(sample.attrs))
    dock = opened(make_dock, qtbot)
    dock.set_recipe(small.model_copy(update={"data": small.data.model_copy(update={"file": str(spoiled)})}))
    settle(dock, qtbot)
    tools = dock.steps.data.virtual.mask_tools
    click(qtbot, tools.tools[LINE])
    tools.width_entry.setValue(4)
    stroke(dock, (31.6, -3.0), (31.9, 19.4))
    saved = tmp_path / "recipe.toml"
    dock._ask._save_recipe(str(saved))
    again = Recipe.from_toml(saved.read_text("utf-8"), "saved")
    assert again.data == dock.recipe().data
    assert pixels_named(again.data.masked_pixels, 64)[30:34, :20].all()
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.run()
    assert main(["run", str(saved), "--out", str(tmp_path / "cli.h5")]) == 0
    told = Result.load(tmp_path / "cli.h5")
    assert told.recipe.data.masked_pixels == again.data.masked_pixels
    np.testing.assert_allclose(told.estimate.object, dock.result.estimate.object, atol=1e-6)
    *_, last = reconstruct(again, load(SAMPLE))
    clean = last.result.estimate.object
    np.testing.assert_allclose(told.estimate.object, clean, atol=1e-3, err_msg="what is masked has no say")


def test_where_nothing_can_be_masked_the_button_says_why(make_dock: MakeDock, tmp_path: Path) -> None:
    dock = make_dock()
    np.save(tmp_path / "bare.npy", np.ones((16, 8, 8), np.float32))
    dock.steps.data.opened.emit(str(tmp_path / "bare.npy"))
    assert not dock.steps.data.virtual.mask_button.isEnabled()
    assert "Answer first" in dock.steps.data.virtual.mask_button.toolTip()


def test_too_intricate_a_mask_is_refused(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    scattered = np.random.default_rng(0).random((64, 64)) < 0.5
    dock.steps.data.virtual.drawn.emit(scattered, False)
    assert masked(dock).sum() == scattered.sum(), "that much fits"
    dataset: Dataset = apply_recipe(dock.recipe(), dock.dataset)
    assert dataset.mask is not None
    assert not dataset.mask[scattered].any()


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7])
def test_a_brush_is_as_wide_as_it_says(width: int) -> None:
    row: Any = covered((64, 64), LINE, (30.2, 5.0), (30.9, 50.0), width)
    assert row.any(axis=1).sum() == width
    inside = row[:, 10:45]
    assert (inside.sum(axis=0) == width).all(), "laid along the row"
    dab = covered((64, 64), BRUSH, (30.2, 20.3), (30.2, 20.3), width)
    assert dab.any(axis=0).sum() == dab.any(axis=1).sum() == width


def test_strokes_end_at_the_edge_and_have_no_gaps() -> None:
    slanted = covered((64, 64), LINE, (2.0, 3.0), (60.0, 33.0), 1)
    assert (slanted.sum(axis=1)[2:61] >= 1).all()
    assert not covered((64, 64), BOX, (70.0, 70.0), (80.0, 90.0), 1).any()
    assert covered((64, 64), BOX, (-5.0, 60.0), (3.0, 90.0), 1).sum() == 4 * 4
    assert not covered((64, 64), BRUSH, (-30.0, -30.0), (-20.0, -30.0), 3).any()
