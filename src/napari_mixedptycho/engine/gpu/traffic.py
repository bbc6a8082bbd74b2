"""Bytes that kernels and transforms must move, at least: what their time on a device is compared with.

Counted launch by launch from the arrays that are read and written, each byte once; a transform passes twice
over its waves. What stays in a cache is left out: object, propagator, ramps and the sums of gradients.
"""

from __future__ import annotations

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.gpu.chunk import Chunk
from napari_mixedptycho.engine.gpu.device import Device

_READ = {
    "enter": (0,),
    "transmit": (0,),
    "propagate": (0,),
    "compare": (0,),
    "power": (0,),
    "weigh": (0, 1),
    "back": (0, 1),
    "exit_back": (0, 1),
    "flight_slope": (0, 1, 2),
    "unshift": (0,),
    "shift_slope": (0,),
}
_WRITTEN = {
    "shift": (3,),
    "enter": (3,),
    "transmit": (3,),
    "propagate": (0,),
    "compare": (0,),
    "power": (1,),
    "weigh": (0,),
    "back": (1,),
    "exit_back": (0,),
    "flight_slope": (2,),
}
"""Numbers of the arguments that are as large as waves."""
_PATTERNS = {"seen": 0, "compare": 1}
_PASSES = 2
TRANSFORM = "transform"


class Counted:
    """A device that counts the bytes of each launch.

    Parameters
    ----------
    device
        What runs them.

    Attributes
    ----------
    bytes
        By the name of the kernel, or ``transform``.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self.bytes: dict[str, int] = {}

    def launch(self, name: str, grid: tuple[int, int], *arguments: Array | Chunk) -> None:
        """Count, and run."""
        arrays: list[Array] = list(arguments[:-1])
        chunk = arguments[-1]
        numbers = (*_READ.get(name, ()), *_wanted(name, chunk))
        moved = sum(arrays[number].nbytes for number in numbers)
        if name in _PATTERNS:
            stored = arrays[_PATTERNS[name]].dtype.itemsize
            moved += chunk.positions * chunk.detector**2 * stored
        self.bytes[name] = self.bytes.get(name, 0) + moved
        self._device.launch(name, grid, *arguments)

    def prepare(self, waves: Array) -> None:
        """Let the device prepare."""
        self._device.prepare(waves)

    def transform(self, waves: Array, inverse: bool = False) -> None:
        """Count, and transform."""
        self.bytes[TRANSFORM] = self.bytes.get(TRANSFORM, 0) + 2 * _PASSES * waves.nbytes
        self._device.transform(waves, inverse)


def _wanted(name: str, chunk: Chunk) -> tuple[int, ...]:
    """Return what is written: for the value alone the far field stays as it is."""
    return () if name in {"compare", "exit_back"} and not chunk.waves_wanted else _WRITTEN.get(name, ())
