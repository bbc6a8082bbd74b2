"""A device without a device: arrays that refuse what CuPy refuses, computed by NumPy.

What lies "on the device" cannot be mixed with host arrays, nor become one without `asnumpy`. So code that
runs here makes no implicit transfer, and asks for nothing that CuPy's arrays do not have.
"""

from __future__ import annotations

import operator
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.fft


class OutOfMemoryError(MemoryError):
    """As CuPy's, which is a `MemoryError` too."""


@dataclass
class Machine:
    """How many devices there are, the largest array they take, and how much of each is free, bytes."""

    devices: int = 1
    limit: float = np.inf
    free: int = 2**30
    buffers: list[np.ndarray] = field(default_factory=list)
    transformed: int = 0
    """Images."""
    plans: set[tuple[Any, ...]] = field(default_factory=set)
    """What cuFFT plans for: images at once, their edges, precision; there and back share one."""
    brought: list[int] = field(default_factory=list)
    """Bytes of each array that came to the host."""

    def pinned(self, values: np.ndarray) -> bool:
        return any(np.shares_memory(values, buffer) for buffer in self.buffers)


MACHINE = Machine()
_thread = threading.local()


def current() -> int:
    """Return the number of the thread's device."""
    return _thread.stack[-1] if getattr(_thread, "stack", None) else 0


@dataclass(frozen=True)
class Place:
    """A device as a context."""

    id: int

    def __enter__(self) -> None:
        assert self.id < MACHINE.devices, "no such device"
        _thread.stack = [*getattr(_thread, "stack", []), self.id]

    def __exit__(self, *_: object) -> None:
        assert _thread.stack.pop() == self.id


class Event:
    def __init__(self, queue: list[Callable[[], Any]]) -> None:
        self._queue = list(queue)

    def synchronize(self) -> None:
        for work in self._queue:
            work()


class Stream:
    def __init__(self, non_blocking: bool = False) -> None:
        self.queue: list[Callable[[], Any]] = []

    def record(self) -> Event:
        return Event(self.queue)

    def wait_event(self, event: Event) -> None:
        assert isinstance(event, Event)

    def synchronize(self) -> None:
        self.record().synchronize()


def _empty_pinned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    MACHINE.buffers.append(np.empty(shape, dtype))
    return MACHINE.buffers[-1]


