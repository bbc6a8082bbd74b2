"""What to say of one column, and of how columns move together."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from napari_mixedptycho.analysis import (
    Amplitudes,
    Correlations,
    Matter,
    Partners,
    Pooled,
    b_factor,
    u_rms_interval,
)
from napari_mixedptycho.export import Findings
from napari_mixedptycho.words import interval

_NAMED = 4
"""Partners that are named; the rings in the image show them all."""


def about_column(found: Findings, column: int, partners: Partners | None) -> str:
    """Return how far a column moves, in Å and as a B factor, and which columns move with it."""
    motion = found.motion
    size = motion.u_rms[column]
    low, high = u_rms_interval(motion, found.settings)[column]
    text = f"u<sub>rms</sub> {size:.3f} Å per axis"
    if np.isfinite(low):
        text += f" ({interval(low, high, 3)})"
    text += f", B {float(b_factor(size)):.2f} Å² of its centre."
    if found.verdict is not None:
        floor, above = found.verdict.column_floor[column], found.verdict.column_above[column]
        text += f" {above:.3f} Å of it above its floor of {floor:.3f} Å."
    for flags, warning in (
        (motion.flagged, " It reached the limit of its window: do not trust it."),
        (motion.edge, " It is near the rim of the scan, where few patterns saw it."),
        (motion.overlap, " Its window is cut by a neighbour's."),
    ):
        if flags is not None and flags[column]:
            text += warning
    return text if partners is None else f"{text}<br>{_together(found, partners)}"


def about_pairs(pairs: Correlations, neighbours: Amplitudes, matter: Matter) -> str:
    """Return how neighbours move with and against each other, and what not to read into correlations."""
    kinds = [
        _neighbour(entry.name, getattr(neighbours, entry.name), matter) for entry in fields(neighbours)[1:]
    ]
    return (
        f"Neighbours: {', '.join(kinds)}; * beyond what shuffled states give. One pair says nothing: of "
        f"{pairs.states} states |r| < {pairs.single_pair:.2f} is chance. The start of the states correlates "
        "neighbours too: compare with the stationary control."
    )


def _neighbour(name: str, part: Pooled, matter: Matter) -> str:
    words = name.replace("_", " ", 1).replace("_", "-")
    text = f"{words} {np.sqrt(part.value[0]):.3f} Å{'*' if part.significant[0] else ''}"
    frequency = matter.frequency(float(part.value[0]))
    return text if frequency is None else f"{text} ({frequency:.1f} THz)"


def _together(found: Findings, partners: Partners) -> str:
    most = f"with {found.motion.n_states} states chance alone gives one of them |r| = {partners.chance:.2f}"
    if not len(partners.found):
        return f"No column moves with it beyond chance: {most}."
    named = ", ".join(
        f"{found.numbers[index]} (r = {partners.correlation[index]:.2f})" for index in partners.found[:_NAMED]
    )
    more = len(partners.found) - _NAMED
    return f"Moves with {named}{f' and {more} more' if more > 0 else ''}, ringed in green; {most}."
