"""Quick looks at the eight ways in which the detector may lie, to choose by eye.

One slice, one state, the middle of the scan, the detector binned, a few iterations: a second each. Only four
of the eight differ in how well they explain the patterns. With the detector turned by 180°, probe and object
complex conjugate, that is with defocus and phase inverted, give the same patterns exactly:
``|F{P·O}(−k)|² = |F{P*·O*}(k)|²``. So orientations come in pairs, whose losses are nearly the same; that
atoms are bright peaks decides within a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import gaussian_filter

from napari_mixedptycho.binning import binned
from napari_mixedptycho.calibration import Calibration, Measured
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.orientation import Orientation
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.settings import Settings

Floats = NDArray[np.float64]

_RADII = 1.5
"""Half the detector's edge that is looked at, in radii of the disk."""
_ROOM = 1.4
"""Windows are at least so many times as wide as the probe's geometric image."""


class ThumbnailSettings(Settings):
    """How quick a quick look is."""

    points: int = Field(
        18, ge=6, le=64, description="Scan points along each axis, about the middle of the scan."
    )
    iterations: int = Field(15, ge=1, le=200, description="Iterations of each reconstruction.")
    pixels: int = Field(
        32, ge=16, le=256, description="Detector pixels along each axis at least, after binning."
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Of the first object.")


@dataclass(frozen=True)
class Thumbnail:
    """A quick reconstruction with the detector set right in one of eight ways.

    Attributes
    ----------
    orientation, defocus, astigmatism
        How the detector was set right, and the probe's defocus and C12a, C12b (Å) that go with it.
    phase
        (y, x) of the scanned field, rad, mean zero.
    sampling
        Å per pixel.
    loss
        Dimensionless; comparable among the eight.
    sharpness
        Standard deviation ÷ mean absolute deviation of the finest details: about 1.25 for noise, more for
        atoms.
    lean
        Skewness of the phase: above zero, atoms are bright peaks.
    """

    orientation: Orientation
    defocus: float
    astigmatism: tuple[float, float]
    phase: Floats
    sampling: float
    loss: float
    sharpness: float
    lean: float

    @property
    def label(self) -> str:
        """How the detector was set right, in words."""
        words = ("transpose", "flip_y", "flip_x")
        return ", ".join(w for w in words if getattr(self.orientation, w)) or "as stored"


@dataclass(frozen=True)
class Choice:
    """The eight, the best first.

    Attributes
    ----------
    ordered
        By the loss of pairs, then by lean within each pair.
    margin
        By which part the loss of the second pair is above that of the first.
    lean
        By how much the winner leans more to bright peaks than the other of its pair.
    """

    ordered: tuple[Thumbnail, ...]
    margin: float
    lean: float

    @property
    def winner(self) -> Thumbnail:
        """The best."""
        return self.ordered[0]

    @property
    def labels(self) -> list[tuple[str, str]]:
        """What to write above and below each picture."""
        return [
            (
                entry.label,
                f"loss {entry.loss:.4g}, defocus {entry.defocus:+.0f} Å\n"
                f"sharpness {entry.sharpness:.2f}, lean {entry.lean:+.2f}",
            )
            for entry in self.ordered
        ]

    @property
    def sentence(self) -> str:
        """How sure the choice is."""
        return (
            f"Best: {self.winner.label}. Loss of the next pair {self.margin:+.1%}; of its own pair, turned "
            f"by 180°, the phase leans to peaks by {self.winner.lean:+.2f}."
        )


def orientation_thumbnails(
    dataset: Dataset,
    measured: Calibration,
    settings: ThumbnailSettings | None = None,
    told: Callable[[], None] = lambda: None,
) -> Generator[Thumbnail]:
    """Reconstruct the middle of the scan in eight ways, one by one, first as was measured.

    Parameters
    ----------
    dataset
        Patterns as stored, not set right, with the measured numbers (`calibrated.with_measured`).
    measured
        Their calibration.
    settings
        How quick; None: the usual.
    told
        Called after every iteration; may raise to end the work.

    Yields
    ------
    Thumbnail
        Stop by not asking for the next.

    Raises
    ------
    InputError
        When the probe does not fit, or no neighbouring probes overlap.
    """
    chosen = settings or ThumbnailSettings()
    small, center = middle(dataset, measured, chosen)
    for orientation, sign in eight(measured.orientation):
        yield _thumbnail(small, center, measured, (orientation, sign), chosen, told)


def eight(best: Orientation) -> list[tuple[Orientation, int]]:
    """Return all orientations, each with the sign that defocus and astigmatism have in it, in four pairs.

    The first is `best` with +1, the second the same turned by 180° with −1, and so on.
    """
    quarter, mirror = np.array([[0.0, -1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
    return [
        (Orientation.of(sign * change @ best.matrix), sign)
        for change in (np.eye(2), mirror, quarter, quarter @ mirror)
        for sign in (1, -1)
    ]


def ranked(thumbnails: Iterable[Thumbnail]) -> Choice:
    """Order thumbnails: pairs by their lower loss, then by which of a pair has bright peaks."""
    pairs: dict[bytes, list[Thumbnail]] = {}
    for entry in thumbnails:
        matrix = entry.orientation.matrix
        key = max(matrix.tobytes(), (-matrix + 0.0).tobytes())
        pairs.setdefault(key, []).append(entry)
    groups = sorted(pairs.values(), key=lambda group: min(entry.loss for entry in group))
    ordered = [sorted(group, key=lambda entry: -entry.lean) for group in groups]
    best = [min(entry.loss for entry in group) for group in groups]
    margin = best[1] / best[0] - 1 if len(best) > 1 and best[0] > 0 else np.inf
    leans = [entry.lean for entry in ordered[0]]
    apart = leans[0] - leans[1] if len(leans) > 1 else np.inf
    return Choice(tuple(entry for group in ordered for entry in group), float(margin), float(apart))


def middle(
    dataset: Dataset, measured: Calibration, settings: ThumbnailSettings
) -> tuple[Dataset, tuple[float, float]]:
    """Return the middle of scan and detector, binned, and where the zero angle lies on it (row, column), px.

    Parameters
    ----------
    dataset, measured, settings
        As for `orientation_thumbnails`.
    """
    rows, columns = (
        slice((n - min(n, settings.points)) // 2, (n + min(n, settings.points)) // 2)
        for n in dataset.scan_shape
    )
    size, radius = dataset.detector_size, measured.disk.radius.value
    edge = min(size, 2 * int(np.ceil(_RADII * radius)) + 2)
    factor = _binning(dataset, edge, settings.pixels)
    edge = edge // factor // 2 * 2 * factor
    start = [int(np.clip(round(c.value) - edge // 2, 0, size - edge)) for c in measured.disk.center]
    inside = tuple(slice(first, first + edge) for first in start)
    patterns = np.asarray(dataset.patterns[rows, columns])[..., inside[0], inside[1]]
    mask = binned(measured.bad[inside], factor) == 0
    center = tuple(
        (c.value - first + 0.5) / factor - 0.5 for c, first in zip(measured.disk.center, start, strict=True)
    )
    small = dataset.replace(
        patterns=np.maximum(binned(patterns, factor), 0).astype(np.float32),
        detector_sampling=dataset.detector_sampling * factor,
        mask=mask,
        truth=None,
        thickness=None,
    )
    return small, (center[0], center[1])


def _binning(dataset: Dataset, edge: int, pixels: int) -> int:
    """Return by how much to bin: few pixels, but a window that is wide enough for the probe."""
    blur = 2e-3 * abs(dataset.defocus) * dataset.semiangle
    wide = _ROOM * blur + 4e3 * dataset.wavelength / dataset.semiangle
    return max(1, min(edge // pixels, int(1 / (wide * dataset.detector_sampling))))


def _recipe(
    small: Dataset, center: tuple[float, float], measured: Calibration, way: Orientation, chosen: Any
) -> Recipe:
    values = Recipe().model_dump(mode="json")
    data = values["data"]
    data |= {name: getattr(way, name) for name in ("transpose", "flip_y", "flip_x")}
    data["center"] = list(center)
    if measured.descan is not None:
        factor = small.detector_sampling / measured.sampling.value
        data["descan"] = (way.matrix @ measured.descan.slope / factor).ravel().tolist()
    values["model"] |= {"states": 1, "slices": 1, "padding": 1.0, "thickness": 1.0}
    values["stages"] = [{"name": "quick look", "iterations": chosen.iterations, "states": 1}]
    values["run"] |= {"seed": chosen.seed, "checkpoint": None, "device": "cpu"}
    return Recipe.parse(values, "quick look")


def _thumbnail(
    small: Dataset,
    center: tuple[float, float],
    measured: Calibration,
    way: tuple[Orientation, int],
    chosen: ThumbnailSettings,
    told: Callable[[], None],
) -> Thumbnail:
    orientation, sign = way
    # A quarter turn or a mirror takes the astigmatism elsewhere: that is left out, but for the sign.
    same = np.array_equal(np.abs(orientation.matrix), np.abs(measured.orientation.matrix))
    pair = [sign * same * value for value in small.astigmatism]
    # All of the specimen in one slice: it lies in its middle.
    focus = small.defocus if measured.defocus is None else measured.defocus.value
    turned = small.replace(defocus=sign * focus, astigmatism_a=pair[0], astigmatism_b=pair[1])
    recipe = _recipe(small, center, measured, orientation, chosen)
    *_, progress = _followed(reconstruct(recipe, turned), told)
    phase, lean, sharpness = _judged(progress.result)
    found = (turned.defocus, turned.astigmatism)
    sampling = progress.result.sampling
    return Thumbnail(orientation, *found, phase, sampling, progress.loss, sharpness, lean)


def _followed(steps: Iterable[Progress], told: Callable[[], None]) -> Generator[Progress]:
    for step in steps:
        told()
        yield step


def _judged(result: Result) -> tuple[Floats, float, float]:
    """Return the phase of the scanned field, its skewness and its sharpness."""
    (top, left), (bottom, right) = result.scan_box
    low = (np.array([top, left]) - result.origin) / result.sampling
    high = (np.array([bottom, right]) - result.origin) / result.sampling
    rows, columns = (slice(round(a), round(b) + 1) for a, b in zip(low, high, strict=True))
    whole = result.mean_phase().astype(np.float64)
    # What varies over more than some atoms is not determined by a few scan points.
    flat = (whole - gaussian_filter(whole, 2.0 / result.sampling))[rows, columns]
    flat = flat - flat.mean()
    spread = float(flat.std()) + 1e-12
    return flat, float((flat**3).mean()) / spread**3, spread / (float(np.abs(flat).mean()) + 1e-12)


def settled(
    dataset: Dataset,
    measured: Calibration,
    settings: ThumbnailSettings | None = None,
    told: Callable[[], None] = lambda: None,
) -> tuple[Calibration, Thumbnail]:
    """Return the calibration, turned by 180° when a quick reconstruction has dark peaks, and that one.

    For data whose bright field leaves that unsure. One reconstruction tells, since the other one of the pair
    is its mirror image.

    Parameters
    ----------
    dataset, measured, settings, told
        As for `orientation_thumbnails`.
    """
    look = next(orientation_thumbnails(dataset, measured, settings, told))
    return (measured if look.lean > 0 else measured.upside_down()), look


def with_choice(measured: Calibration, chosen: Thumbnail) -> Calibration:
    """Return the calibration with the orientation of a thumbnail, and the defocus that goes with it.

    Evidence for another orientation goes; 180° only change its sign.
    """
    if chosen.orientation == measured.orientation:
        return measured
    if (chosen.orientation.matrix == -measured.orientation.matrix).all():
        return measured.upside_down()
    focus = None if measured.defocus is None else Measured(chosen.defocus, measured.defocus.error)
    gone: dict[str, Any] = dict.fromkeys(("aberrations", "bands", "sign", "astigmatism"))
    return replace(measured, orientation=chosen.orientation, defocus=focus, **gone)
