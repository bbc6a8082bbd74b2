"""A new HDF5 file, written so that a full disk is an error to be told and nothing worse."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import h5py

Step = Callable[[Callable[[h5py.File], Any]], Any]


def new_hdf5(path: Path, fill: Callable[[h5py.File], Any]) -> None:
    """Write a new file, which is on the disk when this returns.

    Parameters
    ----------
    path
        The file; what is there is overwritten.
    fill
        Writes the contents.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written; the file is then incomplete.
    """
    with growing_hdf5(path) as do:
        do(fill)


@contextmanager
def growing_hdf5(path: Path) -> Iterator[Step]:
    """Write a new file step by step; it is on the disk at the end.

    HDF5 cannot close a file whose last bytes do not fit: the process crashes when it ends. So bytes that
    do not fit go to memory, the file is closed as if all were well, and the failure is raised.

    Parameters
    ----------
    path
        The file; what is there is overwritten.

    Yields
    ------
    Step
        Does something with the open file, and returns what that returns. The file must be touched in no other
        way: HDF5 works in a thread of its own, since Ctrl-C is raised in the main one, where it must never
        land while HDF5 calls back.

    Raises
    ------
    OSError
        From a step or at the end, when the disk is full; at the beginning, when the file cannot be made.
    """
    with ThreadPoolExecutor(1) as pool, path.open("w+b", buffering=0) as handle:
        sink = _Sink(handle)
        file = pool.submit(h5py.File, sink, "w").result()

        def do(step: Callable[[h5py.File], Any]) -> Any:
            found = pool.submit(step, file).result()
            sink.check(path)
            return found

        try:
            yield do
        finally:
            pool.submit(file.close).result()
        sink.check(path)
        os.fsync(handle.fileno())


class _Sink:
    """A file that never refuses a byte; what does not fit is kept in memory until HDF5 has closed it."""

    def __init__(self, handle: Any) -> None:
        self.handle: BinaryIO = handle
        self.failure: OSError | None = None
        self.kept: list[tuple[int, bytes]] = []
        self.position = 0

    def check(self, path: Path) -> None:
        """Raise the `OSError` of what did not fit."""
        if self.failure is not None:
            raise OSError(self.failure.errno, self.failure.strerror, str(path))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            ends = [start + len(part) for start, part in self.kept]
            offset += max([self.handle.seek(0, os.SEEK_END), *ends])
        elif whence == os.SEEK_CUR:
            offset += self.position
        self.position = offset
        return offset

    def tell(self) -> int:
        return self.position

    def flush(self) -> None:
        """Nothing waits here."""

    def truncate(self, size: int) -> int:
        self._try(lambda: self.handle.truncate(size))
        return size

    def write(self, data: Any) -> int:
        content = bytes(data)
        if self.failure is not None or not self._try(lambda: self._put(content)):
            self.kept.append((self.position, content))
        self.position += len(content)
        return len(content)

    def read(self, size: int) -> bytes:
        target = bytearray(size)
        self.readinto(target)
        return bytes(target)

    def readinto(self, target: Any) -> int:
        view = memoryview(target).cast("B")
        view[:] = bytes(len(view))
        self.handle.seek(self.position)
        self.handle.readinto(view)  # type: ignore[attr-defined]
        for start, part in self.kept:
            low, high = max(start, self.position), min(start + len(part), self.position + len(view))
            if low < high:
                view[low - self.position : high - self.position] = part[low - start : high - start]
        self.position += len(view)
        return len(view)

    def _put(self, content: bytes) -> None:
        self.handle.seek(self.position)
        left = memoryview(content)
        while left:
            left = left[self.handle.write(left) :]

    def _try(self, action: Any) -> bool:
        """Do it, or remember why it cannot be done."""
        try:
            action()
        except OSError as error:
            self.failure = self.failure or error
            return False
        return True
