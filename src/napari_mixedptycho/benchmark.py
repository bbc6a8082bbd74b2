"""What an evaluation costs, against the least number of Fourier transforms that it needs.

``(4·slices − 2)`` transforms per position, state and probe mode (there and back through the slices), and
two per position and mode for the sub-pixel shift. Nothing that computes the same can cost less.
"""

from __future__ import annotations

import os
import platform
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho._array import Array, Transform, namespace, select, transform
from napari_mixedptycho._device import cores
from napari_mixedptycho._fourier import fourier
from napari_mixedptycho._fourier import name as fourier_name
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.prepare import first_estimate, prepare, to_device
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import versions

CASES = ((1, 1, 1), (1, 2, 1), (4, 2, 1), (8, 4, 1), (8, 2, 2))
"""(states, slices, probe modes)."""

_DETECTOR, _SIZE = 64, 96
_BATCHES = (1, 4, 16)
"""Waves per call of the bare transforms on a CPU; the fastest counts."""


@dataclass(frozen=True)
class Timing:
    """One case.

    Attributes
    ----------
    states, slices, modes
        The model.
    seconds
        One evaluation of the loss and its gradient with respect to object and probe; median.
    transforms
        The least number of Fourier transforms at the same size and threads, in place; median.
    memory
        Peak of the arrays that an evaluation makes, bytes (0 on a GPU).
    threads
        Of the CPU.
    speedup
        How many times as fast as with the first number of threads that was asked for; median over pairs that
        were timed one after the other.
    """

    states: int
    slices: int
    modes: int
    seconds: float
    transforms: float
    memory: int
    threads: int = 1
    speedup: float = 1.0

    @property
    def ratio(self) -> float:
        """Evaluation / transforms."""
        return self.seconds / self.transforms


@dataclass(frozen=True)
class Bench:
    """How to measure.

    Attributes
    ----------
    scan
        scan × scan patterns.
    repeats
        The median of so many.
    threads
        Of the CPU, one number after the other; none: all cores.
    device, fft
        As in `run`.
    """

    scan: int = 24
    repeats: int = 5
    threads: tuple[int, ...] = ()
    device: str = "cpu"
    fft: str = "scipy"

    @cached_property
    def dataset(self) -> Dataset:
        """Patterns of a probe's disk with a faint dark field, counted."""
        random = np.random.default_rng(0)
        k = np.arange(_DETECTOR) - _DETECTOR // 2
        disk = np.where(np.hypot(k[:, None], k) < 11, 400.0, 1.0)
        patterns = random.poisson(disk, (self.scan, self.scan, _DETECTOR, _DETECTOR)).astype(np.uint16)
        return Dataset(
            patterns,
            60e3,
            30.0,
            0.4,
            1 / 18,
            defocus=50.0,
            thickness=7.7,
            electrons_per_unit=1.0,
            name="benchmark",
        )

    def objective(self, case: tuple[int, int, int]) -> tuple[Objective, Estimate]:
        """Return what a run of this case would evaluate, and where it would start."""
        states, slices, modes = case
        recipe = Recipe().with_set(f"run.device={self.device}").with_set("model.padding=1.5")
        recipe = recipe.with_set(f"run.fft={self.fft}")
        for name, value in {"states": states, "slices": slices, "probe_modes": modes}.items():
            recipe = recipe.with_set(f"model.{name}={value}")
        prepared = prepare(recipe, self.dataset)
        assert prepared.geometry.size == _SIZE
        objective = Objective.of(prepared.problem, PoissonLoss())
        return objective, to_device(prepared, first_estimate(prepared, states))

    def time(self, case: tuple[int, int, int]) -> list[Timing]:
        """Measure one case with each number of threads; all in turn, so that they see the same machine."""
        objective, estimate = self.objective(case)
        on_cpu = namespace(objective.problem.propagator) is np
        counts = (self.threads or (cores(),)) if on_cpu else (1,)
        works = [_Work.of(objective, estimate, case, threads) for threads in counts]
        for work in works:
            work.evaluate()
        timed = np.array([[work.seconds() for work in works] for _ in range(self.repeats)])
        seconds, floors = np.median(timed, axis=0).T[0], np.median(timed, axis=0).T[1:].min(axis=0)
        speedups = np.median(timed[:, :1, 0] / timed[:, :, 0], axis=0)
        rows = zip(works, counts, seconds.tolist(), floors.tolist(), speedups.tolist(), strict=True)
        return [
            Timing(*case, second, floor, work.memory, threads, speedup)
            for work, threads, second, floor, speedup in rows
        ]


