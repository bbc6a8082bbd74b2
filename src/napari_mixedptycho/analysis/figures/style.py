"""One look for all figures: sizes, colours, scale bars, files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from napari_mixedptycho.analysis.motion import ColumnMotion, scan_positions
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.result import Result

Floats = NDArray[np.float64]

# Okabe & Ito's colours, told apart by every kind of colour vision; they differ in brightness too.
MEASURED = "#D55E00"
TRUE = "#0072B2"
SECOND = "#009E73"
ON_DARK = "#56B4E9"  # the truth, or a mark, where the ground is dark
MEAN_ON_DARK = "#F0E442"
INK = "#222222"
VIOLET = "#CC79A7"
ORANGE = "#E69F00"
SERIES = (TRUE, MEASURED, SECOND, VIOLET, ORANGE, "#56B4E9", "0.35")
"""For curves that are laid over each other, one after the other."""
PHASE_COLOURS = "magma"
SPREAD_COLOURS = "viridis"
DIFFERENCE_COLOURS = "PuOr"
ONE_COLUMN, TWO_COLUMNS = 85 / 25.4, 170 / 25.4
"""Widths of a figure in print, inches: 85 mm and 170 mm."""
SMALL = 7.0
"""The smallest text, points."""
_SUFFIXES = (".png", ".svg", ".pdf")
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.grid": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "image.interpolation": "bicubic",  # the object is sampled more finely than its band limit
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "napari-mixedptycho",
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the common look, whatever the user's own matplotlib settings; those come back afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


@dataclass(frozen=True)
class Frame:
    """Where pixels lie, and what part of them was scanned.

    Attributes
    ----------
    sampling
        Pixel, Å.
    origin
        Position (y, x) of pixel (0, 0) in the scan frame, Å.
    low, high
        First and last (y, x) of the scanned field, Å.
    """

    sampling: float
    origin: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]

    @classmethod
    def of(cls, result: Result) -> Frame:
        """Take the frame of a result."""
        scan = scan_positions(result)
        low, high = scan.min(axis=0), scan.max(axis=0)
        origin = (float(result.origin[0]), float(result.origin[1]))
        return cls(result.sampling, origin, (float(low[0]), float(low[1])), (float(high[0]), float(high[1])))

    @property
    def aspect(self) -> float:
        """Width of the scanned field / its height."""
        return (self.high[1] - self.low[1]) / (self.high[0] - self.low[0])

    def cropped(self, image: Floats, rim: float = 0.0) -> tuple[Floats, tuple[float, float, float, float]]:
        """Cut the scanned field and a rim, Å, out of an image (y, x).

        Returns the cut-out and its extent (left, right, bottom, top) in Å for ``imshow``.
        """
        corner = np.array(self.origin)
        start = np.floor((np.array(self.low) - rim - corner) / self.sampling + 0.5).astype(int)
        stop = np.ceil((np.array(self.high) + rim - corner) / self.sampling + 0.5).astype(int)
        start, stop = np.maximum(start, 0), np.minimum(stop, image.shape)
        if (stop - start < 2).any():
            raise InputError(
                f"The image of {image.shape} px lies outside the scanned field; give the frame it belongs to."
            )
        edge = corner + (start - 0.5) * self.sampling
        end = corner + (stop - 0.5) * self.sampling
        extent = (float(edge[1]), float(end[1]), float(end[0]), float(edge[0]))
        return image[start[0] : stop[0], start[1] : stop[1]], extent


def limits(values: Floats, lowest: float = 0.5, highest: float = 99.8) -> tuple[float, float]:
    """Return display limits: nearly the whole range, a few hot pixels (percentiles) left out."""
    low, high = (float(end) for end in np.percentile(values, [lowest, highest]))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def show(
    axes: Axes, image: Floats, frame: Frame, rim: float = 0.0, colours: str = PHASE_COLOURS
) -> AxesImage:
    """Show the scanned field of an image in Å, y downwards."""
    part, extent = frame.cropped(image, rim)
    low, high = limits(frame.cropped(image)[0])
    return axes.imshow(part, cmap=colours, vmin=low, vmax=high, extent=extent, origin="upper")


def symmetric(values: Floats, highest: float = 99.5) -> float:
    """Return a display limit that holds for both signs: nearly the farthest from zero."""
    reach = float(np.percentile(np.abs(values), highest))
    return reach if reach > 0 else 1.0


def numbers_of(motion: ColumnMotion) -> list[str]:
    """Return what columns are called on figures, as in the table."""
    return [str(number) for number in motion.numbers or range(motion.n_columns)]


def write_numbers(axes: Axes, places: Floats, numbers: Sequence[str], away: float) -> None:
    """Write the number of each column (N, 2), y and x, so many points above and to the right of it."""
    for number, (y, x) in zip(numbers, places, strict=True):
        axes.annotate(
            number,
            (x, y),
            xytext=(away, away),
            textcoords="offset points",
            color="white",
            fontsize=SMALL,
            path_effects=outlined(),
        )


def tight_layout() -> ConstrainedLayoutEngine:
    """Return a layout with little room between pictures."""
    return ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)


def halves(
    figure: Figure, ratios: tuple[float, float], *, above: bool = False
) -> tuple[SubFigure, SubFigure]:
    """Divide a figure in two parts, beside or above each other, of sizes in a ratio."""
    if above:
        both: Any = figure.subfigures(2, 1, height_ratios=ratios)
    else:
        both = figure.subfigures(1, 2, width_ratios=ratios, wspace=0.03)
    return both[0], both[1]


def plain(axes: Axes) -> None:
    """Take the box away from a chart, and give it lines to read heights by."""
    axes.grid(axis="y", color="0.9", lw=0.4)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def tag(axes: Axes, text: str) -> None:
    """Write a word into the upper left corner of a picture."""
    axes.text(0.03, 0.97, text, color="white", va="top", transform=axes.transAxes, path_effects=outlined())


def scale_bar(axes: Axes, length: float | None = None) -> None:
    """Draw a white bar with its length in Å, lower left, on axes in Å."""
    left, right = sorted(axes.get_xlim())
    top, bottom = sorted(axes.get_ylim())
    width, height = right - left, bottom - top
    if length is None:
        nice = np.array([0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500])
        length = float(nice[np.argmin(np.abs(np.log(nice / (0.25 * width))))])
    x, y, thick = left + 0.05 * width, bottom - 0.05 * height, 0.016 * height
    label = axes.text(
        x + length / 2, y - thick - 0.01 * height, f"{length:g} Å", color="white", ha="center", va="bottom"
    )
    label.set(zorder=5, path_effects=outlined())
    bar = Rectangle((x, y - thick), length, thick, fc="white", ec="black", lw=0.5, zorder=5)
    axes.add_patch(bar)


def outlined(colour: str = "black", width: float = 1.6) -> list[withStroke]:
    """Return the path effect that keeps text legible on any ground."""
    return [withStroke(linewidth=width, foreground=colour)]


def save(figure: Figure, path: str | os.PathLike[str], resolution: float = 300.0) -> Path:
    """Write a figure; the suffix chooses PNG, SVG or PDF.

    Parameters
    ----------
    figure
        What to write.
    path
        Where; the folder is made when missing.
    resolution
        Pixels per inch of a PNG.

    Raises
    ------
    InputError
        When the suffix is another.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(
            f"{target.name}: figures are written as {', '.join(_SUFFIXES)}; choose such a suffix."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
    with styled():
        figure.savefig(target, dpi=resolution, metadata=metadata)
    return target


def rendered(figure: Figure, kind: str = "svg", resolution: float = 300.0) -> bytes:
    """Return a figure as the bytes of an SVG or PNG, always the same for the same figure."""
    target = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    with styled():
        figure.savefig(target, format=kind, dpi=resolution, metadata=metadata)
    return target.getvalue()
