"""The NumPy/CuPy seam: the only file that knows CuPy.

The backend follows the array: ``namespace(a)`` returns the module that made `a`. Everything the engine
needs beyond that namespace (transforms, gathering and adding of patches, moving to the host) is here.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import scipy.fft

from napari_mixedptycho.errors import InputError

Array = Any
"""A NumPy or CuPy array; shapes and units stand in the docstrings."""


def namespace(array: Array) -> ModuleType:
    """Return the module (numpy or cupy) that `array` belongs to."""
    if isinstance(array, np.ndarray):
        return np
    import cupy

    module: ModuleType = cupy.get_array_module(array)
    return module


def on_device(value: object) -> bool:
    """Tell whether a value is an array on a GPU."""
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(value, cupy.ndarray)


def asnumpy(array: Array) -> Array:
    """Return `array` on the host; a NumPy array is returned as it is."""
    if isinstance(array, np.ndarray | np.generic | float):
        return array
    return namespace(array).asnumpy(array)


def select(device: str) -> ModuleType:
    """Return the array module for a device wish.

    Parameters
    ----------
    device
        ``"cpu"``, ``"gpu"``, ``"gpu:1"`` (the second one), ``"gpu:0,1"`` (both) or ``"auto"`` (a GPU when
        CuPy finds one, else the CPU).

    Raises
    ------
    InputError
        When a GPU is asked for and driver, CuPy or device is missing.
    """
    if device == "cpu":
        return np
    try:
        import cupy

        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # noqa: BLE001 - CuPy raises many types for a missing driver
        if device == "auto":
            return np
        raise InputError(f"A GPU was asked for but {_missing(error)}; or choose device cpu.") from None
    if device != "auto" and count <= max(named(device), default=0):
        raise InputError(
            f"A GPU was asked for ({device}) but {count or 'none'} can be seen; GPUs count from 0: choose "
            "another, or device cpu."
        )
    module: ModuleType = cupy if count else np
    return module


def _missing(error: Exception) -> str:
    """Say what is missing to use a GPU, and the command that installs it."""
    version = _driver()
    extra = "gpu-cuda13" if version is not None and version >= 13 else "gpu-cuda12"
    command = f'`pip install "napari-mixedptycho[{extra}]"`'
    if version is None:
        return f"there is no NVIDIA driver on this machine; install one, then {command}"
    if isinstance(error, ImportError):
        return f"CuPy is not there ({error}); the driver takes CUDA {version}: {command}"
    return f"CuPy cannot use one ({type(error).__name__}: {error}); look at the driver, then {command}"


def _driver() -> int | None:
    """Return the newest major version of CUDA that the driver takes; None: there is no driver."""
    version = ctypes.c_int()
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1").cuDriverGetVersion(
            ctypes.byref(version)
        )
    except (OSError, AttributeError):
        return None
    return version.value // 1000


def named(device: str) -> tuple[int, ...]:
    """Return the numbers of the GPUs that a wish names: ``gpu:0,2`` is (0, 2); none where it names none."""
    _, _, numbers = device.partition(":")
    return tuple(int(number) for number in numbers.split(",")) if numbers else ()


Transform = Callable[[Array, bool], Array]
"""From waves (…, y, x) to their Fourier transform, or with True the inverse one; never scaled."""


def transform(waves: Array, inverse: bool = False) -> Array:
    """Transform the last two axes, reusing the memory of `waves` (its content is lost).

    Neither way is scaled, so that N×N pixels come back N² times as large: on a GPU scaling would be one more
    pass over all waves. Whoever multiplies them by something anyway makes up for it there.
    """
    if isinstance(waves, np.ndarray):
        if inverse:
            return scipy.fft.ifft2(waves, norm="forward", overwrite_x=True, workers=1)
        return scipy.fft.fft2(waves, overwrite_x=True, workers=1)
    import cupyx.scipy.fft

    if inverse:
        return cupyx.scipy.fft.ifft2(waves, norm="forward", overwrite_x=True)
    return cupyx.scipy.fft.fft2(waves, overwrite_x=True)


def transform_along(waves: Array, axis: int) -> Array:
    """Transform one axis on the CPU, as `transform` does there both, one after the other: −2, then −1."""
    return scipy.fft.fft(waves, axis=axis, overwrite_x=True, workers=1)


def plan_fft2(waves: Array) -> Any:
    """Return cuFFT's plan, with its work area, for the last two axes of (image, y, x) on a GPU."""
    import cupyx.scipy.fft

    return cupyx.scipy.fft.get_fft_plan(waves, axes=(1, 2))


def take_patches(image: Array, corners: Array, size: int) -> Array:
    """Cut one square window per position out of a stack of images.

    Parameters
    ----------
    image
        (state, y, x).
    corners
        (position, 2) integers on the host: first row and column of each window.
    size
        Edge of the window, px.

    Returns
    -------
    Array
        (position, state, size, size); a view of `image` when there is one position on the CPU.
    """
    if isinstance(image, np.ndarray):
        if len(corners) == 1:
            y, x = corners[0]
            return image[None, :, y : y + size, x : x + size]
        return np.stack([image[:, y : y + size, x : x + size] for y, x in corners])
    xp = namespace(image)
    rows, columns = _windows(xp, corners, size)
    return xp.ascontiguousarray(xp.moveaxis(image[:, rows, columns], 1, 0))


def add_patches(image: Array, corners: Array, patches: Array) -> None:
    """Add (position, state, size, size) windows into (state, y, x); the adjoint of `take_patches`."""
    size = patches.shape[-1]
    if isinstance(image, np.ndarray):
        for (y, x), patch in zip(corners.tolist(), patches, strict=True):
            window = image[:, y : y + size, x : x + size]
            np.add(window, patch, out=window)
        return
    xp = namespace(image)
    rows, columns = _windows(xp, corners, size)
    stacked = xp.moveaxis(patches, 0, 1)
    parts = (
        ((image.real, stacked.real), (image.imag, stacked.imag))
        if image.dtype.kind == "c"
        else ((image, stacked),)
    )
    for target, values in parts:
        xp.add.at(target, (slice(None), rows, columns), values)


def _windows(xp: ModuleType, corners: Array, size: int) -> Sequence[Array]:
    offset = xp.arange(size)
    corners = xp.asarray(corners)
    return corners[:, 0, None, None] + offset[:, None], corners[:, 1, None, None] + offset
