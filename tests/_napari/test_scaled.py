"""Displays with more dots than pixels, and pages that are drawn only once they have their room."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication

from napari_mixedptycho._napari.column_chart import ColumnChart, Scatter
from tests._napari.conftest import MakeDock
from tests._napari.walking import unfold

_WALK = """
import numpy as np
from qtpy.QtWidgets import QApplication
from napari_mixedptycho._napari.pages.found import PictureBox
from napari_mixedptycho._napari.pages.shapes import ShapeTiles
from napari_mixedptycho.imaging import ScanGuess

app = QApplication([])
image = np.random.default_rng(0).normal(size=(400, 400))
box, tiles = PictureBox(), ShapeTiles(160_000)
box.resize(300, 300)
box.show()
box.show_picture(np.full((600, 900, 4), 200, np.uint8))
tiles.show_guesses([ScanGuess((400, 400), 0.9, image)])
tiles.show()
app.processEvents()
tile = tiles.tiles["400 × 400"]
icon = tile.icon().pixmap(tile.iconSize(), tile.devicePixelRatioF())
for name, shown, width in (("picture", box.pixmap(), box.width() - 2), ("tile", icon, 96)):
    print(name, shown.devicePixelRatio(), shown.width(), width)
print("height", box.height())
"""


def test_our_own_pictures_have_as_many_dots_as_the_screen() -> None:
    environment = {**os.environ, "QT_SCALE_FACTOR": "2", "QT_QPA_PLATFORM": "offscreen"}
    ran = subprocess.run(
        [sys.executable, "-c", _WALK], env=environment, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    told = {line.split()[0]: [float(part) for part in line.split()[1:]] for line in ran.stdout.splitlines()}
    for name in ("picture", "tile"):
        ratio, dots, width = told[name]
        assert ratio == 2.0, name
        assert dots == pytest.approx(2 * width, abs=1), name
    assert told["height"][0] == pytest.approx(298 * 600 / 900 + 2, abs=1), "as high as it is drawn"


def test_a_page_has_its_room_when_it_comes_into_view(make_dock: MakeDock) -> None:
    dock = make_dock(show=True)
    dock.window().resize(1366, 768)
    dock.open("sample:si_sigma9")
    unfold(dock)
    QApplication.processEvents()
    for name, page in dock.steps._pages().items():
        dock.steps.show_step(name)
        # Before a single event is handled: what is drawn now is what is seen.
        needed = page.inner.layout().minimumHeightForWidth(page.inner.width())
        assert page.inner.height() >= needed, name


def test_nothing_says_that_no_scan_is_open_while_one_is_looked_at(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    view = dock.steps.model.outlook
    dock.steps.show_step("model")
    assert "Open a scan" in view.empty.text()
    dock.open("sample:si_sigma9")
    assert "Looking at the scan" in view.empty.text()
    qtbot.waitUntil(lambda: view.empty.isHidden() and not dock.modelling.busy, timeout=20_000)


def test_the_ellipse_of_the_truth_is_all_in_the_chart(qtbot: QtBot) -> None:
    chart = ColumnChart()
    qtbot.addWidget(chart)
    chart.resize(400, 250)
    chart.show()
    states, covariance = np.array([[0.01, 0.0], [-0.01, 0.0]]), np.diag([1e-4, 1e-4])
    chart.show_column(Scatter("3", states, covariance, np.diag([0.06**2, 0.05**2])))
    QApplication.processEvents()
    seen = chart.plotItem.vb.viewRect()
    x, y = chart.truth.getData()
    assert seen.left() < x.min() < x.max() < seen.right()
    assert seen.top() < y.min() < y.max() < seen.bottom()
