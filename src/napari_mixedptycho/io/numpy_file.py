"""NumPy's ``.npy``, mapped into memory; never a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.lib import format as npy
from numpy.typing import NDArray

from napari_mixedptycho.errors import InputError
from napari_mixedptycho.io.contents import Found
from napari_mixedptycho.io.lazy import native
from napari_mixedptycho.io.mapped import cube


def read(path: Path) -> Found:
    """Read a ``.npy`` of three or four axes; in Fortran order too, its shape stands as it is written.

    Raises
    ------
    InputError
        When the file is truncated, damaged, or holds Python objects.
    """
    return Found(native(mapped(path)), "NumPy")


def mapped(path: Path, start: int = 0) -> NDArray[Any]:
    """Map the array that begins at a byte of a file.

    Raises
    ------
    InputError
        As `read` does.
    """
    with path.open("rb") as file:
        file.seek(start)
        try:
            version = npy.read_magic(file)
            header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = header(file)
        except (ValueError, TypeError, EOFError, SyntaxError) as error:
            raise InputError(f"{path}: this is not a readable NumPy file ({error}).") from None
        offset = file.tell()
    if dtype.hasobject or dtype.kind not in "buif":
        raise InputError(f"{path}: the array holds {dtype}; real numbers are needed.")
    return cube(path, tuple(int(n) for n in shape), dtype, offset, "F" if fortran else "C")
