"""The kernels on a GPU: compiled when first wanted, launched on the current stream."""

from __future__ import annotations

import functools
from importlib.resources import files
from types import ModuleType
from typing import Any

from napari_mixedptycho._array import Array, plan_fft2
from napari_mixedptycho.engine.gpu.chunk import THREADS, Chunk

_MOST_IMAGES = 65535
"""Blocks along y that a grid may have; the kernels go on in steps of it."""
_MOST_PLANS = 8


def source() -> str:
    """Return the source of all kernels."""
    return files(__package__).joinpath("kernels.cu").read_text("utf-8")


class Cuda:
    """The kernels on one device, with the plans of their transforms; for one thread at a time.

    Parameters
    ----------
    xp
        CuPy, as `namespace` of an array on the device gives it.
    """

    def __init__(self, xp: ModuleType) -> None:
        self._function = _functions(xp)
        self._plans: dict[tuple[int, ...], Any] = {}

    def launch(self, name: str, grid: tuple[int, int], *arguments: Array | Chunk) -> None:
        """Run a kernel on so many blocks of threads per image, and images."""
        packed = tuple(entry.packed if isinstance(entry, Chunk) else entry for entry in arguments)
        blocks, images = grid
        self._function(name)((blocks, min(images, _MOST_IMAGES)), (THREADS,), packed)

    def prepare(self, waves: Array) -> None:
        """Make the plan for waves (image, y, x), with its work area."""
        self._plan(waves)

    def transform(self, waves: Array, inverse: bool = False) -> None:
        """Transform (image, y, x) in place, without any scaling."""
        self._plan(waves).fft(waves, waves, 1 if inverse else -1)

    def _plan(self, waves: Array) -> Any:
        if waves.shape not in self._plans:
            if len(self._plans) == _MOST_PLANS:
                self._plans.clear()
            self._plans[waves.shape] = plan_fft2(waves)
        return self._plans[waves.shape]


@functools.cache
def _functions(xp: ModuleType) -> Any:
    """Return a function from a kernel's name to the kernel, which CuPy compiles once for each device."""
    return functools.cache(xp.RawModule(code=source()).get_function)
