"""Work beside the window: the latest wish wins, errors are heard, and no thread stays."""

from __future__ import annotations

import threading

import pytest
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari.background import Background, Post

NAME = "a test's background"


def there() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == NAME]


@pytest.fixture
def background(qtbot: QtBot) -> Background:
    return Background(NAME)


def test_news_arrive_and_the_thread_ends(background: Background, qtbot: QtBot) -> None:
    heard: list[int] = []
    background.arrived.connect(heard.append)
    with qtbot.waitSignal(background.ended):
        background.ask(lambda post: [post(n) for n in range(100)] and None)
    assert heard[-1] == 99
    assert not background.busy
    background.shutdown()
    assert not there()


def test_a_later_wish_takes_the_place_of_an_earlier_one(background: Background, qtbot: QtBot) -> None:
    begun, go_on, heard = threading.Event(), threading.Event(), []
    left: list[str] = []

    def slow(post: Post) -> None:
        begun.set()
        assert go_on.wait(10)
        post("slow")
        left.append("went on although nobody wanted it")

    background.arrived.connect(heard.append)
    background.ask(slow)
    assert begun.wait(10)
    for number in range(5):
        background.ask(lambda post, number=number: post(number))
    with qtbot.waitSignal(background.ended):
        go_on.set()
    assert heard == [4]
    assert not left
    background.shutdown()


def test_an_error_is_heard(background: Background, qtbot: QtBot) -> None:
    def broken(post: Post) -> None:
        raise MemoryError

    with qtbot.waitSignal(background.failed) as heard:
        background.ask(broken)
    assert isinstance(heard.args[0], MemoryError)
    background.shutdown()


def test_nothing_is_heard_of_what_was_cancelled(background: Background, qtbot: QtBot) -> None:
    begun, heard = threading.Event(), []

    def endless(post: Post) -> None:
        while True:
            begun.set()
            post("news")

    background.arrived.connect(heard.append)
    background.ask(endless)
    assert begun.wait(10)
    background.shutdown()
    assert not there()
    assert not background.busy
    qtbot.wait(80)
    assert not heard


def test_patient_jobs_are_seen_although_they_follow_each_other_fast(
    background: Background, qtbot: QtBot
) -> None:
    begun, go_on, heard = threading.Event(), threading.Event(), []

    def first(post: Post) -> None:
        begun.set()
        assert go_on.wait(10)
        post("first")

    background.arrived.connect(heard.append)
    background.ask(first, patient=True)
    assert begun.wait(10)
    for number in range(5):
        background.ask(lambda post, number=number: post(number), patient=True)
    with qtbot.waitSignal(background.ended):
        go_on.set()
        qtbot.waitUntil(lambda: bool(heard))
    assert heard[-1] == 4
    assert set(heard) <= {"first", 4}
    background.shutdown()
