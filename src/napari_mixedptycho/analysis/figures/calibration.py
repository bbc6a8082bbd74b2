"""What the calibration saw, one picture for each estimate, and all on one page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from napari_mixedptycho.analysis.figures.style import (
    MEAN_ON_DARK,
    MEASURED,
    ON_DARK,
    ONE_COLUMN,
    PHASE_COLOURS,
    SECOND,
    TRUE,
    TWO_COLUMNS,
    Floats,
    limits,
    scale_bar,
    styled,
)
from napari_mixedptycho.calibration import Calibration, Measured
from napari_mixedptycho.calibration.aberrations import explained_against
from napari_mixedptycho.calibration.bright_field import Stack, aligned, shifts
from napari_mixedptycho.calibration.centre_of_mass import integrated
from napari_mixedptycho.dataset import turning


def pictures(found: Calibration, step: float) -> Iterator[tuple[str, Figure]]:
    """Draw what there is to draw, with the name of each picture.

    Parameters
    ----------
    found, step
        The calibration, and Å between scan points.
    """
    yield "overview", overview(found, step)
    yield "disk", disk(found)
    if found.rotation is not None:
        yield "descan", descan(found, step)
        yield "rotation", rotation(found)
        yield "centre_of_mass", centre_of_mass(found, step)
        yield "bright_field", bright_field(found)


def overview(found: Calibration, step: float) -> Figure:
    """Draw the main picture of each estimate, its number above it."""
    few = found.rotation is None
    with styled():
        figure = Figure(figsize=(ONE_COLUMN, 3.2) if few else (TWO_COLUMNS, 4.4), layout="constrained")
        axes = figure.subplots(1, 1, squeeze=False) if few else figure.subplots(2, 3)
        _pattern(axes[0, 0], found)
        axes[0, 0].set_title(f"Radius {_told(found.disk.radius, 'px')}")
        if found.rotation is not None and found.defocus is not None:
            _plane(axes[0, 1], found, 0, step)
            axes[0, 1].set_title("Descan of ky")
            _against(axes[0, 2], found, 0)
            axes[0, 2].set_title(f"Rotation {_told(found.rotation, '°')}")
            _field(axes[1, 0], _right(found), step)
            axes[1, 0].set_title("Centre of mass, set right")
            _bright(axes[1, 1], found, together=True)
            axes[1, 1].set_title("Bright field, tilt-corrected")
            _against(axes[1, 2], found, 1)
            axes[1, 2].set_title(f"Defocus {_told(found.defocus, 'Å')}")
    return figure


def disk(found: Calibration) -> Figure:
    """Draw the mean pattern with the disk and bad pixels, and its radial profile with the fit."""
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        _pattern(left, found)
        masked = f", {found.masked} masked" if found.masked else ""
        left.set(
            title=f"Pixels: {int(found.pixels.hot.sum())} hot, {int(found.pixels.dead.sum())} dead{masked}"
        )
        circle = found.disk
        y, x = (center.value for center in circle.center)
        bright = float(np.median(circle.pattern[circle.pattern > circle.pattern.max() / 2]))
        ring = np.hypot(*(np.indices(circle.pattern.shape) - np.array([y, x])[:, None, None]))
        good = ~found.bad
        right.plot(ring[good], circle.pattern[good], ".", color=MEASURED, ms=1.5, label="mean pattern")
        seen = np.isfinite(circle.fitted)
        right.plot(ring[seen], circle.fitted[seen], ".", color=TRUE, ms=1.5, label="fit")
        right.axvline(circle.radius.value, color="0.5", lw=0.7)
        right.set(xlim=(0, 1.6 * circle.radius.value), ylim=(0, 1.3 * bright), xlabel="From the centre (px)")
        right.set(title=f"Radius {_told(circle.radius, 'px')}", ylabel="Intensity")
        right.legend(markerscale=4)
        right.spines[["top", "right"]].set_visible(False)
    return figure


def descan(found: Calibration, step: float) -> Figure:
    """Draw the centre of mass, the plane fitted to it, and what is left, for ky and kx."""
    plane = _fitted(found)
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 4.2), layout="constrained")
        axes = figure.subplots(2, 3)
        for row, name in enumerate(("ky", "kx")):
            whole = found.maps.center[row]
            reach = _even(whole)
            for column, (image, what) in enumerate(
                ((whole, "as measured"), (plane[row], "plane"), (whole - plane[row], "rest"))
            ):
                shown = axes[row, column].imshow(image, cmap="RdBu_r", **reach, **_extent(image, step))
                axes[row, column].set(title=f"{name}: {what}", xticks=[], yticks=[])
            figure.colorbar(shown, ax=axes[row], shrink=0.85, label="Centre of mass (px)")
        scale_bar(axes[0, 0])
        assert found.descan is not None
        numbers = [
            f"{s:+.4f} ± {e:.4f}"
            for s, e in zip(found.descan.slope.ravel(), found.descan.error.ravel(), strict=True)
        ]
        figure.suptitle(
            f"px per scan row, column: ky {numbers[0]}, {numbers[1]}; kx {numbers[2]}, {numbers[3]}",
            fontsize=8,
        )
    return figure


def rotation(found: Calibration) -> Figure:
    """Draw curl and divergence of the centre of mass, and what the bright field explains, over rotation."""
    assert found.curl is not None
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 2.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        told = found.curl
        for curve, colour, name in (
            (told.straight, TRUE, "as stored"),
            (told.swapped, MEASURED, "transposed"),
        ):
            left.plot(told.angles, curve, color=colour, lw=1.2, label=f"curl, {name}")
            left.plot(
                told.angles,
                np.sqrt(np.maximum(1 - curve**2, 0)),
                color=colour,
                lw=0.9,
                ls=":",
                label=f"divergence, {name}",
            )
        left.axvline(told.rotation.value, color="0.5", lw=0.7)
        left.set(xlabel="Rotation, ±180 (°)", ylabel="Part of the vectors", ylim=(0, 1.02), xlim=(-90, 90))
        left.set_title(f"Centre of mass: {_told(told.rotation, '°')}")
        left.legend(loc="lower center", ncols=2, fontsize=5.5)
        left.spines[["top", "right"]].set_visible(False)
        _against(right, found, 0)
        assert found.rotation is not None
        flips = ", ".join(n for n in ("transpose", "flip_y", "flip_x") if getattr(found.orientation, n))
        right.set_title(f"Bright field: {_told(found.rotation, '°')}, {flips or 'as stored'}")
    return figure


def centre_of_mass(found: Calibration, step: float) -> Figure:
    """Draw the centre of mass as measured and set right, its integral, and the dark field."""
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 2.1), layout="constrained")
        axes = figure.subplots(1, 4)
        _field(axes[0], found.maps.center, step)
        axes[0].set_title("Centre of mass, as stored")
        right = _right(found)
        _field(axes[1], right, step)
        axes[1].set_title("Set right, without descan")
        _wheel(axes[1])
        phase = integrated(right, step, found.sampling.value)
        for place, image, name in (
            (axes[2], phase, "Its integral"),
            (axes[3], found.maps.dark, "Dark field"),
        ):
            low, high = limits(image)
            place.imshow(image, cmap=PHASE_COLOURS, vmin=low, vmax=high, **_extent(image, step))
            place.set(title=name, xticks=[], yticks=[])
        scale_bar(axes[2])
    return figure


def bright_field(found: Calibration) -> Figure:
    """Draw the bright field as it is and tilt-corrected, the shifts, and what each focus explains."""
    assert found.defocus is not None
    assert found.sign is not None
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 4.2), layout="constrained")
        axes = figure.subplots(2, 3)
        _bright(axes[0, 0], found, together=False)
        axes[0, 0].set_title("Bright field, all images added")
        _bright(axes[0, 1], found, together=True)
        axes[0, 1].set_title("Each image shifted back first")
        _shifts(axes[0, 2], found)
        low, high = limits(found.sign.phase)
        phase = found.sign.phase
        axes[1, 0].imshow(
            phase, cmap=PHASE_COLOURS, vmin=low, vmax=high, **_extent(phase, _stack(found).step)
        )
        axes[1, 0].set(title=f"Phase, atoms bright ({found.sign.certainty:.1f} σ)", xticks=[], yticks=[])
        _against(axes[1, 1], found, 1)
        axes[1, 1].set_title(f"Defocus {_told(found.defocus, 'Å')}")
        assert found.astigmatism is not None
        _against(axes[1, 2], found, 2)
        axes[1, 2].set_title(
            f"C12a {_told(found.astigmatism[0], 'Å')}\nC12b {_told(found.astigmatism[1], 'Å')}"
        )
    return figure


def _told(value: Measured, unit: str) -> str:
    gap = "" if unit == "°" else " "
    if not np.isfinite(value.error) or value.error <= 0:
        return f"{value.value:.3g}{gap}{unit}"
    digits = max(0, min(4, 1 - int(np.floor(np.log10(value.error)))))
    return f"{value.value:.{digits}f} ± {value.error:.{digits}f}{gap}{unit}"


def _pattern(axes: Axes, found: Calibration) -> None:
    pattern, circle = found.moments.mean, found.disk
    y, x = (center.value for center in circle.center)
    bright = float(np.median(circle.pattern[circle.pattern > circle.pattern.max() / 2]))
    shown = np.sqrt(np.clip(pattern, 0, 1.3 * bright))
    shown = shown if found.mask is None else np.where(found.mask, shown, np.nan)
    axes.imshow(shown, cmap=PHASE_COLOURS, interpolation="nearest")
    axes.set_facecolor("0.5")  # masked: neither bright nor dark
    axes.add_patch(Circle((x, y), circle.radius.value, fill=False, ec=ON_DARK, lw=1.0))
    axes.plot(x, y, "+", color=ON_DARK, ms=6)
    for bad, colour in ((found.pixels.hot, MEAN_ON_DARK), (found.pixels.dead, SECOND)):
        rows, columns = np.nonzero(bad)
        axes.plot(columns, rows, "o", mfc="none", mec=colour, ms=6, mew=0.8)
    axes.set(xlabel="kx (px)", ylabel="ky (px)")


def _fitted(found: Calibration) -> Floats:
    assert found.descan is not None
    shape = found.maps.dark.shape
    return found.descan.plane((int(shape[0]), int(shape[1])))


def _right(found: Calibration) -> Floats:
    """Return the centre of mass (2, scan_y, scan_x) along the scan, px, without descan."""
    assert found.rotation is not None
    whole = turning(found.rotation.value).T @ found.orientation.matrix
    left = found.maps.center - _fitted(found)
    turned: Floats = np.einsum("ij,jyx->iyx", whole, left)
    return turned


def _plane(axes: Axes, found: Calibration, row: int, step: float) -> None:
    image = _fitted(found)[row]
    # On the scale of what was measured, so that a plane of nothing looks like nothing.
    reach = _even(found.maps.center[row])
    shown = axes.imshow(image, cmap="RdBu_r", **reach, **_extent(image, step))
    axes.figure.colorbar(shown, ax=axes, shrink=0.85, label="px")
    axes.set(xticks=[], yticks=[])
    scale_bar(axes)


def _field(axes: Axes, vectors: Floats, step: float) -> None:
    """Show vectors by colour: direction by hue, length by brightness."""
    centred = vectors - np.median(vectors, axis=(1, 2), keepdims=True)
    length = np.hypot(*centred)
    hue = np.arctan2(centred[0], centred[1]) / (2 * np.pi) % 1
    value = np.clip(length / (np.percentile(length, 98) + 1e-12), 0, 1)
    axes.imshow(hsv_to_rgb(np.stack([hue, np.full_like(hue, 0.9), value], axis=-1)), **_extent(length, step))
    axes.set(xticks=[], yticks=[])


def _wheel(axes: Axes) -> None:
    """Draw what the colours of `_field` mean."""
    inset = axes.inset_axes((0.74, 0.02, 0.24, 0.24))
    y, x = np.mgrid[-1:1:41j, -1:1:41j]
    ring = np.hypot(y, x)
    colours = hsv_to_rgb(
        np.stack([np.arctan2(y, x) / (2 * np.pi) % 1, np.full_like(y, 0.9), np.clip(ring, 0, 1)], axis=-1)
    )
    inset.imshow(np.concatenate([colours, (ring <= 1)[..., None]], axis=-1))
    inset.set_axis_off()


def _stack(found: Calibration) -> Stack:
    assert found.stack is not None
    return found.stack


def _bright(axes: Axes, found: Calibration, *, together: bool) -> None:
    assert found.aberrations is not None
    stack = _stack(found)
    both = aligned(stack, found.aberrations.parameters, found.aberrations.transpose)
    image = both[together] / both[0].mean()
    low, high = limits(image)
    shown = axes.imshow(image, cmap="gray", vmin=low, vmax=high, **_extent(image, stack.step))
    axes.figure.colorbar(shown, ax=axes, shrink=0.85)
    axes.set(xticks=[], yticks=[])
    scale_bar(axes)


def _shifts(axes: Axes, found: Calibration) -> None:
    """Draw by how much the image of each pixel of the disk is shifted."""
    assert found.aberrations is not None
    stack = _stack(found)
    moves = shifts(stack, found.aberrations.parameters, found.aberrations.transpose)
    few = slice(None, None, max(1, len(moves) // 150))
    y, x = (stack.pixel[few] * stack.wavelength * 1e3).T
    longest = float(np.hypot(*moves.T).max())
    arrows = axes.quiver(x, y, moves[few, 1], -moves[few, 0], color=TRUE, scale=10 * longest, width=0.006)
    axes.quiverkey(arrows, 0.74, 1.07, max(longest / 2, 1e-3), f"{longest / 2:.2g} Å", labelpos="E")
    axes.invert_yaxis()
    axes.set(xlabel="kx as stored (mrad)", ylabel="ky as stored (mrad)", aspect="equal")
    axes.set_title("Image shifts", loc="left")


def _against(axes: Axes, found: Calibration, index: int) -> None:
    """Draw the contrast explained over rotation (0), defocus (1) or astigmatism (2, both)."""
    bands, best = found.bands, found.aberrations
    assert bands is not None
    assert best is not None
    reach = 30.0 if index == 0 else 120.0
    offsets = np.linspace(-reach, reach, 41)
    for one, colour, name in ((index, TRUE, "C12a"), (3, MEASURED, "C12b"))[: 2 if index == 2 else 1]:
        values = best.parameters[one] + offsets
        curve = explained_against(bands, best, one, values)
        if index == 2 and found.astigmatism is not None:  # as on the detector set right
            values = values * (1 if found.astigmatism[0].value * best.astigmatism[0] >= 0 else -1)
        axes.plot(offsets if index == 0 else values, 100 * curve, color=colour, lw=1.2, label=name)
    if index == 2:
        axes.legend(loc="upper left", handlelength=1.0, borderpad=0)
    else:
        axes.axvline(0 if index == 0 else best.parameters[index], color="0.5", lw=0.7)
    names = (
        "Rotation from the best (°)",
        "Defocus, specimen's middle (Å)",
        "Astigmatism (Å)",
    )
    axes.set(xlabel=names[index], ylabel="Contrast explained (%)", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)


def _extent(image: Floats, step: float) -> dict[str, Any]:
    """Return where an image of the scan lies, Å, and that its pixels be seen."""
    rows, columns = image.shape
    return {"extent": (0.0, columns * step, rows * step, 0.0), "interpolation": "nearest"}


def _even(image: Floats) -> dict[str, Any]:
    """Return limits that are the same on both sides of the median."""
    middle = float(np.median(image))
    reach = float(np.percentile(np.abs(image - middle), 99.5)) or 1.0
    return {"vmin": middle - reach, "vmax": middle + reach}
