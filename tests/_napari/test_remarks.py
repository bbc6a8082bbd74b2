"""What is said of a run while it goes on: how fast, how long still, how much memory and where."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from napari_mixedptycho._napari import remarks
from napari_mixedptycho._napari.remarks import facts, memory, speed
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.running import Memory, News
from tests.small import small
from tests.strict_device import install


@pytest.fixture(scope="module")
def progress() -> Progress:
    *_, last = reconstruct(small())
    return replace(last, iteration=3, seconds=0.4, remaining=125.0, evaluations=12345.6)


def test_speed_is_told_with_what_is_left(progress: Progress) -> None:
    assert speed(progress) == ("400 ms per iteration · about 2 min 5 s left · 12\u202f300 evaluations")
    assert "complete" in speed(replace(progress, iteration=progress.iterations))


def test_memory_of_the_host_and_of_the_gpus_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, devices=2, free=2**29)
    both = memory(Memory.now("gpu:0,1"))
    assert both.endswith("<br>gpu:0 1.6 GB of 2.1 GB in use · gpu:1 1.6 GB of 2.1 GB in use")
    assert "gpu:1" not in memory(Memory.now("gpu"))
    on_cpu = Memory.now("cpu")
    assert "gpu" not in memory(on_cpu)
    assert memory(on_cpu).startswith("Memory: ")
    assert memory(replace(Memory.now("gpu"), taken=None)).startswith("gpu:0")


def test_memory_of_the_window_counts_where_the_engine_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remarks, "taken_memory", lambda: 10**9)
    here = Memory(os.getpid(), 3 * 10**9, None, ())
    assert memory(here) == "Memory: 3.0 GB in use"
    assert memory(replace(here, process=-1)) == "Memory: 4.0 GB in use"


def test_where_nothing_is_known_of_the_memory_nothing_is_said(progress: Progress) -> None:
    known = Memory.now("cpu")
    assert facts(News(progress, memory=known)).count("<br>") == 1
    assert facts(News(progress, memory=replace(known, taken=None))) == speed(progress)
    assert facts(News(progress)) == speed(progress)
