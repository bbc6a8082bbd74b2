"""The device beside the seam: which one, how much of it is free, and how patterns get there.

CuPy's current device belongs to a thread. So whatever computes on a GPU does so inside ``device(…)``.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array, named, namespace, select
from napari_mixedptycho.words import counted, size


def device(array: Array) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which to compute with an array: its GPU, or nothing for the host's."""
    if isinstance(array, np.ndarray):
        return contextlib.nullcontext()
    place: contextlib.AbstractContextManager[Any] = array.device
    return place


def chosen(xp: ModuleType, wish: str, seat: int = 0) -> contextlib.AbstractContextManager[Any]:
    """Return the context of the GPU that a wish means for whoever has this seat; nothing for the CPU."""
    if xp is np:
        return contextlib.nullcontext()
    there = named(wish) or range(xp.cuda.runtime.getDeviceCount())
    place: contextlib.AbstractContextManager[Any] = xp.cuda.Device(there[seat % len(there)])
    return place


@dataclass(frozen=True)
class Found:
    """A device that can be used.

    Attributes
    ----------
    wish
        What to set `run.device` to: ``cpu``, ``gpu:0``.
    name
        As its maker calls it; of a CPU, how many cores this process may use.
    free, total
        Memory, bytes; None: not known.
    """

    wish: str
    name: str
    free: int | None
    total: int | None

    def __str__(self) -> str:
        memory = "" if self.free is None else f", {size(self.free)} free"
        return f"{self.wish}: {self.name}{memory}"


def devices() -> tuple[Found, ...]:
    """Return what can be computed on, the CPU first; a GPU whose driver or CuPy is missing is left out."""
    count = cores()
    host = Found("cpu", counted(count, "core"), free_memory(np), None)
    xp = select("auto")
    if xp is np:
        return (host,)
    return host, *(_gpu(xp, number) for number in range(xp.cuda.runtime.getDeviceCount()))


def _gpu(xp: ModuleType, number: int) -> Found:
    name = xp.cuda.runtime.getDeviceProperties(number)["name"]
    return replace(_memory(xp, number), name=name.decode() if isinstance(name, bytes) else str(name))


def in_use(wish: str) -> tuple[Found, ...]:
    """Return the GPUs on which a run of this process with this wish computes, and their memory now.

    Cheap enough to ask while a run goes on: nothing is looked for that the run has not loaded, and nothing
    waits for what the GPUs compute.

    Parameters
    ----------
    wish
        As in `run.device`.
    """
    if wish == "cpu" or "cupy" not in sys.modules:
        return ()
    xp = select("auto")
    if xp is np:
        return ()
    there = range(xp.cuda.runtime.getDeviceCount())
    return tuple(_memory(xp, number) for number in named(wish) or there[:1] if number in there)


def _memory(xp: ModuleType, number: int) -> Found:
    with xp.cuda.Device(number):
        total = int(xp.cuda.runtime.memGetInfo()[1])
        return Found(f"gpu:{number}", "", free_memory(xp), total)


def free_memory(xp: ModuleType) -> int | None:
    """Return the bytes that are free, of the present device or of the host; None: not known.

    What CuPy's pool keeps counts as free.
    """
    if xp is not np:
        pool = xp.get_default_memory_pool()
        return int(xp.cuda.runtime.memGetInfo()[0]) + int(pool.free_bytes())
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
        return kilobytes * 1024
    except (OSError, StopIteration, ValueError):
        return None


def taken_memory() -> int | None:
    """Return the bytes that this process has taken of the host's memory; None: not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def give_back(array: Array) -> None:
    """Hand memory that is kept for later back to the device, after it ran out."""
    if not isinstance(array, np.ndarray):
        namespace(array).get_default_memory_pool().free_all_blocks()


def cores() -> int:
    """Return the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class Upload:
    """Brings host arrays to the present device through two pinned buffers, while it computes.

    The copy runs on a stream of its own; the device's own stream waits for it, the host does not, except for
    a buffer that is still being read.

    Parameters
    ----------
    xp
        CuPy.
    """

    def __init__(self, xp: ModuleType) -> None:
        self._xp = xp
        self._stream = xp.cuda.Stream(non_blocking=True)
        self._pinned: list[Any] = [None, None]
        self._done: list[Any] = [None, None]
        self._next = 0

    def __call__(self, patterns: NDArray[Any]) -> Array:
        """Begin to bring an array over."""
        xp, turn = self._xp, self._next
        self._next = 1 - turn
        if self._done[turn] is not None:
            self._done[turn].synchronize()
        pinned = self._buffer(turn, patterns)
        np.copyto(pinned, patterns)
        computing = xp.cuda.get_current_stream()
        there = xp.empty(patterns.shape, patterns.dtype)
        # The memory may be what a kernel still in the queue reads: the copy waits for it.
        self._stream.wait_event(computing.record())
        there.set(pinned, stream=self._stream)
        self._done[turn] = self._stream.record()
        computing.wait_event(self._done[turn])
        return there

    def _buffer(self, turn: int, patterns: NDArray[Any]) -> NDArray[Any]:
        kept = self._pinned[turn]
        if kept is None or kept.nbytes < patterns.nbytes:
            import cupyx

            kept = self._pinned[turn] = cupyx.empty_pinned((patterns.nbytes,), np.uint8)
        found: NDArray[Any] = kept[: patterns.nbytes].view(patterns.dtype).reshape(patterns.shape)
        return found
