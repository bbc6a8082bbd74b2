"""What is said of a run while it goes on: how fast, how long still, how much memory and where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_mixedptycho._napari import remarks
from napari_mixedptycho._napari.remarks import facts, memory, speed
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
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
    assert memory("gpu:0,1").endswith("<br>gpu:0 1.6 GB of 2.1 GB in use · gpu:1 1.6 GB of 2.1 GB in use")
    assert "gpu:1" not in memory("gpu")
    assert "gpu" not in memory("cpu")
    assert memory("cpu").startswith("Memory: ")
    monkeypatch.setattr(remarks, "_of_host", lambda: "")
    assert memory("gpu").startswith("gpu:0")


def test_where_nothing_is_known_of_the_memory_nothing_is_said(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    result: Result = progress.result
    on_cpu = result.recipe.with_set("run.device=cpu")
    at = replace(progress, result=result.replace(recipe=on_cpu))
    assert facts(at).count("<br>") == 1
    monkeypatch.setattr(remarks, "_of_host", lambda: "")
    assert facts(at) == speed(at)
