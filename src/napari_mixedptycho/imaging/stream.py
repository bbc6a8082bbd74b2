"""Read a scan from coarse to fine, and show at every moment what has been seen."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.imaging.frame import Frame, Mask
from napari_mixedptycho.imaging.images import Images

Floats = NDArray[np.float64]
BRIGHT, DARK = "bright field", "annular dark field"
"""The detectors that are taken when none are given."""
BLOCK = 2**25
"""Bytes of patterns, as float64, that are held at a time, but for the least of one pattern."""
_TELL = 2**26
"""Bytes that are read between two looks at the images."""
_FIRST = 2**24
"""Bytes that are read before the first images are shown, about."""
_APART = 1.1
"""Radii of the bright-field disk at which the dark field begins."""


def first_look(
    dataset: Dataset, budget: int = 2**28, detectors: Mapping[str, Mask] | None = None
) -> Generator[Images]:
    """Yield virtual images of a data set from few patterns, more and more of them.

    Parameters
    ----------
    dataset
        Its patterns may lie in a file.
    budget
        Bytes of patterns that are read in all, at most (but for four patterns).
    detectors
        As for `look`.

    Yields
    ------
    Images
        The first ones after some 16 MiB; their shape stays the same.
    """
    yield from look(dataset.patterns, Frame.of(dataset), detectors, budget=budget)


def virtual_images(
    dataset: Dataset, detectors: Mapping[str, Mask] | None = None, within: Mask | None = None
) -> Images:
    """Return the virtual images of all patterns of a data set; arguments as for `look`."""
    for images in look(dataset.patterns, Frame.of(dataset), detectors, within):
        last = images
    return last


def look(
    patterns: Any,
    frame: Frame | None = None,
    detectors: Mapping[str, Mask] | None = None,
    within: Mask | None = None,
    *,
    budget: int | None = None,
) -> Generator[Images]:
    """Yield virtual images from coarse to fine, a few patterns in memory at a time.

    Parameters
    ----------
    patterns
        (scan_y, scan_x, ky, kx): anything that is sliced like an array.
    frame
        Of detector and scan; None: the disk is looked for on the first patterns.
    detectors
        Name → pixels (ky, kx) bool or weights; None: the bright-field disk (`BRIGHT`), and what lies
        outside 1.1 of its radius (`DARK`).
    within
        Pixels (ky, kx) of which the centre of mass is taken; None: all that are measured.
    budget
        Bytes of patterns that are read in all, at most (but for four patterns); None: every pattern.

    Yields
    ------
    Images
        Of every `Images.stride`-th scan point, their shape always the same. What has not been read yet
        shows what its nearest coarser neighbour did. Stop by not asking for the next.
    """
    rows, columns, *edges = (int(n) for n in patterns.shape)
    size = int(np.prod(edges)) * np.dtype(patterns.dtype).itemsize
    stride = 1 if budget is None else _stride(rows, columns, budget // size)
    shape = (-(-rows // stride), -(-columns // stride))
    first = _power(_stride(*shape, _FIRST // size))
    if frame is None:
        frame = Frame.found(_coarse(patterns, shape, first, stride))
    canvas = _Canvas(frame, (rows, columns), stride, detectors or _usual(frame), within)
    level, read = first, 0
    while level >= 1:
        for row, inside in _pieces(shape, level, _most(patterns), coarsest=level == first):
            values = _read(patterns, row, inside, stride)
            canvas.add(values, row, inside, level)
            read += values.nbytes
            if read > _TELL:
                read = 0
                yield canvas.images()
        yield canvas.images()
        level //= 2


def _coarse(patterns: Any, shape: tuple[int, int], level: int, stride: int) -> Floats:
    """Return the mean (ky, kx) of the patterns that are seen first."""
    total, count = np.zeros(patterns.shape[-2:]), 0
    for where in _pieces(shape, level, _most(patterns), coarsest=True):
        values = _read(patterns, *where, stride)
        total, count = total + values.sum(axis=0, dtype=np.float64), count + len(values)
    return total / count


def _most(patterns: Any) -> int:
    """Return how many patterns are held at a time."""
    return max(1, int(BLOCK // (8 * np.prod(patterns.shape[-2:], dtype=object))))


def _usual(frame: Frame) -> dict[str, Mask]:
    return {BRIGHT: frame.ring(0, frame.radius), DARK: frame.ring(_APART * frame.radius)}


def _stride(rows: int, columns: int, most: int) -> int:
    """Return the smallest distance between points of a scan that leaves at most so many of them, or four."""
    stride = max(1, int(np.sqrt(rows * columns / max(most, 4))))
    while -(-rows // stride) * -(-columns // stride) > max(most, 4):
        stride += 1
    return stride


def _power(stride: int) -> int:
    """Return the next power of two."""
    return 1 << max(0, stride - 1).bit_length()


def _pieces(shape: tuple[int, int], level: int, most: int, *, coarsest: bool) -> Iterator[tuple[int, slice]]:
    """Yield row and columns of what a level adds to the coarser ones, at most so many points at a time."""
    rows, columns = shape
    for row in range(0, rows, level):
        known = not coarsest and row % (2 * level) == 0
        begin, pitch = (level, 2 * level) if known else (0, level)
        for first in range(begin, columns, pitch * most):
            yield row, slice(first, min(columns, first + pitch * most), pitch)


def _read(patterns: Any, row: int, inside: slice, stride: int) -> NDArray[Any]:
    """Read points (point, ky, kx) that are counted in strides."""
    columns = slice(inside.start * stride, (inside.stop - 1) * stride + 1, inside.step * stride)
    return np.asarray(patterns[row * stride, columns])


class _Canvas:
    """Images that are being filled."""

    def __init__(
        self,
        frame: Frame,
        scan: tuple[int, int],
        stride: int,
        detectors: Mapping[str, Mask],
        within: Mask | None,
    ) -> None:
        self.frame, self.scan, self.stride, self.names = frame, scan, stride, tuple(detectors)
        shape = (-(-scan[0] // stride), -(-scan[1] // stride))
        measured = frame.measured
        looked = measured if within is None else measured & within
        y, x = np.indices(frame.shape, dtype=np.float64)
        own = [np.asarray(detectors[name], np.float64) * measured for name in self.names]
        weights = [measured, looked, looked * y, looked * x, *own]
        self.weights = np.stack([np.asarray(w, np.float64).ravel() for w in weights], axis=1)
        self.values: Floats = np.zeros((len(weights), *shape))
        self.seen = np.zeros(shape, bool)
        self.sum: Floats = np.zeros(frame.shape)

    def add(self, patterns: NDArray[Any], row: int, inside: slice, level: int) -> None:
        """Enter patterns (point, ky, kx) of a row, each into a square of `level` pixels."""
        values = patterns.astype(np.float64).reshape(len(patterns), -1)
        if self.frame.mask is not None:
            values[:, ~self.frame.mask.ravel()] = 0.0  # which may hold anything
        self.sum += values.sum(axis=0).reshape(self.frame.shape)
        found = values @ self.weights
        columns = np.arange(inside.start, inside.stop, inside.step)
        wide = (columns[:, None] + np.arange(level)).ravel()
        spread = np.repeat(found, level, axis=0)[wide < self.seen.shape[1]]
        wide = wide[wide < self.seen.shape[1]]
        self.values[:, row : row + level, wide] = spread.T[:, None]
        self.seen[row, columns] = True

    def images(self) -> Images:
        """Return what there is now."""
        total, light, y, x, *sums = self.values.copy()
        center = np.stack([y, x]) / np.where(light > 0, light, 1) - self._zero()
        center = np.where(light > 0, center, 0.0)
        mean = self.sum / max(int(self.seen.sum()), 1)
        named = dict(zip(self.names, sums, strict=True))
        return Images(self.frame, self.stride, named, total, center, self.seen.copy(), mean)

    def _zero(self) -> Floats:
        """Return where the zero angle lies (2, y, x), px; it wanders about the middle of the scan."""
        middle = (np.array(self.scan)[:, None, None] - 1) / 2
        place = np.indices(self.seen.shape) * self.stride - middle
        zero = np.broadcast_to(np.array(self.frame.center)[:, None, None], place.shape)
        if self.frame.wander is None:
            return zero
        moved: Floats = zero + np.einsum("ic,iyx->cyx", self.frame.wander, place)
        return moved
