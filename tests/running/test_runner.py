"""The thread: latest news only, and pause, resume and stop at every iteration."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.running.news import News
from napari_mixedptycho.running.runner import Runner


@pytest.fixture(scope="module")
def steps() -> list[Progress]:
    small = {
        "data": {"scan_region": [0, 4, 0, 4]},
        "model": {"states": 1, "slices": 1},
        "stages": [{"iterations": 3}],
        "run": {"threads": 1},
    }
    return list(reconstruct(Recipe.parse(small)))


class Source:
    """Hands out progress when told to, and notes what became of it."""

    def __init__(self, steps: list[Progress], count: int, error: Exception | None = None) -> None:
        self.steps, self.count, self.error = steps, count, error
        self.allowed = threading.Semaphore(0)
        self.given, self.closed = 0, False

    def __call__(self) -> Iterator[Progress]:
        try:
            for _ in range(self.count):
                assert self.allowed.acquire(timeout=5)
                self.given += 1
                yield self.steps[(self.given - 1) % len(self.steps)]
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True

    def allow(self, count: int) -> None:
        for _ in range(count):
            self.allowed.release()


def until(condition: Callable[[], bool], timeout: float = 5.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def run_through(steps: list[Progress]) -> tuple[Runner, News]:
    """Let a run do all of its steps at once; return it and its only news."""
    source = Source(steps, len(steps))
    runner = Runner(source)
    source.allow(len(steps))
    runner.start()
    assert runner.wait(5)
    news = runner.take()
    assert news is not None
    return runner, news


def test_only_the_latest_is_kept(steps: list[Progress]) -> None:
    runner, news = run_through(steps)
    assert len(steps) == 3
    assert news.progress is steps[2]
    assert runner.take() is None


def test_what_has_happened_is_told_though_its_news_was_overtaken(steps: list[Progress]) -> None:
    told = [replace(steps[0], news=("halved",)), steps[1], replace(steps[2], news=("on the CPU",))]
    _, news = run_through(told)
    assert news.told == ("halved", "on the CPU")


def test_pause_resume_and_stop_act_at_the_next_iteration(steps: list[Progress]) -> None:
    source = Source(steps, 100)
    runner = Runner(source)
    runner.start()
    source.allow(1)
    until(lambda: source.given == 1)
    runner.pause()
    source.allow(10)
    until(lambda: runner.paused)
    given = source.given
    assert given <= 2
    time.sleep(0.05)
    assert source.given == given
    runner.resume()
    until(lambda: source.given == 11)
    assert not runner.paused
    runner.stop()
    source.allow(1)
    assert runner.wait(5)
    assert source.given <= 12
    assert source.closed
    assert runner.over
    assert runner.error is None


def test_stop_ends_a_paused_run(steps: list[Progress]) -> None:
    source = Source(steps, 100)
    runner = Runner(source)
    runner.pause()
    runner.start()
    source.allow(1)
    until(lambda: runner.paused)
    runner.stop()
    assert runner.wait(5)


def test_an_error_keeps_what_was_reached(steps: list[Progress]) -> None:
    source = Source(steps, 2, RuntimeError("the disk is on fire"))
    runner = Runner(source)
    source.allow(2)
    runner.start()
    assert runner.wait(5)
    assert isinstance(runner.error, RuntimeError)
    news = runner.take()
    assert news is not None
    assert news.progress is steps[1]


def test_the_lock_is_passed_on_sooner_while_any_run_goes_on(steps: list[Progress]) -> None:
    usual = sys.getswitchinterval()
    one, other = Source(steps, 2), Source(steps, 2)
    first, second = Runner(one), Runner(other)
    first.start()
    second.start()
    one.allow(1)
    other.allow(1)
    until(lambda: one.given == other.given == 1)
    assert sys.getswitchinterval() < usual / 5
    one.allow(1)
    assert first.wait(5)
    assert sys.getswitchinterval() < usual / 5
    other.allow(1)
    assert second.wait(5)
    assert sys.getswitchinterval() == pytest.approx(usual)
