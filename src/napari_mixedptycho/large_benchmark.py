"""What an iteration of published size costs on a device: each kernel against the bytes it must move.

Patterns are synthetic counts: what they hold has no influence on the time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from napari_mixedptycho._array import Array, select
from napari_mixedptycho._device import chosen
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.gpu.chunk import Chunk
from napari_mixedptycho.engine.gpu.device import Device
from napari_mixedptycho.engine.gpu.launch import Cuda
from napari_mixedptycho.engine.gpu.traffic import TRANSFORM, Counted
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.optics import wavelength
from napari_mixedptycho.prepare import first_estimate, prepare, to_device
from napari_mixedptycho.recipe import Recipe

ITERATIONS = 2000
"""Of the paper; the time for so many is projected."""
_ENERGY, _SEMIANGLE = 60e3, 30.0
_DISK = 0.17
"""Radius of the probe's disk ÷ edge of the detector."""
_DIFFERENT = 64
"""Patterns that are drawn; they repeat over the scan."""
_COPY_BYTES = 2**30


@dataclass(frozen=True)
class Case:
    """A problem of published size.

    Attributes
    ----------
    name
        Where the size comes from.
    scan
        (y, x) points.
    detector, padded
        Measured and computed edge, px.
    states, slices, modes
        The model.
    published
        Hours that `ITERATIONS` took there; None: not stated.
    """

    name: str
    scan: tuple[int, int]
    detector: int
    padded: int
    states: int
    slices: int
    modes: int
    published: float | None = None

    @property
    def positions(self) -> int:
        """Number of patterns."""
        return self.scan[0] * self.scan[1]

    @property
    def waves(self) -> int:
        """Pixels × slices × modes × states of all positions."""
        return self.positions * self.padded**2 * self.slices * self.modes * self.states


def _paper(states: int, modes: int, published: float | None = None) -> Case:
    return Case("Gladyshev et al. (2023)", (83, 98), 233, 240, states, 2, modes, published)


CASES = (
    _paper(1, 1, 28.5),
    _paper(10, 1, 45.1),
    _paper(1, 5),
    _paper(10, 5),
    Case("PtyRAD", (128, 128), 128, 128, 1, 6, 12),
)
"""The paper's data (8134 positions), and those of PtyRAD's table of times."""


@dataclass(frozen=True)
class Kernel:
    """What one kernel, or all transforms, took in an evaluation: s, and bytes that it must move."""

    name: str
    seconds: float
    bytes: int

    def multiple(self, bandwidth: float) -> float:
        """Time ÷ the least time that its bytes take."""
        return self.seconds * bandwidth / self.bytes if self.bytes else float("nan")


@dataclass(frozen=True)
class LargeTiming:
    """One case.

    Attributes
    ----------
    case
        What was computed.
    seconds
        An evaluation of the loss and its gradient (object and probe): what an iteration costs; median.
    memory
        Bytes of the device that were taken.
    chunk
        Patterns in work at once.
    kernels
        Of one evaluation; none where the portable path ran.
    """

    case: Case
    seconds: float
    memory: int
    chunk: int
    kernels: tuple[Kernel, ...] = ()

    @property
    def hours(self) -> float:
        """Projected for `ITERATIONS`."""
        return self.seconds * ITERATIONS / 3600

    @property
    def rate(self) -> float:
        """Pixels × slices × modes × states per second."""
        return self.case.waves / self.seconds


@dataclass
class Watched:
    """A device that notes when each kernel began and ended, by events in its queue."""

    device: Device
    xp: ModuleType
    marks: list[tuple[str, Any, Any]] = field(default_factory=list)

    def launch(self, name: str, grid: tuple[int, int], *arguments: Array | Chunk) -> None:
        """Run a kernel."""
        self._between(name, lambda: self.device.launch(name, grid, *arguments))

    def prepare(self, waves: Array) -> None:
        """Let the device prepare."""
        self.device.prepare(waves)

    def transform(self, waves: Array, inverse: bool = False) -> None:
        """Transform in place."""
        self._between(TRANSFORM, lambda: self.device.transform(waves, inverse))

    def _between(self, name: str, work: Callable[[], None]) -> None:
        stream = self.xp.cuda.get_current_stream()
        began, ended = self.xp.cuda.Event(), self.xp.cuda.Event()
        began.record(stream)
        work()
        ended.record(stream)
        self.marks.append((name, began, ended))

    def seconds(self) -> dict[str, float]:
        """Return what each has taken, by name; waits for the device."""
        found: dict[str, float] = {}
        for name, began, ended in self.marks:
            ended.synchronize()
            found[name] = found.get(name, 0.0) + self.xp.cuda.get_elapsed_time(began, ended) * 1e-3
        return found


