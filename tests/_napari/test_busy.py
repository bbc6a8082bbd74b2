"""Long work beside the window shows in napari's activity dock, and can be cancelled there."""

from __future__ import annotations

import threading

from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari.background import Background, Post
from tests._napari.conftest import MakeDock


def wait(gate: threading.Event) -> None:
    assert gate.wait(20)


def test_long_work_shows_and_can_be_cancelled(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    gate, left = threading.Event(), threading.Event()

    def job(post: Post) -> None:
        try:
            while not gate.wait(0.01):
                post("still here")
        finally:
            left.set()

    work = Background("mixedptycho export", dock.desk, "Writing")
    work.ask(job)
    dock.busy.look()
    assert not dock.busy.shown, "short work is not worth a bar"
    dock.busy.look()
    bar = dock.busy.shown[work]
    assert bar.shown
    with qtbot.waitSignal(work.ended, timeout=5_000):
        bar._bar.cancel()
        dock.busy.look()
    assert left.wait(5), "its thread has let go"
    assert not dock.busy.shown
    assert not bar.shown


def test_a_bar_goes_when_the_work_is_done(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    gate = threading.Event()
    work = Background("mixedptycho pairs", dock.desk, "Correlating")
    work.ask(lambda _: wait(gate))
    dock.busy.look()
    dock.busy.look()
    assert work in dock.busy.shown
    with qtbot.waitSignal(work.ended, timeout=20_000):
        gate.set()
    dock.busy.look()
    assert not dock.busy.shown


def test_what_nobody_waits_for_is_not_shown(make_dock: MakeDock) -> None:
    dock = make_dock()
    gate = threading.Event()
    work = Background("mixedptycho preflight", dock.desk)
    work.ask(lambda _: wait(gate))
    dock.busy.look()
    dock.busy.look()
    assert work not in dock.busy.shown
    gate.set()
    work.shutdown()


def test_cancelling_the_bar_of_a_run_stops_it(make_dock: MakeDock, qtbot: QtBot) -> None:
    dock = make_dock()
    stopped: list[int] = []
    dock.busy._stop = lambda: stopped.append(1)
    dock.runs.activity.begin("run 1", 10)
    dock.busy.look()
    assert not stopped
    dock.runs.activity._bar.cancel()
    dock.busy.look()
    assert stopped
    dock.runs.activity.end()
