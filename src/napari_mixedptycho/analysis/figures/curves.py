"""Curves: the loss of a run, the power spectrum of a phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import ArrayLike

from napari_mixedptycho.analysis.figures.style import (
    INK,
    MEASURED,
    SECOND,
    TRUE,
    Floats,
    Frame,
    outlined,
    styled,
)
from napari_mixedptycho.errors import InputError

_STAGE_COLOURS = (TRUE, MEASURED, SECOND, "#CC79A7", "#E69F00")


def loss(
    values: ArrayLike,
    stages: ArrayLike | None = None,
    names: Sequence[str] = (),
    title: str | None = None,
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
    """
    curve = np.asarray(values, dtype=np.float64)
    stage = np.zeros(curve.shape, dtype=int) if stages is None else np.asarray(stages, dtype=int)
    if curve.ndim != 1 or not len(curve) or stage.shape != curve.shape:
        raise InputError(
            f"The loss has shape {curve.shape} and its stages {stage.shape}; one of each per iteration."
        )
    iterations = np.arange(1, len(curve) + 1)
    with styled():
        figure = Figure(figsize=(4.4, 3.0), layout="constrained")
        axes = figure.add_subplot()
        for number in np.unique(stage):
            here = stage == number
            colour = _STAGE_COLOURS[int(number) % len(_STAGE_COLOURS)]
            label = names[number] if number < len(names) else f"stage {number + 1}"
            marker = "o" if here.sum() < 40 else ""
            axes.plot(iterations[here], curve[here], color=colour, lw=1.2, marker=marker, ms=2.2, label=label)
            if iterations[here][0] > 1:
                axes.axvline(iterations[here][0] - 0.5, color=INK, lw=0.6, ls=(0, (2, 2)))
        if np.isfinite(curve).all() and curve.min() > 0:
            axes.set_yscale("log")
        axes.set(xlabel="Iteration", ylabel="Loss (dimensionless)", title=title or "")
        axes.grid(axis="y", which="both", color="0.9", lw=0.4)
        axes.spines[["top", "right"]].set_visible(False)
        if len(np.unique(stage)) > 1 or names:
            axes.legend(title="loss comparable within a stage", title_fontsize=6.5)
    return figure


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
    shown = np.log10(np.maximum(power, power.max() * 1e-12))
    low, high = (float(end) for end in np.percentile(shown, [5, 99.9]))
    with styled():
        figure = Figure(figsize=(7.0, 3.1), layout="constrained")
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
        0.71 * radius, -0.72 * radius, name, color="white", fontsize=6.5, ha="left", path_effects=outlined()
    )
    curve.axvline(radius, color=MEASURED, lw=0.9, ls=(0, (4, 3)))
    curve.text(
        radius,
        0.98,
        f" {name}",
        color=MEASURED,
        fontsize=6.5,
        va="top",
        transform=curve.get_xaxis_transform(),
    )


def _inverse(values: ArrayLike) -> Floats:
    return 1.0 / np.maximum(np.asarray(values, dtype=np.float64), 1e-3)
