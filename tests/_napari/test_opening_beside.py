"""A large scan is read beside the window: what runs in which thread, and what may happen meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

from napari_mixedptycho._napari.pages.virtual import VirtualPanel
from napari_mixedptycho._napari.virtual import Scan
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho._napari.work import opening, reading
from napari_mixedptycho.imaging import Frame
from napari_mixedptycho.io import sample_path
from tests._napari.conftest import MakeDock
from tests._napari.driving import names, settle, threads
from tests.small import small_scan

SAMPLE = "sample:si_sigma9"
THREAD = "mixedptycho opening"


class Held:
    """Reading that waits until it is let go."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.threads: list[str] = []
        self._read = opening.read
        patch.setattr(reading, "_SMALL", 0)  # every file is a large one
        patch.setattr(opening, "read", self)

    def __call__(self, *arguments: Any) -> reading.Opened:
        self.threads.append(threading.current_thread().name)
        if threading.current_thread() is not threading.main_thread():
            self.begun.set()
            assert self.let_go.wait(20)
        return self._read(*arguments)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    made = Held(monkeypatch)
    yield made
    made.let_go.set()


def begin(dock: MixedPtychoWidget, file: Path, held: Held) -> None:
    dock.steps.data.opened.emit(str(file))
    assert held.begun.wait(10)


def end(dock: MixedPtychoWidget, held: Held, qtbot: QtBot) -> None:
    held.let_go.set()
    qtbot.waitUntil(lambda: not dock.opening.busy, timeout=20_000)


def test_a_large_scan_is_read_in_a_thread_and_shown_by_the_window(
    make_dock: MakeDock, held: Held, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    before, shown = dock.dataset, []
    take = dock.opening._imaging.begin
    monkeypatch.setattr(
        dock.opening._imaging,
        "begin",
        lambda *given, **named: (shown.append(threading.current_thread()), take(*given, **named)),
    )
    begin(dock, small_scan(tmp_path / "large.h5"), held)
    assert "Opening large.h5" in dock.steps.footer.status.text()
    qtbot.wait(50)
    assert dock.dataset is before, "the window goes on with what was there"
    assert dock.recipe().data.file == SAMPLE
    end(dock, held, qtbot)
    assert held.threads[-1] == THREAD
    assert shown == [threading.main_thread()]
    assert dock.dataset.name == "large"
    assert dock.recipe().data.file.endswith("large.h5")
    assert "large bright field" in names(dock.display.viewer)
    settle(dock, qtbot)
    assert THREAD not in threads()


def test_what_is_opened_last_is_shown(make_dock: MakeDock, held: Held, qtbot: QtBot, tmp_path: Path) -> None:
    dock = make_dock()
    begin(dock, small_scan(tmp_path / "large.h5"), held)
    dock.open(SAMPLE)
    end(dock, held, qtbot)
    qtbot.wait(100)
    assert dock.dataset.name == "si_sigma9"
    assert names(dock.display.viewer) == ["si_sigma9 bright field"]


def test_what_a_large_file_does_not_say_is_asked(
    make_dock: MakeDock, held: Held, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "bare.h5"
    with h5py.File(sample_path("si_sigma9")) as sample, h5py.File(path, "w") as file:
        file["data"] = np.asarray(sample["data"][:8, :8])
    dock = make_dock()
    begin(dock, path, held)
    end(dock, held, qtbot)
    assert not dock.steps.data.questions.isHidden()
    assert "bare bright field" in names(dock.display.viewer)
    assert "step 1 asks" in dock.steps.footer.status.text()


def test_a_file_that_cannot_be_read_leaves_all_as_it_was(
    make_dock: MakeDock, held: Held, qtbot: QtBot, tmp_path: Path
) -> None:
    dock = make_dock()
    dock.open(SAMPLE)
    dock.steps.data.form.editors["max_angle"].inner.value = "60"
    recipe, dataset = dock.recipe(), dock.dataset
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"no HDF5")
    begin(dock, broken, held)
    end(dock, held, qtbot)
    assert "broken.h5" in dock.steps.footer.status.text()
    assert dock.steps.footer.status.property("error")
    assert (dock.recipe(), dock.dataset) == (recipe, dataset)


def test_the_dock_is_closed_while_a_scan_is_read(
    make_dock: MakeDock, held: Held, qtbot: QtBot, tmp_path: Path
) -> None:
    dock = make_dock()
    begin(dock, small_scan(tmp_path / "large.h5"), held)
    held.let_go.set()
    dock.shutdown()
    assert THREAD not in threads()
    assert dock.dataset is None


def test_small_files_and_samples_are_read_in_place(tmp_path: Path) -> None:
    assert reading.is_quick(SAMPLE)
    assert reading.is_quick(str(small_scan(tmp_path / "small.h5")))
    (tmp_path / "scan.hdr").write_text("HDR,")
    assert not reading.is_quick(str(tmp_path / "scan.hdr")), "a short header, maybe of a long file"
    with h5py.File(tmp_path / "long.h5", "w") as file:
        file["data"] = np.zeros((3, 3, 1024, 1024), np.uint8)
    assert not reading.is_quick(str(tmp_path / "long.h5"))


def test_a_file_that_is_being_read_is_not_asked_for_its_kind_of_number_again() -> None:
    class Patterns:
        shape, asked = (2, 3, 8, 8), 0

        @property
        def dtype(self) -> str:
            type(self).asked += 1
            return "uint16"

    scan = Scan("scan", Patterns(), Frame((8, 8), (4, 4), 2.0))
    assert scan.dtype == np.uint16
    assert scan.nbytes == scan.nbytes == 2 * 3 * 64 * 2
    assert Patterns.asked == 1


class Painted(QObject):
    """Counts how often a widget is drawn."""

    count = 0

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        self.count += event is not None and event.type() == QEvent.Type.Paint
        return False


@pytest.mark.gl
def test_the_bar_is_drawn_with_the_rest_of_the_window(qtbot: QtBot) -> None:
    panel, painted = VirtualPanel(), Painted()
    qtbot.addWidget(panel)
    panel.show()
    panel.show_progress(0.1, 4)
    QApplication.processEvents()
    panel.bar.installEventFilter(painted)
    for done in (0.3, 0.5, 0.7):
        panel.show_progress(done, 4)
    assert painted.count == 0, "not while the news is told"
    qtbot.waitUntil(lambda: painted.count > 0, timeout=5_000)
    assert panel.bar.value() == 70
