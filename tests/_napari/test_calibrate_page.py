"""Step 2, driven by its widgets: measure, read, take over, take back; the eight orientations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_mixedptycho._napari.found import SIGNS, WORDS, Findings, meaning, stated
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho._napari.work import calibration
from napari_mixedptycho.calibration import Calibration, calibrate
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.io import load, sample_path
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.stored import Stored
from napari_mixedptycho.thumbnails import Thumbnail, eight
from tests._napari.driving import click, threads

MakeDock = Callable[..., MixedPtychoWidget]
SAMPLE = "sample:si_sigma9"


def askew(path: Path, **numbers: float) -> Path:
    """Write the sample as a camera that is mounted askew stores it: mirrored, off centre."""
    with h5py.File(sample_path("si_sigma9")) as sample, h5py.File(path, "w") as file:
        file["data"] = np.roll(np.flip(np.asarray(sample["data"]), -1), (3, -4), (-2, -1))
        attributes = {**dict(sample.attrs), **numbers}
        file.attrs.update({name: value for name, value in attributes.items() if value == value})
    return path


@pytest.fixture(scope="module")
def sample() -> Dataset:
    dataset = load(SAMPLE)
    return dataset.replace(patterns=Stored.of(dataset.values))


@pytest.fixture(scope="module")
def measured(sample: Dataset) -> Calibration:
    return calibrate(sample)


@pytest.fixture
def quick(measured: Calibration, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let `calibrate` read the patterns once and know the answer."""
    calls: list[int] = []

    def known(dataset: Dataset, *_: Any) -> Calibration:
        calls.append(sum(1 for _ in dataset.rows))
        return measured

    monkeypatch.setattr(calibration, "calibrate", known)
    return calls


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight quick reconstructions that cost nothing; the first is the best."""

    def made(dataset: Dataset, found: Calibration, *_: object) -> Iterator[Thumbnail]:
        rng = np.random.default_rng(0)
        for number, (way, sign) in enumerate(eight(found.orientation)):
            phase = rng.normal(size=(20, 20))
            yield Thumbnail(way, sign * 40.0, (0.0, 0.0), phase, 0.3, 1.0 + number // 2, 1.3, 0.5 * sign)

    monkeypatch.setattr(calibration, "orientation_thumbnails", made)


def measure(dock: MixedPtychoWidget, qtbot: QtBot) -> Findings:
    with qtbot.waitSignal(dock.calibrating.finished, timeout=120_000):
        click(qtbot, dock.steps.calibrate.calibrate_button)
    qtbot.waitUntil(lambda: not dock.calibrating.busy)
    assert dock.calibrating.findings is not None
    return dock.calibrating.findings


def test_an_askew_camera_is_set_right_by_one_button(
    make_dock: MakeDock, qtbot: QtBot, tmp_path: Path
) -> None:
    dock = make_dock()
    path = askew(tmp_path / "askew.h5", detector_sampling_per_A=float("nan"))
    dock.open(path)
    before = dock.recipe()
    measure(dock, qtbot)
    recipe = dock.recipe()
    assert (recipe.data.transpose, recipe.data.flip_y, recipe.data.flip_x) == (False, False, True)
    assert recipe.data.center is not None
    np.testing.assert_allclose(recipe.data.center, (35, 27), atol=0.05)
    page = dock.steps.calibrate
    assert not page.rows.isHidden()
    assert not page.remarks.isHidden()
    dock.imaging.choose("iCoM")
    qtbot.waitUntil(lambda: not dock.imaging.busy, timeout=20_000)
    phase = dock.display.viewer.layers["askew iCoM"].data
    assert ((phase - phase.mean()) ** 3).mean() > 0, "atoms are bright"
    assert "turned along kx" in dock.steps.data.virtual.note.text()
    click(qtbot, page.undo_button)
    assert dock.recipe().data == before.data
    assert dock.recipe().microscope == before.microscope
    click(qtbot, page.use_button)
    assert dock.recipe() == recipe


def test_what_the_file_says_and_agrees_with_stays(
    make_dock: MakeDock, qtbot: QtBot, quick: list[int]
) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    before = dock.recipe()
    measure(dock, qtbot)
    assert quick == [24]
    assert dock.recipe().microscope == before.microscope
    assert dock.recipe().data == before.data
    rows = {made.row.label: made for made in dock.steps.calibrate.rows.rows}
    assert "agrees" in rows["Defocus"].row.source
    for made in rows.values():
        assert made.sign.text() in SIGNS.values()
        assert made.source.text().split(";")[0] in WORDS.values(), "never by colour alone"


def test_a_file_that_is_wrong_is_flagged_in_words(sample: Dataset, measured: Calibration) -> None:
    wrong = sample.replace(detector_sampling=0.06, defocus=150.0)
    told = stated(wrong)
    findings = Findings(measured, wrong, meaning(measured, wrong, told), told, ())
    rows = {row.label: row for row in findings.rows()}
    for label in ("Sampling", "Defocus"):
        assert rows[label].state == "odd"
        assert "differs" in rows[label].source
    assert "-5.8%" in rows["Sampling"].source
    recipe = findings.applied(Recipe())
    assert recipe.microscope.detector_sampling == pytest.approx(measured.sampling.value)
    assert recipe.microscope.defocus == pytest.approx(findings.measured.defocus)


def test_the_measured_number_is_named_where_it_stands(
    make_dock: MakeDock, qtbot: QtBot, quick: list[int]
) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    form = dock.steps.calibrate.form
    qtbot.keyClicks(form.editors["semiangle"].inner.native, "30")
    dock.desk.dataset = dock.dataset.replace(defocus=150.0)
    dock.desk.changed.emit()
    measure(dock, qtbot)
    assert form.value().defocus == pytest.approx(50.6, abs=0.5)
    assert form._notes["defocus"].text().startswith("measured")
    assert form._notes["semiangle"].text().startswith("yours")


def test_too_wide_a_semiangle_is_doubted(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    form = dock.steps.calibrate.form
    qtbot.keyClicks(form.editors["semiangle"].inner.native, "300")
    assert "15 to 40 mrad" in form._notes["semiangle"].text()


@pytest.mark.parametrize("label", ["Disk centre", "Scan rotation", "Descan", "Defocus"])
def test_a_row_opens_its_picture(label: str, make_dock: MakeDock, qtbot: QtBot, quick: list[int]) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    measure(dock, qtbot)
    page = dock.steps.calibrate
    (row,) = [made for made in page.rows.rows if made.row.label == label]
    click(qtbot, row)
    qtbot.waitUntil(lambda: not page.picture.isHidden(), timeout=30_000)
    assert row.isChecked()
    image = page.picture._pixmap.toImage()
    colours = {image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)}
    assert len(colours) > 10
    qtbot.mouseRelease(page.picture, Qt.MouseButton.LeftButton)
    assert page.picture.window_ is not None
    assert not page.picture.window_.isModal()
    page.picture.window_.close()


def test_the_eight_orientations_come_one_by_one_and_one_is_taken(
    make_dock: MakeDock, qtbot: QtBot, quick: list[int], looks: None
) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    page = dock.steps.calibrate
    measure(dock, qtbot)
    click(qtbot, page.eight_button)
    qtbot.waitUntil(lambda: not dock.calibrating.busy, timeout=20_000)
    tiles = page.thumbnails.tiles
    assert tiles[0].text() == "as stored\nbest, in use"
    assert len({tile.text().splitlines()[0] for tile in tiles}) == 8
    assert "Best: as stored" in page.choice.text()
    click(qtbot, tiles[2])
    chosen = Orientation(dock.recipe().data.transpose, dock.recipe().data.flip_y, dock.recipe().data.flip_x)
    assert chosen == eight(Orientation())[2][0]
    assert "in use" in tiles[2].text()
    assert "in use" not in tiles[0].text()
    click(qtbot, page.undo_button)
    assert not dock.recipe().data.flip_x


def test_cancelling_changes_nothing(
    make_dock: MakeDock, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(dataset: Dataset, told: Any, read: Any) -> Calibration:
        for _ in dataset.rows:
            begun.set()
            assert go_on.wait(20)
            read(0.0)
        raise AssertionError("went on although nobody wanted it")

    monkeypatch.setattr(calibration, "calibrate", slow)
    dock = make_dock()
    dock.open(SAMPLE)
    page, before = dock.steps.calibrate, dock.recipe()
    click(qtbot, page.calibrate_button)
    assert begun.wait(20)
    assert not page.calibrate_button.isEnabled()
    assert not page.bar.isHidden()
    click(qtbot, page.cancel_button)
    go_on.set()
    qtbot.waitUntil(lambda: not threads(), timeout=20_000)
    assert dock.recipe() == before
    assert page.calibrate_button.isEnabled()
    assert page.rows.isHidden()


def test_cancelling_in_the_middle_of_the_fit_ends_it(
    make_dock: MakeDock, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, ended = calibration.calibrate, []

    def watched(*given: Any) -> Calibration:
        found = real(*given)
        ended.append(found)
        return found

    monkeypatch.setattr(calibration, "calibrate", watched)
    dock = make_dock()
    dock.open(SAMPLE)
    page, before = dock.steps.calibrate, dock.recipe()
    click(qtbot, page.calibrate_button)
    qtbot.waitUntil(lambda: page.bar.format().startswith("Fitting"), timeout=60_000)
    click(qtbot, page.cancel_button)
    qtbot.waitUntil(lambda: not threads(), timeout=60_000)
    assert not ended
    assert dock.recipe() == before
    assert page.calibrate_button.isEnabled()


@pytest.mark.parametrize("leave", ["close", "other data"])
def test_leaving_in_mid_calibration(
    leave: str, make_dock: MakeDock, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(dataset: Dataset, told: Any, read: Any) -> Calibration:
        while True:
            for _ in dataset.rows:
                read(0.0)

    monkeypatch.setattr(calibration, "calibrate", endless)
    dock = make_dock()
    dock.open(SAMPLE)
    click(qtbot, dock.steps.calibrate.calibrate_button)
    if leave == "close":
        dock.display.viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
    else:
        dock.open(f"{SAMPLE}_static")
        assert dock.steps.calibrate.calibrate_button.isEnabled()
    qtbot.waitUntil(lambda: not threads(), timeout=20_000)


def test_what_cannot_be_measured_is_said(make_dock: MakeDock, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "empty.h5"
    with h5py.File(sample_path("si_sigma9")) as there, h5py.File(path, "w") as file:
        file["data"] = np.zeros((8, 8, 32, 32), np.float32)
        file.attrs.update(dict(there.attrs))
    dock = make_dock()
    dock.open(path)
    click(qtbot, dock.steps.calibrate.calibrate_button)
    qtbot.waitUntil(lambda: not dock.calibrating.busy, timeout=20_000)
    assert "no bright-field disk" in dock.steps.footer.status.text()
    assert dock.steps.calibrate.calibrate_button.isEnabled()
    assert dock.calibrating.findings is None
