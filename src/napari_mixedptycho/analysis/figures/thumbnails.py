"""The eight orientations of the detector, as quick reconstructions beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from napari_mixedptycho.analysis.figures.style import (
    PHASE_COLOURS,
    TRUE,
    TWO_COLUMNS,
    Floats,
    limits,
    scale_bar,
    styled,
)


def thumbnails(
    images: Sequence[tuple[Floats, float]], labels: Sequence[tuple[str, str]], headline: str
) -> Figure:
    """Draw images in two rows, the first of them framed.

    Parameters
    ----------
    images
        Phase (y, x), rad, and Å per pixel; the best first.
    labels
        What to write above and below each.
    headline
        Above all.
    """
    columns = -(-len(images) // 2)
    reach = [limits(phase) for phase, _ in images]
    spread = max(high - low for low, high in reach) / 2
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 4.6), layout="constrained")
        for index, axes in enumerate(figure.subplots(2, columns, squeeze=False).ravel()):
            if index >= len(images):
                axes.set_axis_off()
                continue
            phase, sampling = images[index]
            rows, width = phase.shape
            middle = float(np.median(phase))
            shown = axes.imshow(
                phase,
                cmap=PHASE_COLOURS,
                vmin=middle - 0.5 * spread,
                vmax=middle + 1.5 * spread,
                extent=(0, width * sampling, rows * sampling, 0),
            )
            axes.set(xticks=[], yticks=[])
            axes.set_title(labels[index][0], fontsize=7, fontweight="bold" if index == 0 else "normal")
            axes.set_xlabel(labels[index][1], fontsize=6)
            if index == 0:
                axes.spines[:].set(color=TRUE, linewidth=3, visible=True)
            scale_bar(axes)
        figure.colorbar(shown, ax=figure.axes[: len(images)], shrink=0.6, label="Phase (rad)")
        figure.suptitle(headline, fontsize=8)
    return figure
