"""MATLAB ``.mat`` of version 5; version 7.3 is HDF5 and is read as such."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.choice import choose
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.lazy import Deferred, Reordered

_TYPES = {
    "double": "f8",
    "single": "f4",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "int64": "i8",
    "uint64": "u8",
}
_MOST = 2**31
"""Bytes: a variable of version 5 cannot be larger."""

ORDERS = {4: (2, 3, 0, 1), 3: (2, 0, 1)}
"""MATLAB's first axes are the fastest: (ky, kx, scan_y, scan_x) → (scan_y, scan_x, ky, kx)."""


def is_version_7(path: Path) -> bool:
    """Tell whether a ``.mat`` is HDF5."""
    with path.open("rb") as file:
        start = file.read(128)
    return start.startswith((b"MATLAB 7.3", b"\x89HDF"))


def read(path: Path, key: str | None = None) -> Found:
    """Read a variable of three or four axes; it is unpacked when the first pattern is asked for.

    Raises
    ------
    InputError
        When the file is damaged, or does not hold one such variable.
    """
    from scipy.io import loadmat, matlab, whosmat  # a tenth of a second that only these files need

    try:
        listed = whosmat(str(path))
    except (ValueError, TypeError, OSError, KeyError, matlab.MatReadError) as error:
        raise InputError(f"{path}: this is not a readable MATLAB file ({error}).") from None
    shapes = {name: tuple(int(n) for n in shape) for name, shape, kind in listed if kind in _TYPES}
    types = {name: _TYPES[kind] for name, _, kind in listed if kind in _TYPES}
    chosen = choose(path, shapes, key)
    shape, dtype = shapes[chosen], np.dtype(types[chosen])
    if int(np.prod(shape, dtype=object)) * dtype.itemsize > _MOST:
        raise InputError(
            f"{path}: the variable '{chosen}' would be larger than the format allows; it is damaged."
        )

    def load() -> NDArray[Any]:
        values = loadmat(str(path), variable_names=[chosen], squeeze_me=False)[chosen]
        if values.shape != shape or values.dtype.kind not in "buif":
            raise OSError(f"{path}: the variable '{chosen}' is damaged.")
        return np.asarray(values, dtype)

    stack = Reordered(Deferred(shape, dtype, load), ORDERS[len(shape)])
    return Found(stack, "MATLAB 5", chosen)
