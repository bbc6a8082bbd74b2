"""Virtual images as the dock shows them: which there are, their detectors, and what is drawn of each.

No Qt and no napari here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._napari.charts import colour_wheel
from napari_mixedptycho._napari.hurried import Hurried
from napari_mixedptycho.dataset import Dataset, turning
from napari_mixedptycho.imaging import BRIGHT, DARK, Frame, Images, look, ring
from napari_mixedptycho.io import Contents
from napari_mixedptycho.io.lazy import centred
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.prepare import with_numbers
from napari_mixedptycho.preprocess import arranged
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.stored import Stored

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Limits = tuple[float, float]

COM_Y, COM_X, DPC, ICOM = "centre of mass y", "centre of mass x", "DPC", "iCoM"
KINDS = (BRIGHT, DARK, COM_Y, COM_X, DPC, ICOM)
"""What can be looked at."""
LOOKS = {BRIGHT: "gray", DARK: "gray", COM_Y: "PiYG", COM_X: "PiYG", ICOM: "magma"}
"""Colour map of each; the colours of DPC are its own."""

FIRST, LOOKED, KEPT = 2**24, 2**30, 2**26
"""Bytes of patterns that are read while the window waits (some hundredths of a second), beside the window
without being asked, and that are kept in memory, so that images follow a dragged detector."""


@dataclass(frozen=True)
class Ring:
    """A detector: what lies from `inner` to before `outer` of its `center` (y, x), all px."""

    inner: float
    outer: float
    center: tuple[float, float]

    def mask(self, shape: tuple[int, int]) -> Mask:
        """Return its pixels (ky, kx)."""
        return ring(shape, self.center, self.inner, self.outer)


@dataclass(frozen=True)
class Scan:
    """A scan to look at, complete or not.

    Attributes
    ----------
    name
        What to call it.
    patterns
        (scan_y, scan_x, ky, kx), read when they are wanted; the detector set right as far as is known.
    frame
        Of detector and scan.
    unit
        Electrons of one stored unit; None: not known.
    notes
        What was changed of the patterns, each a sentence.
    """

    name: str
    patterns: Any
    frame: Frame
    unit: float | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset, recipe: Recipe) -> Scan:
        """Look at a data set, all of its scan, preprocessed and set right as a recipe wants it.

        Raises
        ------
        InputError
            When a setting does not fit the data.
        """
        wish = recipe.data.model_copy(update={"scan_region": None, "scan_every": 1})
        own = vars(dataset).get("values", dataset.patterns)
        stored = own if isinstance(own, Stored) else Stored.of(own)
        seen = with_numbers(recipe, dataset.replace(patterns=stored))
        way = Orientation(wish.transpose, wish.flip_y, wish.flip_x)
        seen = arranged(seen, wish, way, wish.center, wish.descan)
        unit = seen.electrons_per_unit
        return cls(dataset.name, seen.patterns, Frame.of(seen), unit, seen.notes)

    @classmethod
    def of_contents(cls, contents: Contents) -> Scan:
        """Look at a file that does not say all; reads few patterns to find the bright-field disk."""
        edge = min(contents.patterns.shape[-2:])
        patterns = Stored.of(centred(contents.patterns, (edge, edge)))
        mask = None if contents.mask is None else centred(contents.mask, (edge, edge))
        numbers = contents.numbers
        frame = Frame((edge, edge), (edge / 2, edge / 2), 1.0, mask=mask)
        images = next(look(Hurried(patterns), frame, budget=FIRST))
        frame = dataclasses.replace(
            Frame.found(images.mean_pattern, mask, edge=256), step=numbers.get("scan_step")
        )
        return cls(contents.path.stem, patterns, frame, numbers.get("electrons_per_unit"))

    @property
    def shape(self) -> tuple[int, int]:
        """(scan_y, scan_x)."""
        return int(self.patterns.shape[0]), int(self.patterns.shape[1])

    @property
    def size(self) -> int:
        """Edge of a pattern, px."""
        return int(self.patterns.shape[-1])

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Of the patterns; asked for once, since an HDF5 file that is being read answers late."""
        found: np.dtype[Any] = np.dtype(self.patterns.dtype)
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of all patterns."""
        return math.prod(int(n) for n in self.patterns.shape) * self.dtype.itemsize

    @property
    def pixel(self) -> float:
        """Angle of a detector pixel, mrad; 1 (px) when it is not known."""
        return self.frame.angle(1.0) if self.calibrated else 1.0

    @property
    def calibrated(self) -> bool:
        """Whether the detector's angles are known."""
        return self.frame.sampling is not None and self.frame.wavelength is not None

    @property
    def step(self) -> float:
        """Distance of scan points, Å; 1 (point) when it is not known."""
        return self.frame.step or 1.0

    @property
    def place(self) -> tuple[tuple[float, float], Floats]:
        """Å between scan points (y, x), and how the scan is turned (2, 2): where a result of it lies too."""
        return (self.step, self.step), turning(self.frame.rotation)

    def why_not(self, kind: str) -> str:
        """Return why there is no such image, or nothing."""
        if kind == ICOM and (self.frame.step is None or self.frame.sampling is None):
            return "Needs the scan step and the detector sampling (step 2)"
        return ""

    def pattern(self, point: tuple[int, int]) -> NDArray[Any]:
        """Read the pattern (ky, kx) of a scan point."""
        found: NDArray[Any] = np.asarray(self.patterns[point[0], point[1]])
        mask = self.frame.mask
        return found if mask is None else np.where(mask, found, found.dtype.type(0))

    def rings(self, mean: Floats) -> dict[str, Ring]:
        """Return the detectors to begin with, about the disk where it is on a mean pattern (ky, kx)."""
        frame, found = self.frame, Frame.found(mean, self.frame.mask, edge=128)
        # A disk that was not measured may lie anywhere; one that was is known better than from here.
        apart = np.hypot(*np.subtract(found.center, frame.center))
        center = found.center if apart > 1.0 and found.radius > 2 else frame.center
        return {
            BRIGHT: Ring(0.0, frame.radius, center),
            DARK: Ring(1.1 * frame.radius, max(self.size / 2, 1.2 * frame.radius), center),
            COM_Y: Ring(0.0, self.size / 2, center),
        }


