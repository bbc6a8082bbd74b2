"""All figures of a result at once."""

from __future__ import annotations

import os
from pathlib import Path

from napari_mixedptycho.analysis.figures.curves import loss, spectrum
from napari_mixedptycho.analysis.figures.images import mean_phase, states
from napari_mixedptycho.analysis.figures.scatter import columns
from napari_mixedptycho.analysis.figures.style import Frame, save
from napari_mixedptycho.analysis.motion import ColumnMotion
from napari_mixedptycho.analysis.truth import Comparison
from napari_mixedptycho.optics import wavelength
from napari_mixedptycho.result import Result


def write_figures(
    result: Result,
    folder: str | os.PathLike[str],
    motion: ColumnMotion | None = None,
    comparison: Comparison | None = None,
    suffix: str = ".png",
) -> list[Path]:
    """Write ``mean_phase``, ``states``, ``spectrum``, ``loss`` and ``columns`` into a folder.

    Parameters
    ----------
    result
        What to draw.
    folder
        Where; made when missing.
    motion
        Its columns; without any, or when none were found, there is no ``columns``.
    comparison
        With the truth, for ``columns``.
    suffix
        ``.png``, ``.svg`` or ``.pdf``.

    Returns
    -------
    The files written. ``loss`` is left out of a result without iterations.
    """
    frame, phase = Frame.of(result), result.mean_phase()
    found = motion is not None and motion.n_columns > 0
    drawn = {
        "mean_phase": mean_phase(phase, frame, motion.mean if motion is not None and found else None),
        "states": states(result.projected_phase(), frame),
        "spectrum": spectrum(phase, frame, _rings(result)),
    }
    if len(result.history):
        names = [stage.name for stage in result.recipe.stages]
        history = result.history
        drawn["loss"] = loss(history.loss, history.stage, names, held_out=history.held_out or None)
    if motion is not None and found:
        drawn["columns"] = columns(motion, phase, frame, comparison)
    return [save(figure, Path(folder) / f"{name}{suffix}") for name, figure in drawn.items()]


def _rings(result: Result) -> dict[str, float]:
    """Return the angle to which the probe alone carries information: twice its own, 1/Å."""
    microscope = result.recipe.microscope
    if microscope.energy is None or microscope.semiangle is None:
        return {}
    return {"2α": 2e-3 * microscope.semiangle / wavelength(microscope.energy)}