class Device:
    """An array on the device."""

    __array_priority__ = 1000
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, values: Any) -> None:
        self._arrived = np.asarray(values)
        self._coming: Callable[[], None] | None = None
        self.device = Place(current())
        if self._arrived.strides[:1] != (0,) and self._arrived.nbytes > MACHINE.limit:
            raise OutOfMemoryError(f"{self._arrived.nbytes} bytes")

    @property
    def _values(self) -> Any:
        if self._coming is not None:  # copied as late as a device may
            coming, self._coming = self._coming, None
            coming()
        return self._arrived

    def set(self, values: np.ndarray, stream: Stream) -> None:
        """Copy from pinned memory, some time before it is used or waited for."""
        assert MACHINE.pinned(values), "only copies from pinned memory go on beside the computing"
        assert (values.shape, values.dtype) == (self.shape, self.dtype)
        self._coming = lambda: np.copyto(self._arrived, values)
        stream.queue.append(lambda: self._values)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("implicit conversion of a device array to a NumPy array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """CuPy lets NumPy's ufuncs act on its arrays, but not on host arrays beside them."""
        return wrapped(getattr(ufunc, method)(*map(bare, inputs), **{k: bare(v) for k, v in options.items()}))

    def __getattr__(self, name: str) -> Any:
        if name in {"shape", "dtype", "ndim", "size", "nbytes", "itemsize", "flags"}:
            return getattr(self._values, name)
        if name in {"real", "imag", "T"}:
            return Device(getattr(self._values, name))
        if name in METHODS:
            method = getattr(self._values, name)
            return lambda *a, **k: wrapped(method(*map(bare, a), **{n: bare(v) for n, v in k.items()}))
        raise AttributeError(f"device arrays have no '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in {"real", "imag"}:
            setattr(self._values, name, bare(value))
        else:
            super().__setattr__(name, value)

    def get(self) -> np.ndarray:
        """Return a copy on the host."""
        return _asnumpy(self)

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Any:
        return (Device(part) for part in self._values)

    def __float__(self) -> float:
        return float(self._values)

    def __int__(self) -> int:
        return int(self._values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __getitem__(self, where: Any) -> Device:
        return Device(self._values[index(where)])

    def __setitem__(self, where: Any, value: Any) -> None:
        self._values[index(where)] = bare(value)


METHODS = {
    "astype", "sum", "mean", "max", "min", "std", "var", "reshape", "copy", "conj", "ravel", "squeeze",
    "transpose", "swapaxes", "all", "any", "argmax", "fill", "item", "view", "tobytes", "prod", "cumsum",
}  # fmt: skip


def index(where: Any) -> Any:
    """Return an index with device arrays in it as NumPy takes it; host integers may index, as with CuPy."""
    if isinstance(where, tuple):
        return tuple(index(part) for part in where)
    return where._values if isinstance(where, Device) else where


def bare(value: Any) -> Any:
    """Return what NumPy computes with; host arrays are refused."""
    if isinstance(value, Device):
        if value.device.id != current():
            raise TypeError(f"an array of device {value.device.id} in work on device {current()}")
        return value._values
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("a host array among device arrays")
    if isinstance(value, list | tuple):
        return type(value)(bare(part) for part in value)
    return value


def wrapped(value: Any) -> Any:
    """Return arrays and NumPy's scalars as device arrays."""
    if isinstance(value, np.ndarray | np.generic):
        return Device(value)
    if isinstance(value, tuple | list):
        return tuple(wrapped(part) for part in value)
    return value


def _operator(name: str, reflected: bool = False) -> Callable[..., Any]:
    act = getattr(operator, name)

    def apply(self: Device, other: Any) -> Any:
        # CuPy has no operators between device and host arrays.
        one, two = (bare(other), bare(self)) if reflected else (bare(self), bare(other))
        return wrapped(act(one, two))

    return apply


def _single(name: str) -> Callable[[Device], Any]:
    act = getattr(operator, name)
    return lambda self: wrapped(act(self._values))


for _name in ("add", "sub", "mul", "truediv", "pow", "floordiv", "mod", "and_", "or_", "matmul"):
    _plain = _name.rstrip("_")
    setattr(Device, f"__{_plain}__", _operator(_name))
    setattr(Device, f"__r{_plain}__", _operator(_name, reflected=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Device, f"__{_name}__", _operator(_name))
for _name in ("neg", "abs", "invert", "pos"):
    setattr(Device, f"__{_name}__", _single(_name))


def _in_place(name: str) -> Callable[..., Any]:
    act = getattr(operator, name)

    def apply(self: Device, other: Any) -> Device:
        act(self._values, bare(other))
        return self

    return apply


for _name in ("iadd", "isub", "imul", "itruediv"):
    setattr(Device, f"__{_name}__", _in_place(_name))


def _module(name: str, source: Any, **extra: Any) -> ModuleType:
    module = ModuleType(name)

    def lookup(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        found = getattr(source, attribute)
        if isinstance(found, type) or not callable(found):
            return found
        return lambda *a, **k: wrapped(found(*map(bare, a), **{n: bare(v) for n, v in k.items()}))

    module.__getattr__ = lookup  # type: ignore[method-assign]
    for key, value in extra.items():
        setattr(module, key, value)
    return module


class _Add:
    """``add``, with what adds where indices say; CuPy's older name for that, `scatter_add`, is deprecated."""

    def __call__(self, *values: Any, out: Any = None) -> Any:
        return wrapped(np.add(*map(bare, values), out=bare(out)))

    def at(self, target: Device, where: Any, values: Device) -> None:
        if target.dtype.kind == "c":
            raise TypeError("not every version adds complex numbers")
        np.add.at(bare(target), index(where), bare(values))


def _transform(inverse: bool) -> Callable[..., Device]:
    """Return a transform that refuses what costs a device more than cuFFT's own two passes."""

    def apply(waves: Device, norm: str = "backward", overwrite_x: bool = False) -> Device:
        values = bare(waves)
        assert values.dtype.kind == "c", "an implicit conversion"
        assert values.flags.c_contiguous, "transformed axis by axis, with copies"
        assert overwrite_x, "a second buffer"
        assert norm == ("forward" if inverse else "backward"), "a pass that only scales"
        MACHINE.transformed += int(np.prod(values.shape[:-2]))
        MACHINE.plans.add((int(np.prod(values.shape[:-2])), *values.shape[-2:], str(values.dtype)))
        values[...] = (scipy.fft.ifft2 if inverse else scipy.fft.fft2)(values, norm=norm)
        return waves

    return apply


def _asnumpy(values: Any) -> np.ndarray:
    if isinstance(values, Device):
        MACHINE.brought.append(values.nbytes)
    return np.array(index(values))


def _asarray(values: Any, dtype: Any = None) -> Device:
    here = isinstance(values, Device) and values.device.id == current() and dtype is None
    return values if here else Device(np.array(index(values), dtype))


def _cuda() -> ModuleType:
    runtime = ModuleType("runtime")
    runtime.getDeviceCount = lambda: MACHINE.devices  # type: ignore[attr-defined]
    runtime.getDevice = current  # type: ignore[attr-defined]
    runtime.memGetInfo = lambda: (MACHINE.free, 2**31)  # type: ignore[attr-defined]
    runtime.getDeviceProperties = lambda number: {"name": f"card {number}".encode()}  # type: ignore[attr-defined]
    cuda, computing = ModuleType("cuda"), Stream()
    cuda.runtime, cuda.Device, cuda.Stream = runtime, Place, Stream  # type: ignore[attr-defined]
    cuda.get_current_stream = lambda: computing  # type: ignore[attr-defined]
    return cuda


def install(patch: pytest.MonkeyPatch, **machine: Any) -> ModuleType:
    """Put the device where the program looks for CuPy; return its array module."""
    patch.setitem(globals(), "MACHINE", Machine(**machine))
    cuda = _cuda()
    pool = ModuleType("pool")
    pool.free_bytes, pool.free_all_blocks = (lambda: 0), (lambda: None)  # type: ignore[attr-defined]
    fft = _module("cupy.fft", np.fft)
    linalg = _module("cupy.linalg", np.linalg)
    cupy = _module(
        "cupy",
        np,
        ndarray=Device,
        add=_Add(),
        fft=fft,
        linalg=linalg,
        cuda=cuda,
        get_default_memory_pool=lambda: pool,
        asarray=_asarray,
        array=_asarray,
        asnumpy=_asnumpy,
        get_array_module=lambda *_: cupy,
    )
    scipy_fft = _module("cupyx.scipy.fft", scipy.fft, fft2=_transform(False), ifft2=_transform(True))
    cupyx_scipy = ModuleType("cupyx.scipy")
    cupyx_scipy.fft = scipy_fft  # type: ignore[attr-defined]
    cupyx = ModuleType("cupyx")
    cupyx.scipy = cupyx_scipy  # type: ignore[attr-defined]
    cupyx.empty_pinned = _empty_pinned  # type: ignore[attr-defined]
    modules = {"cupy": cupy, "cupyx": cupyx, "cupyx.scipy": cupyx_scipy, "cupyx.scipy.fft": scipy_fft}
    for name, module in modules.items():
        patch.setitem(sys.modules, name, module)
    return cupy
