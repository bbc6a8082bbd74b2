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
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from napari_mixedptycho._array import Array, fft2, namespace, select
from napari_mixedptycho._device import cores
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
    """

    states: int
    slices: int
    modes: int
    seconds: float
    transforms: float
    memory: int

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
        Of the CPU; None: all cores.
    device
        As `run.device`.
    """

    scan: int = 24
    repeats: int = 5
    threads: int | None = None
    device: str = "cpu"

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
        for name, value in {"states": states, "slices": slices, "probe_modes": modes}.items():
            recipe = recipe.with_set(f"model.{name}={value}")
        if self.threads is not None:
            recipe = recipe.with_set(f"run.threads={self.threads}")
        prepared = prepare(recipe, self.dataset)
        assert prepared.geometry.size == _SIZE
        objective = Objective.of(prepared.problem, PoissonLoss())
        return objective, to_device(prepared, first_estimate(prepared, states))

    def time(self, case: tuple[int, int, int]) -> Timing:
        """Measure one case: evaluation and bare transforms in turn, so that both see the same machine."""
        objective, estimate = self.objective(case)
        problem = objective.problem
        xp = namespace(problem.propagator)

        def evaluate() -> Any:
            return objective.value_and_gradient(estimate, ("object", "probe"))

        count = problem.count * least_transforms(*case)
        batches = _BATCHES if xp is np else (problem.count,)
        bare = {batch: transforms(xp, count, batch, problem.threads) for batch in batches}
        memory = _peak(evaluate) if xp is np else 0
        _seconds(evaluate, xp)
        seconds, floors = [], []
        for _ in range(self.repeats):
            seconds.append(_seconds(evaluate, xp))
            floors.append([_seconds(work, xp) for work in bare.values()])
        floor = float(np.median(floors, axis=0).min())
        return Timing(*case, float(np.median(seconds)), floor, memory)


def least_transforms(states: int, slices: int, modes: int) -> int:
    """Return the least number of transforms per position of an evaluation with its gradient."""
    return states * modes * (4 * slices - 2) + 2 * modes


def transforms(xp: Any, count: int, batch: int, threads: int) -> Callable[[], None]:
    """Return a function that transforms `count` times in place, `batch` at a time, on `threads`."""
    spaces = [xp.ones((batch, _SIZE, _SIZE), dtype=xp.complex64) for _ in range(threads)]
    calls = [len(part) for part in np.array_split(np.arange(-(-count // batch)), threads)]

    def share(space: Array, times: int) -> None:
        for _ in range(times):
            fft2(space, unitary=True)

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
        "threads": (bench.threads or cores()) if on_cpu else 1,
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
