"""Which library transforms waves on the CPU: SciPy, or FFTW where it is installed and wanted.

FFTW's fast plans come from timing alternatives, which is done once for each size and direction; the plan, and
with it the last digits, may therefore differ from start to start of the program. SciPy's never do.
"""

from __future__ import annotations

import importlib.util
import threading
import time
from typing import Any, Literal, get_args

import numpy as np

from napari_mixedptycho._array import Array, Transform, transform
from napari_mixedptycho.errors import InputError

Provider = Literal["scipy", "fftw"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)

_PLANS = 32
"""Plans that a thread keeps: of a few numbers of images, there and back."""
_ALIGNED = 16
"""Bytes that all of NumPy's arrays are aligned to, on systems of 64 bits."""
_IMAGES, _REPEATS = 4, 5
_WORTH = 0.9
"""FFTW is chosen when it takes at most this part of SciPy's time."""
_planning = threading.Lock()


class Fftw:
    """FFTW's transforms in place, not scaled; what it cannot take goes to SciPy, or to the GPU's own."""

    def __init__(self) -> None:
        self._own = threading.local()  # a plan is for one thread at a time

    def __call__(self, waves: Array, inverse: bool = False) -> Array:
        """Transform the last two axes, as `transform` does."""
        if not isinstance(waves, np.ndarray) or not waves.flags.c_contiguous or waves.dtype.kind != "c":
            return transform(waves, inverse)
        images = waves.reshape(-1, *waves.shape[-2:])
        plan = self._plan(images, inverse)
        try:
            plan.update_arrays(images, images)
        except ValueError:  # not aligned
            return transform(waves, inverse)
        plan.execute()
        return waves

    def _plan(self, images: Array, inverse: bool) -> Any:
        plans: dict[Any, Any] = self._own.__dict__.setdefault("plans", {})
        key = (images.shape, images.dtype, inverse)
        if key not in plans:
            if len(plans) == _PLANS:
                plans.clear()
            plans[key] = _planned(images, inverse)
        return plans[key]


def _planned(images: Array, inverse: bool) -> Any:
    """Return a plan for arrays like this one; planning writes on an array of its own."""
    import pyfftw

    raw = np.empty(images.nbytes + 4 * _ALIGNED, np.uint8)
    # Not more than NumPy gives, or the plan would refuse other arrays.
    first = -raw.ctypes.data % (2 * _ALIGNED) + _ALIGNED
    space = raw[first : first + images.nbytes].view(images.dtype).reshape(images.shape)
    direction = "FFTW_BACKWARD" if inverse else "FFTW_FORWARD"
    with _planning:
        return pyfftw.FFTW(space, space, axes=(1, 2), direction=direction, flags=("FFTW_MEASURE",), threads=1)


def installed() -> tuple[Provider, ...]:
    """Return the providers that there are."""
    return PROVIDERS if importlib.util.find_spec("pyfftw") is not None else ("scipy",)


def fourier(wish: str, size: int) -> Transform:
    """Return what transforms waves.

    Parameters
    ----------
    wish
        ``"scipy"``, ``"fftw"``, or ``"auto"``: FFTW where it is installed and measurably faster.
    size
        Edge of the windows, px.

    Raises
    ------
    InputError
        When FFTW is asked for and is not there.
    """
    if wish == "scipy" or (wish == "auto" and "fftw" not in installed()):
        return transform
    if "fftw" not in installed():
        raise InputError(
            'run.fft is fftw, but pyFFTW is missing: `pip install "napari-mixedptycho[fft]"`, or take scipy.'
        )
    other = Fftw()
    if wish == "fftw" or seconds(other, size) < _WORTH * seconds(transform, size):
        return other
    return transform


def name(chosen: Transform) -> Provider:
    """Return who transforms."""
    return "fftw" if isinstance(chosen, Fftw) else "scipy"


def seconds(work: Transform, size: int) -> float:
    """Return the processor time of this thread for one transform of a window, single precision, s."""
    waves = np.ones((_IMAGES, size, size), np.complex64)
    times = []
    for _ in range(_REPEATS + 1):  # the first one plans
        began = time.thread_time()
        waves[...] = work(waves, False)
        times.append(time.thread_time() - began)
        waves[...] = 1
    return min(times[1:]) / _IMAGES
