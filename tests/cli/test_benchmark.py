from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho import benchmark, large_benchmark
from napari_mixedptycho._array import select, transform
from napari_mixedptycho.benchmark import CASES, Bench, least_transforms, transforms
from napari_mixedptycho.geometry import Geometry
from napari_mixedptycho.large_benchmark import Case, Kernel, Watched, dataset

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("case", "count"),
    # Alone: there and back through one slice, and the sub-pixel shift there and back.
    [((1, 1, 1), 2 + 2), ((1, 2, 1), 6 + 2), ((8, 4, 1), 8 * 14 + 2), ((8, 2, 2), 16 * 6 + 4)],
)
def test_the_least_number_of_transforms(case: tuple[int, int, int], count: int) -> None:
    assert least_transforms(*case) == count


@pytest.mark.parametrize("case", [(1, 1, 1), (2, 3, 2)])
def test_the_engine_makes_no_more_transforms_than_the_least(case: tuple[int, int, int]) -> None:
    objective, estimate = Bench(scan=2).objective(case)
    made = []

    def counted(waves: Any, inverse: bool) -> Any:
        made.append(int(np.prod(waves.shape[:-2])))
        return transform(waves, inverse)

    objective = replace(objective, problem=replace(objective.problem, fourier=counted))
    objective.value_and_gradient(estimate, ("object", "probe"))
    # Beside them only the probe itself is transformed, there and back.
    assert sum(made) == 4 * least_transforms(*case) + 2 * case[2]


@pytest.mark.parametrize("threads", [1, 3])
def test_the_bare_transforms_are_as_many_as_they_should_be(threads: int) -> None:
    made: list[int] = []
    transforms(np, 100, 4, threads, lambda waves, inverse: made.append(len(waves)))()
    assert sum(made) == 100


