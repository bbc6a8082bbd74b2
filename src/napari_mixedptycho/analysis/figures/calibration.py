"""What the calibration saw, one picture for each estimate."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from napari_mixedptycho.analysis.figures.style import (
    MEAN_ON_DARK,
    MEASURED,
    ON_DARK,
    PHASE_COLOURS,
    SECOND,
    TRUE,
    TWO_COLUMNS,
    Floats,
    limits,
    styled,
)
from napari_mixedptycho.calibration import Calibration
from napari_mixedptycho.calibration.aberrations import explained_against


def disk(found: Calibration) -> Figure:
    """Draw the mean pattern with the disk and bad pixels, and its radial profile with the fit."""
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        pattern, circle = found.moments.mean, found.disk
        y, x = (center.value for center in circle.center)
        bright = float(np.median(circle.pattern[circle.pattern > circle.pattern.max() / 2]))
        left.imshow(np.sqrt(np.clip(pattern, 0, 1.3 * bright)), cmap=PHASE_COLOURS, interpolation="nearest")
        left.add_patch(Circle((x, y), circle.radius.value, fill=False, ec=ON_DARK, lw=1.0))
        left.plot(x, y, "+", color=ON_DARK, ms=6)
        for bad, colour in ((found.pixels.hot, MEAN_ON_DARK), (found.pixels.dead, SECOND)):
            rows, columns = np.nonzero(bad)
            left.plot(columns, rows, "o", mfc="none", mec=colour, ms=6, mew=0.8)
        left.set(title=f"{int(found.pixels.hot.sum())} hot, {int(found.pixels.dead.sum())} dead pixels")
        left.set(xlabel="kx (px)", ylabel="ky (px)")
        ring = np.hypot(*(np.indices(pattern.shape) - np.array([y, x])[:, None, None]))
        right.plot(ring.ravel(), circle.pattern.ravel(), ".", color=MEASURED, ms=1.5, label="mean pattern")
        seen = np.isfinite(circle.fitted)
        right.plot(ring[seen], circle.fitted[seen], ".", color=TRUE, ms=1.5, label="fit")
        right.axvline(circle.radius.value, color="0.5", lw=0.7)
        right.set(xlim=(0, 1.6 * circle.radius.value), ylim=(0, 1.3 * bright), xlabel="From the centre (px)")
        right.set(
            title=f"Radius {circle.radius.value:.3f} ± {circle.radius.error:.3f} px", ylabel="Intensity"
        )
        right.legend(markerscale=4)
    return figure


def centre_of_mass(found: Calibration) -> Figure:
    """Draw the centre of mass, the descan plane and what is left, and the curl against rotation."""
    plane = found.descan.plane(found.maps.dark.shape[:2])
    left = found.maps.center - plane
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 4.0), layout="constrained")
        axes = figure.subplots(2, 3, width_ratios=(1, 1, 1.4))
        for row, name in enumerate(("y", "x")):
            for column, (image, what) in enumerate(((plane[row], "descan"), (left[row], "without descan"))):
                shown = axes[row, column].imshow(
                    image, cmap="RdBu_r", **_even(image), interpolation="nearest"
                )
                figure.colorbar(shown, ax=axes[row, column], shrink=0.8).set_label("px")
                axes[row, column].set(title=f"{name}: {what}", xticks=[], yticks=[])
        _curl(axes[0, 2], found)
        shown = axes[1, 2].imshow(found.maps.dark, cmap=PHASE_COLOURS, interpolation="nearest")
        figure.colorbar(shown, ax=axes[1, 2], shrink=0.8)
        axes[1, 2].set(title="Dark field (part of the electrons)", xticks=[], yticks=[])
    return figure


def bright_field(found: Calibration) -> Figure:
    """Draw the phase of the bright field, and how much is explained by other rotations and defoci."""
    bands, best = found.bands, found.aberrations
    if bands is None or best is None or found.sign is None:
        raise ValueError("There is no bright field to draw: too few scan points.")
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 2.5), layout="constrained")
        image, turn, focus = figure.subplots(1, 3)
        low, high = limits(found.sign.phase)
        image.imshow(found.sign.phase, cmap=PHASE_COLOURS, vmin=low, vmax=high)
        image.set(title=f"Phase, atoms bright ({found.sign.certainty:.1f} σ)", xticks=[], yticks=[])
        for axes, index, reach, name, value in (
            (turn, 0, 30.0, "Rotation from the best (°)", found.rotation),
            (focus, 1, 120.0, "Defocus (Å)", found.defocus),
        ):
            assert value is not None
            values = best.parameters[index] + np.linspace(-reach, reach, 61)
            curve = explained_against(bands, best, index, values)
            axes.plot(values - (best.rotation if index == 0 else 0), 100 * curve, color=TRUE, lw=1.2)
            unit = "°" if index == 0 else " Å"
            axes.set(xlabel=name, ylabel="Contrast explained (%)", ylim=(0, None))
            axes.set_title(f"{value.value:.2f} ± {value.error:.2f}{unit}")
            axes.spines[["top", "right"]].set_visible(False)
    return figure


def _curl(axes: Axes, found: Calibration) -> None:
    for curve, colour, name in (
        (found.curl.straight, TRUE, "as stored"),
        (found.curl.swapped, MEASURED, "transposed"),
    ):
        axes.plot(found.curl.angles, curve, color=colour, lw=1.2, label=name)
    axes.axvline(found.curl.rotation.value, color="0.5", lw=0.7)
    axes.set(xlabel="Rotation (°)", ylabel="Curl (part of the vectors)", ylim=(0, 1), title="Centre of mass")
    axes.legend()
    axes.spines[["top", "right"]].set_visible(False)


def _even(image: Floats) -> dict[str, float]:
    """Return limits that are the same on both sides of zero."""
    middle = np.abs(image - np.median(image))
    reach = float(np.percentile(middle, 99.5)) or 1.0
    return {"vmin": float(np.median(image)) - reach, "vmax": float(np.median(image)) + reach}
