"""Curves: the loss of a run, the power spectrum of a phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from napari_mixedptycho.analysis.figures.style import (
    MEASURED,
    ORANGE,
    SECOND,
    SMALL,
    TRUE,
    TWO_COLUMNS,
    VIOLET,
    Floats,
    Frame,
    limits,
    outlined,
    styled,
)
from napari_mixedptycho.errors import InputError

_NO_POWER = 1e-30  # rad² Å², far below rounding
_LINEAR = 3.0  # a loss that falls by less is drawn on a linear axis
_STAGE_COLOURS = (TRUE, MEASURED, SECOND, VIOLET, ORANGE)


def loss(
    values: ArrayLike,
    stages: ArrayLike | None = None,
    names: Sequence[str] = (),
    title: str | None = None,
    held_out: ArrayLike | None = None,
) -> Figure:
    """Draw the loss against the iteration, stage by stage.

    Parameters
    ----------
    values
        (iteration,) loss, dimensionless; comparable within a stage only.
    stages
        (iteration,) number of the stage of each, from 0; None: one stage.
    names
        Of the stages.
    title
        Above the curve.
    held_out
        (iteration,) loss of the patterns left out, drawn dashed; None or NaN: there are none.
    """
    curve = np.asarray(values, dtype=np.float64)
    stage = np.zeros(curve.shape, dtype=int) if stages is None else np.asarray(stages, dtype=int)
    others = np.full(curve.shape, np.nan) if held_out is None else np.asarray(held_out, dtype=np.float64)
    if curve.ndim != 1 or not len(curve) or stage.shape != curve.shape or others.shape != curve.shape:
        raise InputError(
            f"The loss has shape {curve.shape} and its stages {stage.shape}; one of each per iteration."
        )
    parts = list(np.unique(stage))
    with styled():
        widths = [max(0.35, float((stage == number).mean())) for number in parts]
        figure = Figure(figsize=(min(max(4.4, 2.2 * len(parts)), TWO_COLUMNS), 2.8), layout="constrained")
        panels = figure.subplots(1, len(parts), squeeze=False, width_ratios=widths).ravel()
        for number, axes in zip(parts, panels, strict=True):
            here = np.flatnonzero(stage == number)
            colour = _STAGE_COLOURS[int(number) % len(_STAGE_COLOURS)]
            _falls(axes, here + 1, curve[here], colour, others[here])
            if len(parts) > 1 or names:
                axes.set_title(names[number] if number < len(names) else f"stage {number + 1}", color=colour)
        figure.supxlabel("Iteration", fontsize=8)
        panels[0].set_ylabel("Loss (dimensionless)")
        note = "each stage on its own scale" if len(parts) > 1 else ""
        dashed = "dashed: patterns held out" if np.isfinite(others).any() else ""
        figure.suptitle("; ".join(text for text in (title, note, dashed) if text), fontsize=8)
    return figure


def _falls(axes: Axes, iterations: NDArray[np.int64], curve: Floats, colour: str, others: Floats) -> None:
    """Draw the losses of one stage: logarithmic when they fall far, so that they are read in factors."""
    axes.plot(iterations, curve, color=colour, lw=1.2, marker="o" if len(curve) < 40 else "", ms=2.2)
    if np.isfinite(others).any():
        axes.plot(iterations, others, color=colour, lw=1.0, ls="--")
    known = np.concatenate([part[np.isfinite(part)] for part in (curve, others)])
    if len(known) and known.min() > 0 and known.max() > _LINEAR * known.min():
        axes.set_yscale("log")
    else:
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useOffset=False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.grid(axis="y", which="both", color="0.9", lw=0.4)
    axes.spines[["top", "right"]].set_visible(False)


def spectrum(
    phase: ArrayLike, frame: Frame, rings: Mapping[str, float] | None = None, title: str | None = None
) -> Figure:
    """Draw the power spectrum of the scanned field of a phase, and its mean over directions.

    Parameters
    ----------
    phase
        (y, x) rad.
    frame
        Where its pixels lie.
    rings
        Name → radius, 1/Å, of circles to draw, such as the information limit.
    title
        Above the picture.
    """
    power, reach = power_spectrum(frame.cropped(np.asarray(phase, dtype=np.float64))[0], frame.sampling)
    # A flat phase has no power at all, and no logarithm either.
    power = np.maximum(power, max(float(power.max()) * 1e-12, _NO_POWER))
    shown = np.log10(power)
    low, high = limits(shown, 5, 99.9)
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 2.9), layout="constrained")
        picture, curve = figure.subplots(1, 2)
        image = picture.imshow(
            shown, cmap="gray", vmin=low, vmax=high, extent=(-reach, reach, reach, -reach), origin="upper"
        )
        picture.set(xlabel="kx (1/Å)", ylabel="ky (1/Å)", title=title or "Power spectrum of the mean phase")
        figure.colorbar(image, ax=picture, label="log₁₀ power (rad² Å²)", extend="both")
        radius, mean = radial_mean(power, reach)
        curve.semilogy(radius, mean, color=TRUE, lw=1.2)
        curve.set(xlabel="k (1/Å)", ylabel="Mean power (rad² Å²)", xlim=(0, reach))
        curve.grid(color="0.9", lw=0.4)
        curve.spines["right"].set_visible(False)
        above = curve.secondary_xaxis("top", functions=(_inverse, _inverse))
        above.set_xlabel("Spacing (Å)")
        above.set_xticks([spacing for spacing in (2.0, 1.0, 0.7, 0.5, 0.4, 0.3) if 1 / spacing < reach])
        for name, ring in (rings or {}).items():
            _ring(picture, curve, name, ring)
    return figure


def power_spectrum(image: Floats, sampling: float) -> tuple[Floats, float]:
    """Return |FFT|² (ky, kx) of an image, square, k = 0 at n // 2, rad² Å², and its reach, 1/Å.

    The mean is removed and a Hann window applied, or the edges of the field would draw a cross. The field is
    padded with zeros to twice a square, which only interpolates the spectrum.
    """
    window = np.outer(np.hanning(image.shape[0] + 2)[1:-1], np.hanning(image.shape[1] + 2)[1:-1])
    tapered = (image - np.average(image, weights=window)) * window / np.sqrt((window**2).mean())
    size = 2 * max(image.shape)
    transform = np.fft.fftshift(np.fft.fft2(tapered, s=(size, size))) * sampling**2
    area = image.size * sampling**2
    return np.asarray(np.abs(transform) ** 2 / area), 0.5 / sampling


def radial_mean(power: Floats, reach: float) -> tuple[Floats, Floats]:
    """Average a centred square spectrum over directions: radii, 1/Å, and means."""
    size = len(power)
    index = np.indices(power.shape) - size // 2
    ring = np.rint(np.hypot(index[0], index[1]) / 2).astype(int).ravel()
    count = np.bincount(ring)
    mean = np.bincount(ring, power.ravel()) / np.maximum(count, 1)
    radius = np.arange(len(mean), dtype=np.float64) * 2 * (2 * reach / size)
    inside = (radius <= reach) & (count > 0)
    return radius[inside], mean[inside]


def _ring(picture: Axes, curve: Axes, name: str, radius: float) -> None:
    picture.add_patch(Circle((0, 0), radius, fill=False, ec=MEASURED, lw=0.9, ls=(0, (4, 3))))
    picture.text(
        0.71 * radius, -0.72 * radius, name, color="white", fontsize=SMALL, ha="left", path_effects=outlined()
    )
    curve.axvline(radius, color=MEASURED, lw=0.9, ls=(0, (4, 3)))
    curve.text(
        radius,
        0.98,
        f" {name}",
        color=MEASURED,
        fontsize=SMALL,
        va="top",
        transform=curve.get_xaxis_transform(),
    )


def _inverse(values: ArrayLike) -> Floats:
    return 1.0 / np.maximum(np.asarray(values, dtype=np.float64), 1e-3)
