"""What the screen takes of a run: images in their own thread, one drawing per update, and time to rest."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils import progress
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtGui import QMovie
from qtpy.QtWidgets import QApplication, QLabel, QProgressBar, QVBoxLayout, QWidget

from napari_mixedptycho._napari.control import Control
from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.pages.footer import Footer
from napari_mixedptycho._napari.parts import Steady
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.prepare import open_dataset
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.running import Job, work
from tests._napari.conftest import MakeDock

LINE = "stage moving, iteration 3 of 9"


class Counter(QObject):
    """Counts events of a kind that a widget, or one of a class, is sent."""

    def __init__(self, kind: QEvent.Type, of: QObject | type[QObject]) -> None:
        super().__init__()
        self.kind, self.of, self.count = kind, of, 0

    def eventFilter(self, receiver: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        wanted = isinstance(receiver, self.of) if isinstance(self.of, type) else receiver is self.of
        self.count += int(wanted and event is not None and event.type() == self.kind)
        return False

    def __enter__(self) -> Counter:
        QApplication.instance().installEventFilter(self)
        return self

    def __exit__(self, *_: object) -> None:
        QApplication.instance().removeEventFilter(self)


def test_images_are_made_neither_by_the_engine_nor_by_the_window(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers = set()

    def noted(result: Result) -> View:
        makers.add(threading.current_thread().name)
        return made(result)

    made = View.of
    monkeypatch.setattr(View, "of", noted)
    dock = make_dock()
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        dock.run()
    assert makers == {"mixedptycho images"}


def test_hidden_layers_are_brought_up_to_date_when_they_are_shown_and_at_the_end(
    ran: tuple[MixedPtychoWidget, Any],
) -> None:
    dock, viewer = ran
    result = dock.result
    assert result is not None
    spread, phase = (viewer.layers[f"[{dock.display.run_name}] {name}"] for name in ("state spread", "phase"))
    np.testing.assert_array_equal(phase.data, result.phase())
    changed = result.replace(estimate=result.estimate.with_blocks({"object": 2 * result.estimate.object}))
    view = View.of(changed)
    dock.display.show_result(changed, view)
    np.testing.assert_array_equal(phase.data, result.phase())
    phase.visible = True
    np.testing.assert_array_equal(phase.data, changed.phase())
    assert spread.data is not view.spread
    dock.display.settle()
    assert spread.data is view.spread


def test_a_slow_screen_rests_many_times_as_long_as_it_was_drawn(
    small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    step = next(iter(reconstruct(small)))
    release = threading.Event()

    def endless(*_: object) -> Iterator[Progress]:
        for count in range(10_000):
            if release.wait(0.005):
                return
            yield replace(step, iteration=count)

    monkeypatch.setattr(work, "reconstruct", endless)
    owner = QObject()
    control, begun, ended = Control(owner), [], []

    def draw() -> None:
        time.sleep(0.04)
        ended.append(time.monotonic())

    def show(*_: object) -> None:
        begun.append(time.monotonic())
        QTimer.singleShot(0, draw)

    control.arrived.connect(show)
    control.start(Job(small, open_dataset(small)), tmp_path / "copy.h5")
    qtbot.waitUntil(lambda: len(begun) > 3, timeout=20_000)
    release.set()
    with qtbot.waitSignal(control.ended, timeout=20_000):
        pass
    gaps = np.array(begun[1:4]) - np.array(ended[:3])
    assert gaps.min() >= 9 * 0.04, "it would take more than a tenth of the time"


@pytest.mark.parametrize("steady", [True, False])
def test_words_that_change_leave_the_layout_in_peace(qtbot: QtBot, steady: bool) -> None:
    window, label = QWidget(), QLabel()
    label.setWordWrap(True)
    held = Steady(label) if steady else label
    column = QVBoxLayout(window)
    column.addWidget(held)
    qtbot.addWidget(window)
    window.resize(300, 200)
    with qtbot.waitExposed(window):
        window.show()
    label.setText(LINE)
    qtbot.wait(50)
    height = held.height()
    with Counter(QEvent.Type.LayoutRequest, window) as counter:
        for number in range(5):
            label.setText(LINE.replace("3", str(number)))
            qtbot.wait(20)
        assert (counter.count == 0) == steady
        assert held.height() == height
        label.setText(10 * LINE)
        qtbot.waitUntil(lambda: counter.count > 0)
    if steady:
        qtbot.waitUntil(lambda: held.height() > 2 * height)
        assert label.height() == held.height()
        label.hide()
        qtbot.waitUntil(lambda: held.height() == 0)


def test_progress_is_not_drawn_before_the_rest_of_the_news(qtbot: QtBot) -> None:
    footer = Footer()
    qtbot.addWidget(footer)
    footer.begin(100)
    with qtbot.waitExposed(footer):
        footer.show()
    QApplication.processEvents()
    with Counter(QEvent.Type.Paint, QProgressBar) as counter:
        footer.show_count(50)
        assert counter.count == 0
        QApplication.processEvents()
        assert counter.count > 0


def test_nothing_turns_while_a_run_goes_on(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    window = dock.window()
    activity = dock.runs.activity
    activity.begin("run 1", 10)
    wheels = [label.movie() for label in window.findChildren(QLabel) if label.movie() is not None]
    running = QMovie.MovieState.Running
    assert wheels
    assert all(wheel.state() != running for wheel in wheels)
    activity.end()
    other = progress(total=3, file=io.StringIO())
    assert any(wheel.state() == running for wheel in wheels), "others have it turn again"
    other.close()
