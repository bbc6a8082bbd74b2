"""What to say of one column."""

from __future__ import annotations

import numpy as np

from napari_mixedptycho._napari.findings import Findings
from napari_mixedptycho.analysis import Partners, b_factor, u_rms_interval

_NAMED = 4
"""Partners that are named; the rings in the image show them all."""


def about_column(found: Findings, column: int, partners: Partners | None) -> str:
    """Return how far a column moves, in Å and as a B factor, and which columns move with it."""
    motion = found.motion
    size = motion.u_rms[column]
    low, high = u_rms_interval(motion, found.settings)[column]
    text = f"u<sub>rms</sub> {size:.3f} Å per axis"
    if np.isfinite(low):
        text += f" ({low:.3f} to {high:.3f})" if np.isfinite(high) else f" (above {low:.3f})"
    text += f", B {float(b_factor(size)):.2f} Å² of its centre."
    if motion.flagged[column]:
        text += " It reached the limit of its window: do not trust it."
    return text if partners is None else f"{text}<br>{_together(found, partners)}"


def _together(found: Findings, partners: Partners) -> str:
    most = f"with {found.motion.n_states} states chance alone gives one of them |r| = {partners.chance:.2f}"
    if not len(partners.found):
        return f"No column moves with it beyond chance: {most}."
    named = ", ".join(
        f"{found.numbers[index]} (r = {partners.correlation[index]:.2f})" for index in partners.found[:_NAMED]
    )
    more = len(partners.found) - _NAMED
    return f"Moves with {named}{f' and {more} more' if more > 0 else ''}, ringed in green; {most}."