@dataclass(frozen=True)
class _Work:
    """What is timed with a number of threads: an evaluation, and bare transforms in several batches."""

    evaluate: Callable[[], Any]
    bare: tuple[Callable[[], None], ...]
    memory: int
    xp: Any

    @classmethod
    def of(cls, objective: Objective, estimate: Estimate, case: tuple[int, int, int], threads: int) -> _Work:
        """Make it ready."""
        problem = replace(objective.problem, threads=threads)
        objective, xp = replace(objective, problem=problem), namespace(problem.propagator)

        def evaluate() -> Any:
            return objective.value_and_gradient(estimate, ("object", "probe"))

        count = problem.count * least_transforms(*case)
        batches = _BATCHES if xp is np else (problem.count,)
        bare = tuple(transforms(xp, count, batch, threads, problem.fourier) for batch in batches)
        return cls(evaluate, bare, _peak(evaluate) if xp is np else 0, xp)

    def seconds(self) -> list[float]:
        """Time the evaluation, and each kind of bare transforms."""
        return [_seconds(work, self.xp) for work in (self.evaluate, *self.bare)]


def least_transforms(states: int, slices: int, modes: int) -> int:
    """Return the least number of transforms per position of an evaluation with its gradient."""
    return states * modes * (4 * slices - 2) + 2 * modes


def transforms(
    xp: Any, count: int, batch: int, threads: int, fourier: Transform = transform
) -> Callable[[], None]:
    """Return a function that transforms `count` times in place, `batch` at a time, on `threads`."""
    # Of nothing, or the numbers would grow; it takes the same time.
    spaces = [xp.zeros((batch, _SIZE, _SIZE), dtype=xp.complex64) for _ in range(threads)]
    calls = [len(part) for part in np.array_split(np.arange(-(-count // batch)), threads)]

    def share(space: Array, times: int) -> None:
        for _ in range(times):
            fourier(space, False)

    def work() -> None:
        if threads == 1:
            share(spaces[0], calls[0])
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(share, spaces, calls))

    return work


def machine(bench: Bench) -> dict[str, Any]:
    """Return what the figures depend on."""
    xp = select(bench.device)
    on_cpu = xp is np
    return {
        "patterns": bench.scan**2,
        "detector": _DETECTOR,
        "size": _SIZE,
        "device": "cpu" if on_cpu else "gpu",
        "threads": list(bench.threads or (cores(),)) if on_cpu else [1],
        "fft": fourier_name(fourier(bench.fft, _SIZE)) if on_cpu else "cufft",
        "processor": _processor() if on_cpu else _graphics(xp),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "repeats": bench.repeats,
        **versions(),
        **({} if on_cpu else {"cupy": str(xp.__version__)}),
    }


def _graphics(xp: Any) -> str:
    name = xp.cuda.runtime.getDeviceProperties(xp.cuda.runtime.getDevice())["name"]
    return name.decode() if isinstance(name, bytes) else str(name)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _seconds(work: Callable[[], Any], xp: Any) -> float:
    """Time a call; on a GPU until it is really done."""
    began = time.perf_counter()
    work()
    if xp is not np:
        xp.cuda.get_current_stream().synchronize()
    return time.perf_counter() - began


def _peak(work: Callable[[], Any]) -> int:
    """Return the peak of the memory that a call allocates, bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