def detector_of(kind: str) -> str:
    """Return which detector an image is taken with: all that comes from the centre of mass shares one."""
    return kind if kind in (BRIGHT, DARK) else COM_Y


@dataclass(frozen=True)
class Shot:
    """One virtual image, complete or on the way.

    Attributes
    ----------
    kind
        Of `KINDS`.
    image
        (y, x), or (y, x, rgb) bytes.
    limits
        To show it.
    stride
        Scan points between its pixels.
    done
        Part of its pixels that has been read.
    images
        What it was made of.
    """

    kind: str
    image: NDArray[Any]
    limits: Limits
    stride: int
    done: float
    images: Images

    @classmethod
    def of(cls, kind: str, images: Images) -> Shot:
        """Make an image; raises `InputError` as `Images.phase` does."""
        image = _DRAWN[kind](images)
        limits = (0.0, 255.0) if image.ndim == 3 else _limits(image, signed=kind in (COM_Y, COM_X))
        return cls(kind, image, limits, images.stride, images.done, images)


def shots(
    scan: Scan, kind: str, rings: dict[str, Ring], kept: Kept | None, *, budget: int | None = LOOKED
) -> Iterator[Shot]:
    """Yield an image from coarse to fine.

    Parameters
    ----------
    scan, kind, rings
        What to look at, and with which detectors.
    kept
        Patterns that are in memory already; None: none are.
    budget
        Bytes of patterns that are read, at most; 0: only what is in memory; None: every pattern.
    """
    shape = (scan.size, scan.size)
    name = detector_of(kind)
    masks = {name: rings[name].mask(shape)}
    within = masks[name] if name == COM_Y else None
    shown = 0
    if kept is not None:
        for images in look(kept.patterns, kept.frame, masks, within):
            last = dataclasses.replace(images, frame=scan.frame, stride=images.stride * kept.stride)
        shown = last.seen.size
        yield Shot.of(kind, last)
        if kept.stride == 1 or budget == 0:
            return
    for images in look(scan.patterns, scan.frame, masks, within, budget=budget):
        # Coarser than what is on screen already: not worth a look.
        if images.seen.sum() > shown:
            yield Shot.of(kind, images)


@dataclass(frozen=True)
class Kept:
    """Patterns in memory: every `stride`-th along both axes of the scan, and where they lie."""

    patterns: NDArray[Any]
    frame: Frame
    stride: int

    @classmethod
    def of(cls, scan: Scan, told: Callable[[], None]) -> Kept:
        """Read them; `told` is called after every row and may end it."""
        rows, columns = scan.shape
        stride = max(1, int(np.ceil(np.sqrt(scan.nbytes / KEPT))))
        read = []
        for row in range(0, rows, stride):
            read.append(np.asarray(scan.patterns[row, 0:columns:stride]))
            told()
        wander = scan.frame.wander
        frame = dataclasses.replace(scan.frame, wander=None if wander is None else wander * stride)
        return cls(np.stack(read), frame, stride)


def _limits(image: NDArray[Any], *, signed: bool) -> Limits:
    low, high = (float(end) for end in np.percentile(image, [0.5, 99.8]))
    if signed:
        reach = max(abs(low), abs(high), 1e-12)
        return -reach, reach
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _deflection(images: Images, axis: int) -> Floats:
    """Return the centre of mass along one axis of the scan, its plane taken away: mrad, or px."""
    known = images.frame.sampling is not None and images.frame.wavelength is not None
    found: Floats = images.gradient()[axis]
    if not known:
        return found
    return found * 1e3 * images.frame.needed("wavelength")


def _wheel(images: Images) -> NDArray[np.uint8]:
    """Return colours: hue is the direction of the centre of mass, brightness its length."""
    y, x = images.gradient()
    wave = x + 1j * y
    top = float(np.percentile(np.abs(wave), 99.5)) or 1.0
    return colour_wheel(wave / np.maximum(np.abs(wave) / top, 1.0))


_DRAWN: dict[str, Callable[[Images], NDArray[Any]]] = {
    BRIGHT: lambda images: images.sums[BRIGHT].astype(np.float32),
    DARK: lambda images: images.sums[DARK].astype(np.float32),
    COM_Y: lambda images: _deflection(images, 0).astype(np.float32),
    COM_X: lambda images: _deflection(images, 1).astype(np.float32),
    DPC: _wheel,
    ICOM: lambda images: images.phase().astype(np.float32),
}
