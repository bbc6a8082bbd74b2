"""Messages between two processes of this program: large arrays go through a file in memory, uncopied.

A message is pickled, and the arrays in it are written beside the pickle. The receiver maps that file into its
memory and has the arrays where they lie, read-only; the file itself is gone from its folder by then.
Only processes that this program has started itself are listened to.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho import errors
from napari_mixedptycho._array import asnumpy, on_device
from napari_mixedptycho._device import device
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.engine.estimate import Estimate

_SMALL = 2**20
"""Bytes of arrays that go along with the pickle."""
_ROOM = 2**30
"""Bytes that must be free in the folder of files in memory; in containers it is often tiny."""
_ALIGNED = 64
_IN_MEMORY = Path("/dev/shm")


def new_folder() -> Path:
    """Make a folder for parcels: in memory where the system has such, else where temporary files are."""
    there = None
    with suppress(OSError):
        if shutil.disk_usage(_IN_MEMORY).free > _ROOM and os.access(_IN_MEMORY, os.W_OK):
            there = _IN_MEMORY
    return Path(tempfile.mkdtemp(prefix="mixedptycho-", dir=there))


Packed = tuple[bytes, list[pickle.PickleBuffer]]
"""A message without its arrays, and these."""


def send(stream: BinaryIO, packed: Packed, folder: Path) -> None:
    """Write a message; raises `OSError` where nobody listens any more."""
    head, buffers = packed
    parts = [buffer.raw() for buffer in buffers]
    arrays: Any = None
    if sum(part.nbytes for part in parts) > _SMALL:
        with suppress(OSError):  # no room for the file: by the long way
            arrays = _in_file(parts, folder)
    pickle.dump((head, arrays or [bytes(part) for part in parts]), stream, protocol=5)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read a message; raises `EOFError` where the other process is gone."""
    try:
        head, arrays = pickle.load(stream)
    except (pickle.UnpicklingError, OSError) as error:  # cut off in the middle
        raise EOFError from error
    return pickle.loads(head, buffers=arrays if isinstance(arrays, list) else _mapped(*arrays))


def pack(message: Any) -> Packed:
    """Pickle a message, its arrays beside it and uncopied; raises what pickling raises."""
    buffers: list[pickle.PickleBuffer] = []
    head = io.BytesIO()
    _Pickler(head, 5, buffer_callback=buffers.append).dump(message)
    return head.getvalue(), buffers


class _Pickler(pickle.Pickler):
    """Knows what lies on a GPU, and what lies in a file and is better opened there again."""

    def reducer_override(self, value: Any) -> Any:
        """Return how to make a value anew; `NotImplemented`: as usual."""
        if isinstance(value, Estimate) and type(value) is not Estimate:
            return _same, (value.asnumpy(),)
        if isinstance(value, h5py.Dataset):
            return _open_hdf5, (value.file.filename, value.name)
        if isinstance(value, np.memmap) and (opened := _memory_map(value)) is not None:
            return opened
        if isinstance(value, Dataset) and not isinstance(value.patterns, np.ndarray):
            known = {name: part for name, part in vars(value).items() if name != "values"}
            return _dataset, (known,)
        if on_device(value):
            with device(value):
                return _same, (asnumpy(value),)
        if isinstance(value, Exception):
            return _exception(value)
        return NotImplemented


def _exception(error: Exception) -> Any:
    """Return how to make an error that is understood everywhere: nothing may be imported for it there."""
    module = type(error).__module__
    if module == "builtins" or module == errors.__name__:
        return NotImplemented
    if isinstance(error, MemoryError):
        return MemoryError, (str(error),)
    return errors.FarError, (": ".join(filter(None, [type(error).__name__, str(error)])),)


def _same(value: Any) -> Any:
    return value


def _open_hdf5(path: str, name: str) -> Any:
    return h5py.File(path, "r")[name]


def _dataset(known: dict[str, Any]) -> Dataset:
    made = object.__new__(Dataset)
    vars(made).update(known)
    return made


def _memory_map(array: np.memmap[Any, Any]) -> Any:
    """Return how to map the same part of a file again; None where the file is not known."""
    mapped = getattr(array, "_mmap", None)
    if not isinstance(mapped, mmap.mmap) or array.filename is None or not array.size:
        return None
    begin = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
    place = array.__array_interface__["data"][0] - np.frombuffer(mapped, np.uint8).ctypes.data
    return _map_file, (str(array.filename), begin + place, array.shape, array.strides, array.dtype)


def _map_file(
    path: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    whole = np.memmap(path, np.uint8, "r")
    return np.ndarray(shape, dtype, whole, offset, strides).view(np.memmap)


def _in_file(parts: Sequence[memoryview], folder: Path) -> tuple[str, list[tuple[int, int]]]:
    """Write the bytes of arrays into a new file; returns it, and where each of them begins and ends."""
    number, name = tempfile.mkstemp(dir=folder)
    spans = []
    try:
        with open(number, "wb", buffering=0) as file:
            for part in parts:
                file.seek(-(-file.tell() // _ALIGNED) * _ALIGNED)
                begin = file.tell()
                for first in range(0, part.nbytes, 2**30):  # no system takes more than 2 GiB at once
                    _write(file, part[first : first + 2**30])
                spans.append((begin, begin + part.nbytes))
    except OSError:
        os.unlink(name)
        raise
    return name, spans


def _write(file: io.FileIO, part: memoryview) -> None:
    while part.nbytes:
        part = part[file.write(part) :]


def _mapped(name: str, spans: list[tuple[int, int]]) -> list[memoryview]:
    """Map a file of arrays into memory, where it stays for as long as any of them is there."""
    with open(name, "rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    with suppress(OSError):  # not while it is mapped, on Windows; it goes with its folder
        os.unlink(name)
    return [whole[begin:end] for begin, end in spans]
