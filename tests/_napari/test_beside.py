"""Several runs beside each other: what is seen, what is shared, and what is there after leaving them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from tests._napari.driving import click, press

MakeDock = Callable[..., MixedPtychoWidget]
MEAN = [f"[seed {seed}] mean phase" for seed in range(3)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three results of the same place: of other seeds, the last with two states."""
    folder, found = tmp_path_factory.mktemp("three"), []
    for seed, states in enumerate((1, 1, 2)):
        recipe = {
            "data": {"file": "sample:si_sigma9", "scan_region": [0, 8, 0, 8]},
            "model": {"states": states, "slices": 1},
            "stages": [{"iterations": 1}],
            "run": {"threads": 1, "seed": seed},
        }
        *_, last = reconstruct(Recipe.parse(recipe))
        found.append(folder / f"seed {seed}.h5")
        last.result.save(found[-1])
    return found


def three(make_dock: MakeDock, files: list[Path], **options: Any) -> tuple[MixedPtychoWidget, Viewer]:
    dock = make_dock(**options)
    for path in files:
        dock.open(path)
    dock.steps.show_step("run")
    dock.steps.run.turn("runs")
    return dock, dock.display.viewer


def tick(dock: MixedPtychoWidget, row: int) -> None:
    """Click the small box at the front of a row, which is what changes the state of the item."""
    item = dock.steps.run.table.table.item(row, 0)
    assert item is not None
    checked = item.checkState() == Qt.CheckState.Checked
    item.setCheckState(Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked)


def seen(viewer: Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers if layer.visible]


def look(viewer: Viewer) -> tuple[Any, ...]:
    """Return all that is to be as it was before."""
    grid, camera = viewer.canvas.grid, viewer.scene.camera
    limits = [tuple(layer.contrast_limits) for layer in viewer.layers]
    overlays = [layer.name_overlay.visible for layer in viewer.layers]
    place = (tuple(camera.center), camera.zoom)
    return seen(viewer), limits, overlays, place, grid.enabled, grid.stride, grid.shape, grid.spacing


def test_ticked_runs_stand_side_by_side_and_leave_no_trace(
    make_dock: MakeDock, files: list[Path], qtbot: QtBot
) -> None:
    dock, viewer = three(make_dock, files)
    page = dock.steps.run.table
    assert not page.beside_button.isEnabled()
    assert "Tick two runs" in page.beside_button.toolTip()
    with pytest.raises(InputError, match="Tick two runs"):
        dock.comparing.put_beside()
    for row in range(3):
        tick(dock, row)
    viewer.layers[MEAN[0]].contrast_limits = (-0.3, 0.1)
    before = look(viewer)
    click(qtbot, page.beside_button)
    assert seen(viewer) == MEAN
    grid = viewer.canvas.grid
    places = [grid.position(viewer.layers.index(name), viewer.layers) for name in MEAN]
    assert grid.enabled
    assert len(set(places)) == 3
    limits = {tuple(viewer.layers[name].contrast_limits) for name in MEAN}
    assert len(limits) == 1, "one contrast"
    assert limits.pop()[0] <= -0.3
    assert all(viewer.layers[name].name_overlay.visible for name in MEAN)
    viewer.layers[MEAN[1]].contrast_limits = (-0.2, 0.2)
    assert list(viewer.layers[MEAN[2]].contrast_limits) == [-0.2, 0.2], "it is changed for all"
    dock.steps.run.watch.turn("loss")
    click(qtbot, page.beside_button)
    assert look(viewer) == before
    viewer.layers[MEAN[1]].contrast_limits = (-0.7, 0.7)
    assert list(viewer.layers[MEAN[2]].contrast_limits) != [-0.7, 0.7], "no longer tied together"


def test_the_images_chosen_above_the_chart_change_in_every_cell(
    make_dock: MakeDock, files: list[Path], qtbot: QtBot
) -> None:
    dock, viewer = three(make_dock, files)
    page = dock.steps.run
    for row, which in enumerate("ab"):
        page.table.table.selectRow(row)
        click(qtbot, page.table.buttons[which])
    before = look(viewer)
    click(qtbot, page.table.beside_button)
    assert seen(viewer) == MEAN[:2], "A and B, where nothing is ticked"
    page.turn("watch")
    click(qtbot, page.watch.show_buttons["phase"])
    assert seen(viewer) == ["[seed 0] phase", "[seed 1] phase"]
    assert viewer.canvas.grid.enabled
    click(qtbot, page.watch.show_buttons["mean phase"])
    viewer.canvas.grid.enabled = False  # napari's own button
    assert look(viewer) == before
    page.turn("runs")
    assert not page.table.beside_button.isChecked()


