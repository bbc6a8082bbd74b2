from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho import benchmark
from napari_mixedptycho._array import select
from napari_mixedptycho.benchmark import CASES, Bench, least_transforms, transforms

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("case", "count"),
    # Alone: there and back through one slice, and the sub-pixel shift there and back.
    [((1, 1, 1), 2 + 2), ((1, 2, 1), 6 + 2), ((8, 4, 1), 8 * 14 + 2), ((8, 2, 2), 16 * 6 + 4)],
)
def test_the_least_number_of_transforms(case: tuple[int, int, int], count: int) -> None:
    assert least_transforms(*case) == count


@pytest.mark.parametrize("case", [(1, 1, 1), (2, 3, 2)])
def test_the_engine_makes_no_fewer_transforms_than_the_least(
    case: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_mixedptycho.engine import forward, incidence, multislice

    bench = Bench(scan=2, threads=1)
    objective, estimate = bench.objective(case)
    made = []

    def counted(transform: Callable[..., Any]) -> Callable[..., Any]:
        def count(waves: Any, **options: Any) -> Any:
            made.append(int(np.prod(waves.shape[:-2])))
            return transform(waves, **options)

        return count

    for module in (forward, incidence, multislice):
        for name in ("fft2", "ifft2"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, counted(getattr(module, name)))
    objective.value_and_gradient(estimate, ("object", "probe"))
    least = 4 * least_transforms(*case)
    # Beside them only the probe itself is transformed, there and back.
    assert least <= sum(made) <= least + 2 * case[2]


@pytest.mark.parametrize("threads", [1, 3])
def test_the_bare_transforms_are_as_many_as_they_should_be(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(benchmark, "fft2", lambda waves, unitary: made.append(len(waves)))
    transforms(np, 100, 4, threads)()
    assert sum(made) == 100


def test_the_table_and_the_json_say_what_was_measured(run: Run) -> None:
    quick = ("--scan", 2, "--repeats", 1, "--threads", 1)
    shown = run("benchmark", *quick)
    assert shown.code == 0, shown.err
    assert len(shown.out.splitlines()) == 2 + len(CASES)
    found = json.loads(run("benchmark", "--json", *quick).out)
    assert [(row["states"], row["slices"], row["modes"]) for row in found["timings"]] == list(CASES)
    for row in found["timings"]:
        assert row["ratio"] == pytest.approx(row["seconds"] / row["transforms"])
        assert row["memory"] > 0
    assert found["machine"]["threads"] == 1
    assert {"processor", "system", "python", "numpy", "scipy", "cores"} <= set(found["machine"])


def test_a_gpu_that_is_not_there_is_refused(run: Run) -> None:
    if select("auto") is not np:
        pytest.skip("there is one")
    assert "A GPU was asked for" in run("benchmark", "--device", "gpu").refused()


@pytest.mark.gpu
def test_a_gpu_is_timed_too(run: Run) -> None:
    found = json.loads(run("benchmark", "--json", "--device", "gpu", "--scan", 2, "--repeats", 1).out)
    assert found["machine"]["device"] == "gpu"
    assert all(row["ratio"] > 1 for row in found["timings"])
