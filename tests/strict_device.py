"""A device without a device: arrays that refuse what CuPy refuses, computed by NumPy.

What lies "on the device" cannot be mixed with host arrays, nor become one without `asnumpy`. So code that
runs here makes no implicit transfer, and asks for nothing that CuPy's arrays do not have.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.fft


class Device:
    """An array on the device."""

    __array_priority__ = 1000
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)

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
        return self._values.copy()

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
        one, two = (bare(other), self._values) if reflected else (self._values, bare(other))
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


def _scatter_add(target: Device, where: Any, values: Device) -> None:
    if target.dtype.kind == "c":
        raise TypeError("scatter_add does not support complex numbers")
    np.add.at(target._values, index(where), bare(values))


def _asarray(values: Any, dtype: Any = None) -> Device:
    return values if isinstance(values, Device) and dtype is None else Device(np.array(index(values), dtype))


def install(patch: pytest.MonkeyPatch) -> ModuleType:
    """Put the device where the program looks for CuPy; return its array module."""
    runtime = ModuleType("runtime")
    runtime.getDeviceCount = lambda: 1  # type: ignore[attr-defined]
    runtime.getDevice = lambda: 0  # type: ignore[attr-defined]
    cuda = ModuleType("cuda")
    cuda.runtime = runtime  # type: ignore[attr-defined]
    fft = _module("cupy.fft", np.fft)
    linalg = _module("cupy.linalg", np.linalg)
    cupy = _module(
        "cupy",
        np,
        ndarray=Device,
        fft=fft,
        linalg=linalg,
        cuda=cuda,
        asarray=_asarray,
        array=_asarray,
        asnumpy=lambda values: np.array(index(values)),
        get_array_module=lambda *_: cupy,
    )
    scipy_fft = _module("cupyx.scipy.fft", scipy.fft)
    cupyx_scipy = ModuleType("cupyx.scipy")
    cupyx_scipy.fft = scipy_fft  # type: ignore[attr-defined]
    cupyx = ModuleType("cupyx")
    cupyx.scatter_add, cupyx.scipy = _scatter_add, cupyx_scipy  # type: ignore[attr-defined]
    modules = {"cupy": cupy, "cupyx": cupyx, "cupyx.scipy": cupyx_scipy, "cupyx.scipy.fft": scipy_fft}
    for name, module in modules.items():
        patch.setitem(sys.modules, name, module)
    return cupy
