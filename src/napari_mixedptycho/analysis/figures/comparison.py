"""Two results of the same place: both, their difference, and up to which detail they agree."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from napari_mixedptycho.analysis.figures.style import (
    DIFFERENCE_COLOURS,
    INK,
    MEASURED,
    PHASE_COLOURS,
    SECOND,
    SMALL,
    TRUE,
    TWO_COLUMNS,
    Floats,
    halves,
    limits,
    plain,
    scale_bar,
    styled,
    symmetric,
)
from napari_mixedptycho.analysis.pair import Pair


def comparison(
    found: Pair, names: tuple[str, str] = ("A", "B"), threshold: float = 1 / 7, title: str | None = None
) -> Figure:
    """Draw two mean phases with the same limits, their difference, ring correlation and power.

    Parameters
    ----------
    found
        The two, brought to the same place.
    names
        Of the two.
    threshold
        At which they no longer agree, drawn as a line.
    title
        Above it all.
    """
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 4.6), layout="constrained")
        above, below = halves(figure, (1.05, 1.0), above=True)
        panels = above.subplots(1, 3)
        low, high = limits(np.stack([found.one, found.other]))
        for axes, image, name in zip(panels[:2], (found.one, found.other), names, strict=True):
            shown = _image(axes, image, found)
            shown.set(cmap=PHASE_COLOURS, clim=(low, high))
            axes.set_title(name)
        above.colorbar(shown, ax=list(panels[:2]), label="Phase (rad)", extend="both", shrink=0.85)
        difference = found.other - found.one
        reach = symmetric(difference)
        apart = _image(panels[2], difference, found)
        apart.set(cmap=DIFFERENCE_COLOURS, clim=(-reach, reach))
        panels[2].set_title(f"{names[1]} − {names[0]}: {100 * found.difference:.1f} % of contrast")
        above.colorbar(apart, ax=panels[2], label="Difference (rad)", extend="both", shrink=0.85)
        scale_bar(panels[0])
        rings, power = below.subplots(1, 2)
        _agreement(rings, found, threshold)
        for curve, name, colour, line in zip(found.power, names, (TRUE, MEASURED), ("-", "--"), strict=True):
            some = curve.frequency > 0
            power.semilogy(curve.frequency[some], curve.value[some], line, color=colour, lw=1.2, label=name)
        power.set(xlabel="Spatial frequency (1/Å)", ylabel="Mean power (rad² Å²)", title="Power spectra")
        power.set_xlim(0, rings.get_xlim()[1])
        power.legend()
        plain(power)
        figure.suptitle(title or _headline(found, names), fontsize=8)
    return figure


def _image(axes: Axes, image: Floats, found: Pair) -> AxesImage:
    y, x = (start - found.sampling / 2 for start in found.origin)
    height, width = (n * found.sampling for n in image.shape)
    axes.set(xticks=[], yticks=[])
    return axes.imshow(image, extent=(x, x + width, y + height, y), origin="upper")


def _agreement(axes: Axes, found: Pair, threshold: float) -> None:
    curve = found.agreement
    axes.plot(curve.frequency, curve.value, color=INK, lw=1.2)
    limit = found.half_bit
    axes.plot(limit.frequency[1:], limit.value[1:], color=SECOND, lw=0.9, ls="-.", label="half a bit")
    if found.information is not None:
        axes.axvline(found.information, color=SECOND, lw=0.9, ls="-.")
    axes.legend(loc="lower left", borderpad=0.1)
    axes.axhline(threshold, color="0.5", lw=0.7, ls=(0, (4, 3)))
    axes.text(
        0.01,
        threshold,
        f" {threshold:.3g}",
        color="0.35",
        fontsize=SMALL,
        va="bottom",
        transform=axes.get_yaxis_transform(),
    )
    if found.resolution is not None:
        axes.axvline(found.resolution, color=MEASURED, lw=0.9)
        words = f" {found.resolution:.2f} 1/Å" + (
            f"\n {1 / found.resolution:.2f} Å" if found.resolution > 0 else ""
        )
        axes.text(found.resolution, 0.98, words, color=MEASURED, fontsize=SMALL, va="top")
    axes.set(xlabel="Spatial frequency (1/Å)", ylabel="Fourier ring correlation", ylim=(-0.1, 1.05))
    axes.set(xlim=(0, float(curve.frequency[-1])), title="Agreement")
    plain(axes)


def _headline(found: Pair, names: tuple[str, str]) -> str:
    y, x = (f"{round(100 * step, 1) + 0.0:+.1f} pm".replace("-", "−") for step in found.shift)
    return f"{names[1]} lies {y} (y), {x} (x) from {names[0]}; shift and phase ramp are removed"
