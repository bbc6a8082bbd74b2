"""Where the kernels run: on a GPU, or as their twins in NumPy."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.fft

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.gpu import twins
from napari_mixedptycho.engine.gpu.chunk import Chunk


class Device(Protocol):
    """Runs kernels and transforms, in order."""

    def launch(self, name: str, grid: tuple[int, int], *arguments: Array | Chunk) -> None:
        """Run a kernel on so many blocks of threads per image, and images."""

    def prepare(self, waves: Array) -> None:
        """Take what transforms of such waves (image, y, x) need; `MemoryError` when it is not to be had."""

    def transform(self, waves: Array, inverse: bool = False) -> None:
        """Transform (image, y, x) in place, without any scaling."""


class Host:
    """The twins in NumPy; it needs no grid."""

    def launch(self, name: str, grid: tuple[int, int], *arguments: Array | Chunk) -> None:
        """Run the twin of a kernel."""
        getattr(twins, name)(*arguments)

    def prepare(self, waves: Array) -> None:
        """Nothing is needed."""

    def transform(self, waves: Array, inverse: bool = False) -> None:
        """Transform (image, y, x) in place, without any scaling."""
        turned = scipy.fft.ifft2(waves, norm="forward") if inverse else scipy.fft.fft2(waves)
        np.copyto(waves, turned)