@pytest.mark.parametrize("leave", ["blink", "show", "run", "open", "close"])
def test_whatever_shows_one_image_leaves_the_grid(
    leave: str, make_dock: MakeDock, files: list[Path], small: Recipe, qtbot: QtBot
) -> None:
    dock, viewer = three(make_dock, files)
    for row in range(3):
        tick(dock, row)
    dock.comparing.do("a", "seed 0")
    dock.comparing.do("b", "seed 1")
    click(qtbot, dock.steps.run.table.beside_button)
    zoom = viewer.scene.camera.zoom
    if leave == "blink":
        press(viewer, "B")
        assert [name for name in seen(viewer) if name in MEAN] == [MEAN[0]]
    elif leave == "show":
        dock.steps.run.table.table.selectRow(1)
        click(qtbot, dock.steps.run.table.buttons["show"])
        assert viewer.layers[MEAN[1]].visible
    elif leave == "open":
        dock.open(files[0])
        assert viewer.layers["[seed 0 2] mean phase"].visible
    elif leave == "close":
        dock.shutdown()
    else:
        dock.set_recipe(small)
        with qtbot.waitSignal(dock.finished, timeout=30_000):
            dock.run()
        assert viewer.layers["[run 1] mean phase"].visible
    assert not viewer.canvas.grid.enabled
    assert viewer.scene.camera.zoom > zoom
    assert not any(layer.name_overlay.visible for layer in viewer.layers)


def test_layers_that_go_meanwhile_do_no_harm(make_dock: MakeDock, files: list[Path], qtbot: QtBot) -> None:
    dock, viewer = three(make_dock, files)
    for row in range(3):
        tick(dock, row)
    click(qtbot, dock.steps.run.table.beside_button)
    viewer.layers.remove(MEAN[0])
    dock.comparing.do("delete", "seed 1")
    dock.display.choose("state spread")
    assert seen(viewer) == ["[seed 0] state spread", "[seed 2] state spread"]
    viewer.layers.clear()
    click(qtbot, dock.steps.run.table.beside_button)
    assert not viewer.canvas.grid.enabled
    click(qtbot, dock.steps.run.table.beside_button)
    assert seen(viewer) == ["[seed 0] state spread", "[seed 2] state spread"], "made anew"


@pytest.mark.gl
def test_every_cell_shows_its_run(make_dock: MakeDock, files: list[Path], qtbot: QtBot) -> None:
    dock, viewer = three(make_dock, files, show=True)
    viewer.scene.camera.zoom *= 4
    for row in range(3):
        tick(dock, row)

    def picture() -> np.ndarray:
        qtbot.wait(100)
        return np.asarray(viewer.screenshot(canvas_only=True, flash=False)[..., :3], dtype=float)

    def cells() -> list[np.ndarray]:
        """Return what is seen in the middle of each quarter of the canvas."""
        seen = picture()
        height, width = (size // 2 for size in seen.shape[:2])
        quarters = [seen[y : y + height, x : x + width] for y in (0, height) for x in (0, width)]
        return [part[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4] for part in quarters]

    def gap() -> float:
        """Return how bright it is between the cells at the left."""
        seen = picture()
        height, width = (size // 2 for size in seen.shape[:2])
        return float(seen[height - 1 : height + 1, : width * 3 // 4].mean())

    click(qtbot, dock.steps.run.table.beside_button)
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (2, 2)
    first, second, third, empty = cells()
    assert min(part.std() for part in (first, second, third)) > 5, "an image in each"
    assert empty.std() == 0
    assert gap() < 5
    assert np.abs(first - second).mean() > 2, "of another run"
    layers = [viewer.layers[name] for name in MEAN]
    for layer in layers[1:]:
        layer.data = layers[0].data
    first, second, third, _ = cells()
    for other in (second, third):
        assert np.abs(first - other).mean() < 2, "the same image at the same place with the same contrast"
    viewer.scene.camera.center = (0.0, 1.0, 1.0)
    moved, other, *_ = cells()
    assert np.abs(moved - first).mean() > 20
    assert np.abs(moved - other).mean() < 8, "the camera is one, to a part of a pixel"
    click(qtbot, dock.steps.run.table.beside_button)
    assert gap() > 20, "one image fills the canvas again"
