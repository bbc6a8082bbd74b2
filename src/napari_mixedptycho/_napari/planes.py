"""Images that are computed plane by plane, when they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._napari.charts import colour_wheel


class Planes:
    """What napari takes for an array (state, slice, y, x) or (state, slice, y, x, rgb).

    Of ten states of a large object only the plane on screen is ever computed.

    Parameters
    ----------
    states
        (state, slice, y, x), complex.
    look
        From any part of it to what is shown.
    colours
        Whether that has colours as its last axis.
    """

    def __init__(
        self, states: NDArray[Any], look: Callable[[NDArray[Any]], NDArray[Any]], *, colours: bool = False
    ) -> None:
        self._states, self._look = states, look
        self.shape = (*states.shape, 3) if colours else states.shape
        self.ndim = len(self.shape)
        self.dtype = np.dtype(np.uint8 if colours else np.float32)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Compute a part."""
        keys = key if isinstance(key, tuple) else (key,)
        count = self._states.ndim
        found = np.asarray(self._look(self._states[keys[:count]]), dtype=self.dtype)
        return found[(..., *keys[count:])] if len(keys) > count else found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Compute everything."""
        return np.asarray(self[...], dtype=dtype)

    def __len__(self) -> int:
        """Return the length of the first axis."""
        return int(self.shape[0])


def amplitude(states: NDArray[Any]) -> Planes:
    """Return the modulus of a complex object."""
    return Planes(states, np.abs)


def wheel(states: NDArray[Any]) -> Planes:
    """Return a complex object in colours: hue is its phase, brightness its modulus."""
    return Planes(states, colour_wheel, colours=True)