def bandwidth(xp: ModuleType, size: int = _COPY_BYTES) -> float:
    """Return the bytes per second that a copy reads and writes together, in the memory of the device."""
    source, target = (xp.zeros(size // 4, dtype=np.float32) for _ in range(2))
    times = [_seconds(lambda: xp.copyto(target, source), xp) for _ in range(5)]
    return float(2 * source.nbytes / min(times))


def dataset(case: Case) -> Dataset:
    """Return counted patterns of a disk with a faint dark field, in the size of a case."""
    n, random = case.detector, np.random.default_rng(0)
    k = np.arange(n) - n // 2
    disk = np.where(np.hypot(k[:, None], k) < _DISK * n, 40.0, 0.2)
    few = random.poisson(disk, (min(_DIFFERENT, case.positions), n, n)).astype(np.uint16)
    patterns = few[np.arange(case.positions) % len(few)].reshape(*case.scan, n, n)
    sampling = _SEMIANGLE * 1e-3 / wavelength(_ENERGY) / (_DISK * n)  # the semi-angle fills the disk
    return Dataset(
        patterns, _ENERGY, _SEMIANGLE, 3.7 / (case.padded * sampling), sampling, defocus=50.0, thickness=20.0,
        electrons_per_unit=1.0, name=case.name,
    )  # fmt: skip


def measure(case: Case, device: str, repeats: int) -> LargeTiming:
    """Time one case on a device."""
    xp = select(device)
    with chosen(xp, device):
        objective, estimate = _objective(case, device)

        def evaluate() -> Any:
            return objective.value_and_gradient(estimate, ("object", "probe"))

        evaluate()
        seconds = statistics.median(_seconds(evaluate, xp) for _ in range(repeats))
        memory = 0 if xp is np else int(xp.get_default_memory_pool().total_bytes())
        problem = objective.problem
        chunk = problem.kept.get("patterns", problem.room.patterns)
        return LargeTiming(case, seconds, memory, chunk, _kernels(objective, evaluate, xp))


def _objective(case: Case, device: str) -> tuple[Objective, Estimate]:
    recipe = Recipe().with_set(f"run.device={device}").with_set("run.data_memory=1000")
    recipe = recipe.with_set(f"model.padding={case.padded / case.detector}")
    for name, value in (("states", case.states), ("slices", case.slices), ("probe_modes", case.modes)):
        recipe = recipe.with_set(f"model.{name}={value}")
    prepared = prepare(recipe, dataset(case))
    assert prepared.geometry.size == case.padded
    start = to_device(prepared, first_estimate(prepared, case.states))
    return Objective.of(prepared.problem, PoissonLoss()), start


def _kernels(objective: Objective, evaluate: Callable[[], Any], xp: ModuleType) -> tuple[Kernel, ...]:
    """Time each kernel in an evaluation of its own; none where the portable path runs."""
    kept = objective.problem.kept
    if not isinstance(kept.get("device"), Cuda):
        return ()
    plain = kept["device"]
    watched = Watched(plain, xp)
    counted = kept["device"] = Counted(watched)
    try:
        evaluate()
    finally:
        kept["device"] = plain
    taken = watched.seconds()
    return tuple(Kernel(name, seconds, counted.bytes.get(name, 0)) for name, seconds in taken.items())


def _seconds(work: Callable[[], Any], xp: ModuleType) -> float:
    """Time a call until the device is really done."""
    began = time.perf_counter()
    work()
    if xp is not np:
        xp.cuda.get_current_stream().synchronize()
    return time.perf_counter() - began
