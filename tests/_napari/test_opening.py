"""Opening, driven by its widgets: what a file does not say is asked in the page; recent files; masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_mixedptycho._napari.ask import readable
from napari_mixedptycho._napari.form import paths
from napari_mixedptycho._napari.missing import IncompleteError
from napari_mixedptycho._napari.remember import note_recent, recent
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.io import sample_path
from tests._napari.driving import click, names, settle
from tests.small import small_scan

MakeDock = Callable[..., MixedPtychoWidget]
SAMPLE = "sample:si_sigma9"


def stack(path: Path, key: str = "data") -> Path:
    """Write patterns of the sample as a mere stack, without a single number."""
    with h5py.File(sample_path("si_sigma9")) as sample, h5py.File(path, "w") as file:
        file[key] = np.asarray(sample["data"][:12, :12]).reshape(144, 64, 64)
    return path


def test_what_a_file_does_not_say_is_asked_in_the_page(
    make_dock: MakeDock, qtbot: QtBot, tmp_path: Path
) -> None:
    dock = make_dock()
    path = stack(tmp_path / "bare.h5")
    questions = dock.steps.data.questions
    dock.steps.data.opened.emit(str(path))
    assert not questions.isHidden()
    assert dock.dataset is None
    click(qtbot, questions.proposals["12 × 12"])
    assert "bare bright field" in names(dock.display.viewer), "what can be shown is shown"
    assert str(dock.display.viewer.layers[0].units[0]) == "pixel"
    click(qtbot, questions.proposals["60 keV"])
    qtbot.keyClicks(questions.entries["semiangle"].inner.native, "30")
    step = questions.entries["scan_step"].inner.native
    qtbot.keyClicks(step, "0.4")
    qtbot.keyClick(step, Qt.Key.Key_Return)
    assert questions.isHidden()
    assert dock.dataset is not None
    assert dock.dataset.sources["detector_sampling"] == "measured"
    # What is measured from the disk is what the sample's file says, but for its soft edge.
    assert dock.dataset.detector_sampling == pytest.approx(1 / 18, rel=0.03)
    layer = dock.display.viewer.layers["bare bright field"]
    np.testing.assert_allclose(layer.scale, 0.4)
    assert str(layer.units[0]) == "angstrom"
    assert dock.recipe().microscope.semiangle == 30.0
    assert dock.steps.run.run_button.isEnabled()


def test_likely_shapes_come_with_pictures(make_dock: MakeDock, qtbot: QtBot, tmp_path: Path) -> None:
    dock = make_dock()
    with h5py.File(sample_path("si_sigma9")) as sample:
        np.save(tmp_path / "lost.npy", np.asarray(sample["data"][:18]).reshape(432, 64, 64))
    questions = dock.steps.data.questions
    dock.steps.data.opened.emit(str(tmp_path / "lost.npy"))
    qtbot.waitUntil(lambda: "likeliest" in next(iter(questions._shapes.tiles.values())).text())
    tiles = questions._shapes.tiles
    assert next(iter(tiles)) == "18 × 24"
    assert "9 × 48" in tiles
    for tile in tiles.values():
        picture = tile.icon().pixmap(96, 96).toImage()
        greys = {picture.pixelColor(x, y).red() for x in range(96) for y in range(96)}
        assert len(greys) > 20, tile.text()
        assert "alike by" in tile.toolTip()
    assert "sheared" in questions._shape_note.text()
    click(qtbot, questions.proposals["18 × 24"])
    assert dock.recipe().data.scan_shape == (18, 24)
    assert "lost bright field" in names(dock.display.viewer)


def test_the_shape_of_one_file_is_not_that_of_the_next(
    make_dock: MakeDock, qtbot: QtBot, tmp_path: Path
) -> None:
    dock = make_dock()
    questions = dock.steps.data.questions
    dock.steps.data.opened.emit(str(stack(tmp_path / "one.h5")))
    click(qtbot, questions.proposals["12 × 12"])
    assert dock.dataset is None, "its numbers are still asked for"
    np.save(tmp_path / "other.npy", np.ones((160, 16, 16), np.float32))
    dock.steps.data.opened.emit(str(tmp_path / "other.npy"))
    assert dock.recipe().data.scan_shape is None
    assert questions.proposals, "asked again"


def test_a_semiangle_in_rad_leaves_nothing_behind(make_dock: MakeDock, qtbot: QtBot, tmp_path: Path) -> None:
    """The sampling is measured by it: that of the refused number must not stay."""
    dock = make_dock()
    questions = dock.steps.data.questions
    dock.steps.data.opened.emit(str(stack(tmp_path / "bare.h5")))
    click(qtbot, questions.proposals["12 × 12"])
    click(qtbot, questions.proposals["60 keV"])
    qtbot.keyClicks(questions.entries["semiangle"].inner.native, "0.03")
    qtbot.keyClicks(questions.entries["scan_step"].inner.native, "0.4")
    click(qtbot, questions.go_on)
    assert "0.03 rad is 30" in dock.steps.footer.status.text()
    assert dock.dataset is None
    assert not questions.isHidden()
    assert dock.recipe().microscope.detector_sampling is None
    entry = questions.entries["semiangle"].inner.native
    entry.clear()
    qtbot.keyClicks(entry, "30")
    click(qtbot, questions.go_on)
    assert dock.dataset is not None
    assert dock.dataset.detector_sampling == pytest.approx(1 / 18, rel=0.03)


def test_a_script_is_told_what_is_missing(make_dock: MakeDock, tmp_path: Path) -> None:
    dock = make_dock()
    with pytest.raises(IncompleteError, match="scan_shape"):
        dock.open(stack(tmp_path / "bare.h5"))


def test_one_of_several_data_sets_is_chosen(make_dock: MakeDock, qtbot: QtBot, tmp_path: Path) -> None:
    path = small_scan(tmp_path / "two.h5")
    with h5py.File(path, "a") as file:
        file.move("data", "first")
        file["second"] = file["first"][:4, :5]
    dock = make_dock()
    dock.steps.data.opened.emit(str(path))
    questions = dock.steps.data.questions
    click(qtbot, questions.proposals["second"])
    if questions.entries:  # the attributes are those of the file, not of this data set
        questions.clear()
    assert dock.recipe().data.dataset == "second"


def test_numbers_of_an_earlier_file_are_proposed_and_not_taken(
    make_dock: MakeDock, qtbot: QtBot, tmp_path: Path
) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    calibrate = dock.steps.calibrate
    calibrate.set_value(calibrate.form.value().model_copy(update={"semiangle": 29.0}))
    dock.steps.data.form.set_value(dock.recipe().data.model_copy(update={"center": (31.0, 32.0)}))
    bare = small_scan(tmp_path / "bare.h5", semiangle_mrad=float("nan"))
    dock.steps.data.opened.emit(str(bare))
    questions = dock.steps.data.questions
    assert questions.entries["semiangle"].value() == 29.0
    assert dock.recipe().microscope.semiangle is None
    assert dock.recipe().data.center is None
    click(qtbot, questions.go_on)
    assert dock.dataset is not None
    assert dock.dataset.semiangle == 29.0


def test_recent_files_stand_in_a_menu(make_dock: MakeDock, tmp_path: Path) -> None:
    dock = make_dock()
    path = small_scan(tmp_path / "one.h5")
    dock.open(path)
    dock.open(SAMPLE)
    assert recent() == [str(path)], "samples have a menu of their own"
    page = dock.steps.data
    page.recent_menu.aboutToShow.emit()
    assert [action.text() for action in page.recent_menu.actions()] == ["one.h5"]
    page.recent_menu.actions()[0].trigger()
    assert dock.dataset is not None
    assert dock.dataset.name == "one"
    for number in range(12):
        (tmp_path / f"{number}.h5").touch()
        note_recent(str(tmp_path / f"{number}.h5"))
    assert len(recent()) == 8
    assert recent()[0].endswith("11.h5")


def test_the_dialog_offers_every_format() -> None:
    for suffix in (".mib", ".dm4", ".emd", ".raw", ".zarr", ".npy", ".tif", ".h5"):
        assert f"*{suffix}" in readable()


def test_masked_pixels_are_drawn_and_told(make_dock: MakeDock, qtbot: QtBot, tmp_path: Path) -> None:
    dock = make_dock()
    mask = np.ones((64, 64), bool)
    mask[10, 20] = mask[11, 20] = False
    np.save(tmp_path / "mask.npy", mask)
    dock.open(SAMPLE)
    form = dock.steps.data.form
    form.set_value(form.value().model_copy(update={"mask": str(tmp_path / "mask.npy")}))
    dock.imaging.refresh()
    settle(dock, qtbot)
    drawn = dock.steps.data.pattern.masked.image
    np.testing.assert_array_equal(drawn[..., 3] > 0, ~mask)
    assert "Not measured (blue): 2 of 4096 pixels" in dock.steps.data.virtual.note.text()


def test_files_of_the_form_are_chosen_by_a_dialog(
    make_dock: MakeDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = make_dock()
    offered = []

    def chosen(parent: object, title: str, start: str, kinds: str) -> tuple[str, str]:
        offered.append(kinds)
        return "/somewhere/earlier.nxs", kinds

    monkeypatch.setattr(paths.QFileDialog, "getOpenFileName", chosen)
    dock.steps.model.guess.editors["result"].browse.click()
    assert dock.recipe().guess.result == "/somewhere/earlier.nxs"
    assert all(suffix in offered[0] for suffix in ("*.h5", "*.hdf5", "*.nxs", "*.npz"))