def test_each_number_of_threads_is_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that says how long each call took: the last of three rounds was disturbed."""
    asked: list[int] = []
    slow = iter([1.0, 1.0, 1.0, 1.0, 1.0, 10.0])

    def seconds(work: Any) -> list[float]:
        threads = work.evaluate.__closure__[1].cell_contents.problem.threads
        asked.append(threads)
        return [8.0 / threads * next(slow), 4.0, 2.0, 3.0]

    monkeypatch.setattr(benchmark._Work, "seconds", seconds)
    one, two = Bench(scan=2, repeats=3, threads=(1, 2)).time((1, 1, 1))
    assert asked == [1, 2] * 3
    assert (one.threads, two.threads, one.speedup, two.speedup) == (1, 2, 1.0, 2.0)
    assert (one.ratio, two.ratio) == (4.0, 2.0)


def test_the_table_and_the_json_say_what_was_measured(run: Run) -> None:
    quick = ("--scan", 2, "--repeats", 1, "--threads", "1,2")
    shown = run("benchmark", *quick)
    assert shown.code == 0, shown.err
    assert len(shown.out.splitlines()) == 2 + 2 * len(CASES)
    found = json.loads(run("benchmark", "--json", *quick).out)
    rows = [(row["states"], row["slices"], row["modes"], row["threads"]) for row in found["timings"]]
    assert rows == [(*case, threads) for case in CASES for threads in (1, 2)]
    for row in found["timings"]:
        assert row["ratio"] == pytest.approx(row["seconds"] / row["transforms"])
        assert row["memory"] > 0
    assert found["machine"]["threads"] == [1, 2]
    assert {"fft", "processor", "system", "python", "numpy", "scipy", "cores"} <= set(found["machine"])


def test_a_gpu_that_is_not_there_is_refused(run: Run) -> None:
    if select("auto") is not np:
        pytest.skip("there is one")
    assert "A GPU was asked for" in run("benchmark", "--device", "gpu").refused()


TINY = Case("tiny", (3, 4), 23, 24, 2, 2, 1, 45.1)


def test_large_cases_are_timed_and_projected(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_benchmark, "CASES", (TINY,))
    shown = run("benchmark", "--cases", "large", "--repeats", 1)
    assert shown.code == 0, shown.err
    assert "12 positions, 23² padded to 24²" in shown.out
    assert "(there 45.1 h)" in shown.out
    found = json.loads(run("benchmark", "--json", "--cases", "large", "--repeats", 1).out)
    (timing,) = found["timings"]
    assert timing["hours"] == pytest.approx(timing["seconds"] * 2000 / 3600)
    assert timing["rate"] == pytest.approx(12 * 24**2 * 2 * 2 / timing["seconds"])
    assert found["copy_bandwidth"] > 1e8


def test_what_was_measured_is_saved_after_each_case(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file, lengths = tmp_path / "found.json", []
    timed = Bench.time

    def time(self: Bench, case: tuple[int, int, int]) -> Any:
        lengths.append(len(json.loads(file.read_text("utf-8"))["timings"]) if file.exists() else 0)
        return timed(self, case)

    monkeypatch.setattr(Bench, "time", time)
    monkeypatch.setattr("napari_mixedptycho.cli.benchmark.CASES", ((1, 1, 1), (1, 2, 1)))
    shown = run("benchmark", "--save", file, "--scan", 2, "--repeats", 1, "--threads", 1, "--json")
    assert lengths == [0, 1]
    assert json.loads(file.read_text("utf-8")) == json.loads(shown.out)


def test_the_published_cases_have_the_published_size() -> None:
    sizes = {(case.positions, case.padded, case.slices) for case in large_benchmark.CASES}
    assert sizes == {(8134, 240, 2), (16384, 128, 6)}
    assert {(c.states, c.modes) for c in large_benchmark.CASES[:4]} == {(1, 1), (10, 1), (1, 5), (10, 5)}
    small = replace(large_benchmark.CASES[1], scan=(2, 2))
    geometry = Geometry.of(dataset(small), 240, 1.0)
    assert dataset(small).scan_step / geometry.sampling == pytest.approx(3.7)
    whole = np.array([83, 98]) * 3.7 + 240
    assert np.all((whole > 500) & (whole < 650))  # the object of the paper, px


class Clock:
    """Stands in for CuPy's events: each operation takes a millisecond."""

    def __init__(self) -> None:
        self.now = 0.0
        self.cuda = self
        self.Event = lambda: Mark(self)

    def get_current_stream(self) -> None:
        return None

    def get_elapsed_time(self, began: Mark, ended: Mark) -> float:
        return ended.at - began.at


class Mark:
    def __init__(self, clock: Clock) -> None:
        self.clock, self.at = clock, -1.0

    def record(self, stream: None) -> None:
        self.clock.now += 1.0
        self.at = self.clock.now

    def synchronize(self) -> None:
        assert self.at >= 0


class Nothing:
    def launch(self, *arguments: Any) -> None: ...

    def prepare(self, waves: Any) -> None: ...

    def transform(self, waves: Any, inverse: bool = False) -> None: ...


def test_what_each_kernel_takes_is_added() -> None:
    watched = Watched(Nothing(), Clock())
    for name in ("enter", "back", "enter"):
        watched.launch(name, (1, 1))
    watched.transform(None)
    assert watched.seconds() == pytest.approx({"enter": 2e-3, "back": 1e-3, "transform": 1e-3})
    assert Kernel("enter", 2e-3, 10**9).multiple(1e12) == pytest.approx(2.0)


@pytest.mark.gpu
def test_a_gpu_is_timed_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_benchmark, "CASES", (TINY,))
    large = json.loads(run("benchmark", "--json", "--device", "gpu", "--repeats", 1).out)
    kernels = {kernel["name"] for kernel in large["timings"][0]["kernels"]}
    assert {"enter", "compare", "back", "transform"} <= kernels
    quick = ("--json", "--device", "gpu", "--cases", "small", "--scan", 2, "--repeats", 1)
    found = json.loads(run("benchmark", *quick).out)
    assert found["machine"]["device"] == "gpu"
    assert all(row["ratio"] > 1 for row in found["timings"])
