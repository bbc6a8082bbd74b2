"""Brush, then Calibrate: what is masked by hand has no say in what the dock measures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPointF

from napari_mixedptycho._napari.strokes import BOX
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho._napari.work import calibration
from napari_mixedptycho.calibration import Calibration, calibrate
from napari_mixedptycho.data_settings import pixels_named
from napari_mixedptycho.dataset import Dataset
from tests._napari.driving import click, drag, settle
from tests.calibration.scans import DEFOCUS, ROTATION, SIZE, TURNED, scan, stored

MakeDock = Callable[..., MixedPtychoWidget]
ROWS = slice(11, 13)
"""Of the detector, as stored: they glow."""


def glowing(path: Path) -> Path:
    """Write a scan on a turned detector, two of whose rows glow."""
    patterns = scan()
    level = 3 * patterns.mean(axis=(0, 1)).max()
    patterns[..., ROWS, :] = np.random.default_rng(1).poisson(level, patterns[..., ROWS, :].shape)
    return stored(path, patterns, dk=1 / 16)


def stroke(dock: MixedPtychoWidget, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from one (row, column) of the pattern on screen to another."""
    view, pixel = dock.steps.data.pattern, dock.imaging.scan.pixel
    ends = []
    for row, column in (begin, end):
        there = QPointF((column - SIZE // 2) * pixel, (row - SIZE // 2) * pixel)
        ends.append(QPointF(view.mapFromScene(view.plotItem.vb.mapViewToScene(there))))
    drag(view.viewport(), *ends)


def measure(dock: MixedPtychoWidget, qtbot: QtBot) -> Calibration:
    with qtbot.waitSignal(dock.calibrating.finished, timeout=240_000):
        click(qtbot, dock.steps.calibrate.calibrate_button)
    qtbot.waitUntil(lambda: not dock.calibrating.busy, timeout=60_000)
    assert dock.calibrating.findings is not None
    return dock.calibrating.findings.found


@pytest.mark.gl
@pytest.mark.parametrize("turned", [False, True])
def test_rows_that_glow_are_brushed_away_and_the_scan_is_calibrated(
    turned: bool, make_dock: MakeDock, qtbot: QtBot, tmp_path: Path
) -> None:
    """Also where the patterns on screen are transposed: what is drawn there is named as stored."""
    dock = make_dock(show=True)
    dock.open(glowing(tmp_path / "glowing.h5"))
    if turned:
        dock.set_recipe(dock.recipe().with_set("data.transpose=true"))
        dock.imaging.refresh()
    settle(dock, qtbot)
    if not turned:
        spoilt = measure(dock, qtbot)
        assert spoilt.orientation != TURNED, "nothing was spoilt: this shows nothing"
        click(qtbot, dock.steps.calibrate.undo_button)
        settle(dock, qtbot)
    click(qtbot, dock.steps.data.virtual.mask_button)
    click(qtbot, dock.steps.data.virtual.mask_tools.tools[BOX])
    qtbot.wait(200)
    ends = ((11, 0), (12, 31))
    stroke(dock, *((tuple(reversed(end)) for end in ends) if turned else ends))
    settle(dock, qtbot)
    masked = pixels_named(dock.recipe().data.masked_pixels, SIZE)
    assert np.flatnonzero(masked.all(axis=1)).tolist() == [11, 12]
    assert masked.sum() == 2 * SIZE
    found = measure(dock, qtbot)
    assert found.orientation == TURNED
    assert found.rotation is not None
    assert found.rotation.value == pytest.approx(ROTATION, abs=1)
    assert found.defocus is not None
    assert found.defocus.value == pytest.approx(DEFOCUS, abs=8)
    assert found.pixels.listed() == [[5, 7]]
    data = dock.recipe().data
    assert pixels_named(data.masked_pixels, SIZE).sum() == 2 * SIZE, "the mask stays"
    assert (data.transpose, data.flip_y, data.flip_x) == (True, True, False)
    rows = {made.row.label: made.row for made in dock.steps.calibrate.rows.rows}
    assert "64 masked pixels had no say" in rows["Bad pixels"].source


@pytest.mark.gl
def test_a_mask_that_is_drawn_later_asks_for_another_calibration(
    make_dock: MakeDock, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[Calibration] = []

    def once(dataset: Dataset, *given: Any) -> Calibration:
        known.append(known[0] if known else calibrate(dataset, *given))
        return known[-1]

    monkeypatch.setattr(calibration, "calibrate", once)
    dock = make_dock(show=True)
    dock.open(stored(tmp_path / "scan.h5", scan(), dk=1 / 16))
    settle(dock, qtbot)
    page = dock.steps.calibrate
    measure(dock, qtbot)
    settle(dock, qtbot)
    assert page.change.isHidden()
    click(qtbot, dock.steps.data.virtual.mask_button)
    click(qtbot, dock.steps.data.virtual.mask_tools.tools[BOX])
    qtbot.wait(200)
    stroke(dock, (3, 3), (6, 6))
    settle(dock, qtbot)
    assert not page.change.isHidden()
    assert "another mask" in page.change.text()
    mask = dock.recipe().data.masked_pixels
    click(qtbot, page.undo_button)
    assert dock.recipe().data.masked_pixels == mask, "what was drawn since is no part of what is taken back"
    assert not dock.recipe().data.transpose
    click(qtbot, dock.steps.data.virtual.mask_tools.undo)
    assert page.change.isHidden()
    qtbot.keyClicks(page.form.editors["semiangle"].inner.native, "24")
    assert "another semi-angle" in page.change.text()
    measure(dock, qtbot)
    assert len(known) == 2
    assert page.change.isHidden()


def test_a_mask_that_does_not_fit_is_said(make_dock: MakeDock, qtbot: QtBot, tmp_path: Path) -> None:
    np.save(tmp_path / "mask.npy", np.ones((8, 8)))
    dock = make_dock()
    dock.open(stored(tmp_path / "scan.h5", scan()[:8, :8], dk=1 / 16))
    dock.set_recipe(dock.recipe().with_set(f'data.mask="{tmp_path / "mask.npy"}"'))
    click(qtbot, dock.steps.calibrate.calibrate_button)
    assert "mask has shape (8, 8)" in dock.steps.footer.status.text()
    assert not dock.calibrating.busy
