"""All figures of a result: what each is called, what it shows, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from napari_mixedptycho.analysis.correlation import correlations, neighbour_amplitudes
from napari_mixedptycho.analysis.figures.control import control
from napari_mixedptycho.analysis.figures.curves import loss, spectrum
from napari_mixedptycho.analysis.figures.depth import slices
from napari_mixedptycho.analysis.figures.health import health
from napari_mixedptycho.analysis.figures.images import mean_phase, states
from napari_mixedptycho.analysis.figures.maps import ellipses, motion_map, spread_map
from napari_mixedptycho.analysis.figures.pairs import correlation
from napari_mixedptycho.analysis.figures.probe import probe_modes
from napari_mixedptycho.analysis.figures.runs import spread
from napari_mixedptycho.analysis.figures.scatter import columns
from napari_mixedptycho.analysis.figures.style import Frame, numbers_of
from napari_mixedptycho.analysis.floor import Verdict
from napari_mixedptycho.analysis.motion import ColumnMotion
from napari_mixedptycho.analysis.truth import Comparison
from napari_mixedptycho.engine.health import Health
from napari_mixedptycho.optics import wavelength
from napari_mixedptycho.result import Result

_LEAST_STATES = 3
"""For correlations."""


@dataclass(frozen=True)
class Subject:
    """What the figures of one result may be drawn of; what is None has no figure.

    Attributes
    ----------
    result
        What was reconstructed.
    motion
        Its columns.
    comparison
        The same against the truth.
    floor, verdict
        The same columns in the stationary control, and what came of it.
    health
        The signs of the result, with the alarms.
    """

    result: Result
    motion: ColumnMotion | None = None
    comparison: Comparison | None = None
    floor: ColumnMotion | None = None
    verdict: Verdict | None = None
    health: Health | None = None

    @property
    def found(self) -> ColumnMotion | None:
        """The columns, when there are any."""
        return self.motion if self.motion is not None and self.motion.n_columns else None


@dataclass(frozen=True)
class Plate:
    """A figure that can be drawn.

    Attributes
    ----------
    name
        Of the file.
    caption
        What is seen, in a sentence or two.
    draw
        Draws it.
    """

    name: str
    caption: str
    draw: Callable[[], Figure]


def album(subject: Subject) -> list[Plate]:
    """Return the figures of one result, in the order in which one looks at them."""
    return [
        *_pictures(subject),
        *_course(subject),
        *_motion(subject),
        *_apart(subject.result),
        *_beyond(subject),
    ]


def _pictures(subject: Subject) -> list[Plate]:
    """Return what was reconstructed: object and probe."""
    result, found = subject.result, subject.found
    frame, phase = Frame.of(result), result.mean_phase()
    places = None if found is None else found.mean
    numbers = None if found is None else numbers_of(found)
    modes = Plate(
        "probe",
        "Probe at the entrance surface: amplitude and phase"
        + ("." if result.estimate.modes == 1 else " of each mode, and its share of the power."),
        partial(probe_modes, result.estimate.asnumpy().probe, result.sampling),
    )
    plates = [
        Plate(
            "mean_phase",
            "Projected phase, mean over the object states. Dashed: the scanned field. Numbers: the columns, "
            "as in the table.",
            partial(mean_phase, phase, frame, places, numbers=numbers),
        ),
        Plate(
            "spectrum",
            "Power spectrum of the mean phase in the scanned field, and its mean over directions. Dashed: "
            "twice the semi-angle, to which the bright field alone carries information.",
            partial(spectrum, phase, frame, rings(result)),
        ),
        Plate(
            "states",
            "Projected phase of every object state, all with the same limits. States have no order in time.",
            partial(states, result.projected_phase(), frame),
        ),
    ]
    if result.estimate.slices > 1:
        plates.append(
            Plate(
                "slices",
                "Phase of each slice, mean over the states, and along the beam the contrast of the mean and "
                "the spread over the states.",
                partial(slices, result.phase(), result.slice_spacing, frame),
            )
        )
    return [plates[0], modes, *plates[1:]]


def _course(subject: Subject) -> list[Plate]:
    """Return how the reconstruction went."""
    result = subject.result
    history, plates = result.history, []
    names = [stage.name for stage in result.recipe.stages]
    if len(history):
        plates.append(
            Plate(
                "loss",
                "Loss against the iteration, each stage on its own scale." + _dashed(history.held_out),
                partial(loss, history.loss, history.stage, names, held_out=history.held_out or None),
            )
        )
    if subject.health is not None and subject.health.states > 1:
        plates.append(
            Plate(
                "health",
                "The states with the share of the phase that each carries, and what warns against believing "
                "them.",
                partial(health, result.projected_phase(), Frame.of(result), subject.health),
            )
        )
    return plates


def _apart(result: Result) -> list[Plate]:
    """Return how the states part from each other."""
    if not any(value > 0 for value in result.history.separation):
        return []
    return [
        Plate(
            "spread",
            "How far the states are apart against the iteration. What still rises or falls at the end is "
            "not decided by the data yet.",
            partial(spread, result.history, motion=_moving(result)),
        )
    ]


def _moving(result: Result) -> list[tuple[int, float]]:
    """Return the iterations whose motion is known, and that motion, Å."""
    return [(when, size) for when, size in enumerate(result.history.motion, start=1) if np.isfinite(size)]


def _dashed(held_out: Sequence[float]) -> str:
    return " Dashed: patterns held out." if np.isfinite(np.asarray(held_out)).any() else ""


def _motion(subject: Subject) -> list[Plate]:
    """Return how the columns move."""
    result, found = subject.result, subject.found
    if found is None:
        return []
    frame, phase = Frame.of(result), result.mean_phase()
    truth = "" if subject.comparison is None else " Blue: the truth, measured by the same centroid."
    plates = [
        Plate(
            "columns",
            "Centre of mass of each column in each state, with mean and standard deviation." + truth,
            partial(columns, found, phase, frame, subject.comparison),
        )
    ]
    if found.n_states < 2:
        return plates
    return [
        *plates,
        Plate(
            "motion_map",
            "Size of the motion of each column over the mean phase. Crosses: columns that are not to be "
            "trusted.",
            partial(motion_map, found, phase, frame),
        ),
        Plate(
            "ellipses",
            "1σ ellipse of the motion of each column, magnified ten times about its mean position.",
            partial(ellipses, found, phase, frame),
        ),
        Plate(
            "spread_map",
            "Standard deviation of the projected phase over the states.",
            partial(spread_map, result.state_spread(), frame),
        ),
    ]


def _beyond(subject: Subject) -> list[Plate]:
    """Return whether the motion is to be believed, and what columns do together."""
    found, plates = subject.found, []
    if found is not None and subject.floor is not None and subject.verdict is not None:
        plates.append(
            Plate(
                "control",
                "Displacements of all columns in all states, in the result and in its stationary control, "
                "where nothing moves; circles: rms. Right: motion of each column, and its floor.",
                partial(control, found, subject.floor, subject.verdict),
            )
        )
    trusted = None if found is None else found.positions[:, ~found.flagged]
    if trusted is not None and found is not None and found.n_states >= _LEAST_STATES and trusted.shape[1] > 1:
        plates.append(
            Plate(
                "correlation",
                "Correlation of the displacements of pairs of columns against their distance, and the motion "
                "of neighbours with and against each other. Grey: what shuffled states give. What the start "
                "brought along is not excluded by that.",
                partial(_together, trusted),
            )
        )
    return plates


def _together(positions: np.ndarray) -> Figure:
    return correlation(correlations(positions), neighbour_amplitudes(positions))


def rings(result: Result) -> dict[str, float]:
    """Return the angle to which the bright field alone carries information: twice the semi-angle, 1/Å."""
    microscope = result.recipe.microscope
    if microscope.energy is None or microscope.semiangle is None:
        return {}
    return {"2α": 2e-3 * microscope.semiangle / wavelength(microscope.energy)}
