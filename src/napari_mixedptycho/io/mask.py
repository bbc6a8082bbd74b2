"""Read an image of the detector: a mask, a background, a response."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io import tiff
from napari_mixedptycho.io.tree import hard

_WHOLE = (".npy", ".tif", ".tiff")
_MOST = 2**15
"""Largest believable edge of a detector, px."""


def load_mask(file: str) -> NDArray[np.bool_]:
    """Read a mask (ky, kx): True where a pixel is measured, zero angle at ``n // 2``.

    Parameters
    ----------
    file
        ``mask.npy``, ``mask.tif``, or ``file.h5:dataset``; nonzero means measured.

    Raises
    ------
    InputError
        As `load_image`.
    """
    return np.asarray(load_image(file, "mask") != 0)


def load_image(file: str, what: str) -> NDArray[np.float64]:
    """Read an image (ky, kx) of the detector.

    Parameters
    ----------
    file
        ``image.npy``, ``image.tif``, or ``file.h5:dataset``.
    what
        What to call it.

    Raises
    ------
    InputError
        When the file or the dataset is missing, or does not hold a two-dimensional array of numbers.
    """
    # A colon also stands in the drive of a Windows path, but not behind a suffix.
    name, _, key = (file, "", "") if file.lower().endswith(_WHOLE) else file.rpartition(":")
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"{file}: there is no such {what}; give {what.split()[0]}.npy, .tif or file.h5:dataset."
        )
    try:
        values = np.asarray(_read(path, key))
    except InputError:
        raise
    except (OSError, KeyError, ValueError, TypeError, EOFError, RuntimeError) as error:
        raise InputError(f"{file}: the {what} cannot be read ({error}).") from None
    values = values[0] if values.ndim == 3 and len(values) == 1 else values
    if values.ndim != 2 or values.dtype.kind not in "buif" or max(values.shape) > _MOST:
        raise InputError(
            f"{file}: the {what} is {values.shape} of {values.dtype}; numbers on two axes are needed."
        )
    return values.astype(np.float64)


def _read(path: Path, key: str) -> Any:
    """Return what is there, after a look at its shape."""
    if key:
        with h5py.File(path, "r") as opened:
            node = hard(opened, key)
            if not isinstance(node, h5py.Dataset):
                raise KeyError(f"there is no dataset '{key}'")
            _check(tuple(node.shape), path)
            return node[()]
    if path.suffix.lower() != ".npy":
        return tiff.read_image(path)
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    _check(mapped.shape, path)
    return mapped


def _check(shape: tuple[int, ...], path: Path) -> None:
    if np.prod(shape, dtype=object) > _MOST**2:
        raise InputError(f"{path}: an array of {shape} is too large for an image of a detector.")
