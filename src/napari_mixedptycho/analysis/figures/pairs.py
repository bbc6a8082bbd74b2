"""How columns move together: correlation against distance, and the motion of neighbours."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from napari_mixedptycho.analysis.correlation import Amplitudes, Correlations, Pooled
from napari_mixedptycho.analysis.figures.style import (
    MEASURED,
    SMALL,
    TRUE,
    TWO_COLUMNS,
    Floats,
    plain,
    styled,
)
from napari_mixedptycho.words import counted

_PICOMETRES = 100.0  # per Å


def correlation(
    found: Correlations, amplitudes: Amplitudes | None = None, title: str | None = None
) -> Figure:
    """Draw correlations of displacements against distance, beside what chance gives, and neighbours' motion.

    Parameters
    ----------
    found
        Correlations pooled by distance.
    amplitudes
        In-phase and anti-phase motion of neighbours; None: left out.
    title
        Above it all.
    """
    with styled():
        figure = Figure(figsize=(TWO_COLUMNS, 2.5), layout="constrained")
        ratios = [1.0, 1.0] if amplitudes is None else [1.0, 1.0, 0.85]
        panels = figure.subplots(1, len(ratios), width_ratios=ratios)
        for axes, part, name, colour in (
            (panels[0], found.longitudinal, "Along the line of the pair", TRUE),
            (panels[1], found.transverse, "Across it", MEASURED),
        ):
            _against_distance(axes, found.distance, part, colour)
            axes.set_title(name)
        panels[0].set_ylabel("Correlation r of displacements")
        panels[1].sharey(panels[0])
        if amplitudes is not None:
            _neighbours(panels[2], amplitudes)
        text = title or f"How columns move together, {found.states} states"
        note = f"band: 95 % of shuffled states; one pair alone: |r| < {found.single_pair:.2f} is chance"
        figure.suptitle(f"{text} ({note})", fontsize=8)
    return figure


def _against_distance(axes: Axes, distance: Floats, part: Pooled, colour: str) -> None:
    axes.fill_between(
        distance, part.chance[:, 0], part.chance[:, 1], color="0.85", lw=0, label="chance", zorder=0
    )
    axes.axhline(0, color="0.5", lw=0.6)
    bars = np.maximum(np.stack([part.value - part.interval[:, 0], part.interval[:, 1] - part.value]), 0.0)
    axes.errorbar(distance, part.value, yerr=bars, fmt="-", color=colour, lw=1.0, elinewidth=0.7)
    filled = part.significant
    axes.plot(distance[filled], part.value[filled], "o", color=colour, ms=4, label="outside chance")
    axes.plot(
        distance[~filled], part.value[~filled], "o", mfc="white", mec=colour, ms=4, label="within chance"
    )
    axes.set(xlabel="Distance of the columns (Å)", ylim=(-1.02, 1.02))
    axes.set_xlim(left=0)
    plain(axes)
    axes.legend(loc="lower left", handletextpad=0.3)


def _neighbours(axes: Axes, amplitudes: Amplitudes) -> None:
    parts = (
        ("along,\nwith", amplitudes.longitudinal_in_phase, TRUE, TRUE),
        ("along,\nagainst", amplitudes.longitudinal_anti_phase, TRUE, "white"),
        ("across,\nwith", amplitudes.transverse_in_phase, MEASURED, MEASURED),
        ("across,\nagainst", amplitudes.transverse_anti_phase, MEASURED, "white"),
    )
    for place, (_, part, colour, face) in enumerate(parts):
        size, low, high = (
            float(np.sqrt(np.maximum(value, 0.0))) * _PICOMETRES
            for value in (part.value[0], *part.interval[0])
        )
        chance = np.sqrt(np.maximum(part.chance[0], 0.0)) * _PICOMETRES
        axes.bar(place, chance[1] - chance[0], 0.8, bottom=chance[0], color="0.85", zorder=0)
        bars = np.maximum([[size - low], [high - size]], 0.0)
        axes.errorbar([place], [size], yerr=bars, fmt="o", color=colour, mfc=face, ms=4.5, elinewidth=0.7)
    axes.set_xticks(range(len(parts)), [name for name, *_ in parts], fontsize=SMALL)
    axes.set(ylabel="Motion, rms (pm)", title=f"Neighbours ({counted(len(amplitudes.pairs), 'pair')})")
    axes.set_ylim(bottom=0)
    plain(axes)
