"""Read a mask of detector pixels."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError


def load_mask(file: str) -> NDArray[np.bool_]:
    """Read a mask (ky, kx): True where a pixel is measured, zero angle at ``n // 2``.

    Parameters
    ----------
    file
        ``mask.npy``, or ``file.h5:dataset``; nonzero means measured.

    Raises
    ------
    InputError
        When the file or the dataset is missing, or does not hold a two-dimensional array of numbers.
    """
    # A colon also stands in the drive of a Windows path, but not behind a suffix.
    name, _, key = (file, "", "") if file.endswith(".npy") else file.rpartition(":")
    path = Path(name)
    if not path.is_file():
        raise InputError(f"{file}: there is no such mask; give mask.npy or file.h5:dataset.")
    try:
        if key:
            with h5py.File(path, "r") as opened:
                values = np.asarray(opened[key][()])
        else:
            values = np.load(path, allow_pickle=False)
    except (OSError, KeyError, ValueError, TypeError, EOFError) as error:
        raise InputError(f"{file}: the mask cannot be read ({error}).") from None
    if values.ndim != 2 or values.dtype.kind not in "buif":
        raise InputError(
            f"{file}: the mask is {values.shape} of {values.dtype}; numbers on two axes are needed."
        )
    return np.asarray(values != 0)
