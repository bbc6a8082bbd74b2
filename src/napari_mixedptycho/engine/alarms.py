"""Which signs are not those of a good reconstruction, and what to do about it.

Thresholds lie between what good runs show and what broken ones do; `docs/engine.md` has the table. Nothing is
said about states that come close to each other: on a specimen at rest that is the answer. States and slices
count from 0, as the sliders do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_mixedptycho.engine.health import Alarm, Health

STATE_RATIO = 1.5
"""Strongest state ÷ mean of the others: 1.04 in good runs, 1.3 for free states from noise, 1.9 in failure."""
SLICE_RATIO = 4.0
"""Strongest slice ÷ mean of the others: 1.4 at most in good runs, but specimens may be uneven in depth."""
APART = 1.0
"""Distance of the states ÷ rms phase: 0.55 at most in good runs; at 1 they share less than they differ."""
DUPLICATE = 0.05
"""Nearest pair ÷ mean distance: 0.62 and more in good runs."""
IDENTICAL = 1e-6
"""Distance of the states ÷ rms phase: the rounding of single precision."""
MODE = 1e-5
"""Share of the power that all probe modes but the first hold."""
POWER = 2.0
"""Factor between the probe's electrons and the data's, up or down: within 1 % in good runs."""
TEXTURE, RIPPLE = 1.0, 0.02
"""Power at the scan's frequency ÷ its strongest neighbour's, and amplitude ÷ rms phase: in good runs 0.04
and 0.003 at most."""
RISE = 1.1
"""Loss ÷ lowest loss of the stage."""
_WINDOW = 5
"""Iterations over which a rise must last."""


@dataclass(frozen=True)
class Course:
    """How a stage has gone so far, one entry per iteration.

    Attributes
    ----------
    loss
        Of the fitted patterns.
    held_out
        Of the patterns left out; NaN where there are none.
    apart
        Distance of the states ÷ rms phase of their mean.
    """

    loss: Sequence[float] = ()
    held_out: Sequence[float] = ()
    apart: Sequence[float] = ()

    @property
    def settled(self) -> bool:
        """Whether states had time to become alike: those that start from noise share nothing at first."""
        return not self.loss or len(self.loss) > _WINDOW


def alarmed(health: Health, course: Course | None = None) -> Health:
    """Return the signs with the alarms that they raise."""
    raised = (rule(health, course or Course()) for rule in _RULES)
    return replace(health, alarms=tuple(alarm for alarm in raised if alarm is not None))


def _one_state(health: Health, course: Course) -> Alarm | None:
    if health.largest_state < STATE_RATIO or not course.settled:
        return None
    strongest = int(health.phase.sum(axis=1).argmax())
    return Alarm(
        "one_state",
        f"State {strongest} takes the phase: it carries {health.largest_state:.1f} times as much as the "
        "others do on average, though all states are snapshots of one specimen.",
        "Let each update see all patterns (leave patterns_per_update out), or start the states as displaced "
        "copies of a pure result.",
    )


def _one_slice(health: Health, course: Course) -> Alarm | None:
    if health.largest_slice < SLICE_RATIO or not course.settled:
        return None
    strongest = int(health.phase.sum(axis=0).argmax())
    return Alarm(
        "one_slice",
        f"Slice {strongest} takes the phase: it carries {health.largest_slice:.1f} times as much as the "
        "others do on average.",
        "Check thickness and defocus, use fewer slices, or let each update see all patterns; for a thin "
        "layer in an empty volume this is right.",
    )


def _apart(health: Health, course: Course) -> Alarm | None:
    if health.apart < APART or not course.settled:
        return None
    before = course.apart[-1 - _WINDOW :][:1]
    if before and health.apart < 0.98 * before[0]:
        return None  # they are on their way
    return Alarm(
        "strangers",
        f"The object states have little in common: they differ by {health.apart:.1f} times the phase of "
        "their mean, while moving atoms would stay close to their places.",
        "Let each update see all patterns (leave patterns_per_update out), begin with a stage of one state, "
        "or use fewer states.",
    )


def _duplicates(health: Health, _: Course) -> Alarm | None:
    if health.states < 3 or not health.nearest < DUPLICATE or health.apart < IDENTICAL:
        return None
    apart = health.distances + np.diag(np.full(health.states, np.inf))
    first, second = np.unravel_index(int(apart.argmin()), apart.shape)
    return Alarm(
        "duplicates",
        f"States {first} and {second} are the same, while others differ.",
        "Start every state differently (another guess.spread or seed): equal states receive equal gradients "
        "and never part.",
    )


def _identical(health: Health, _: Course) -> Alarm | None:
    if health.states < 2 or health.apart >= IDENTICAL:
        return None
    return Alarm(
        "identical",
        f"All {health.states} object states are equal to the last digit.",
        "Start every state differently (guess.spread, or noise in guess.object): equal states receive equal "
        "gradients and never part.",
    )


def _one_mode(health: Health, _: Course) -> Alarm | None:
    rest = 1 - float(health.probe.max())
    if len(health.probe) < 2 or rest >= MODE:
        return None
    return Alarm(
        "one_mode",
        f"One probe mode takes all: the other {len(health.probe) - 1} hold {max(rest, 0):.0e} of the power.",
        "Use fewer probe modes: the beam is coherent as far as these data tell.",
    )


def _probe_power(health: Health, _: Course) -> Alarm | None:
    if not (health.power > POWER or health.power < 1 / POWER):
        return None
    return Alarm(
        "probe_power",
        f"The probe holds {health.power:.2g} times the electrons of a pattern.",
        "Check microscope.electrons_per_unit and the mask, and refine the probe later; where a beam stop "
        "hides part of the patterns, more than they show is right.",
    )


def _texture(health: Health, _: Course) -> Alarm | None:
    if not (health.texture > TEXTURE and health.ripple > RIPPLE):
        return None
    return Alarm(
        "grid_texture",
        f"The object shows the grid of the scan: a ripple of its period, {100 * health.ripple:.0f} % of the "
        "phase in size.",
        "Refine the positions and the probe, or defocus more and scan irregularly: a perfectly regular scan "
        "cannot tell such a ripple from the probe.",
    )


def _rising(_: Health, course: Course) -> Alarm | None:
    if len(course.loss) < 2 * _WINDOW:
        return None
    before, now = (float(np.mean(course.loss[start:][:_WINDOW])) for start in (-2 * _WINDOW, -_WINDOW))
    lowest = min(course.loss)
    if not (now > before and course.loss[-1] > RISE * lowest):
        return None
    return Alarm(
        "rising",
        f"The loss is rising: {course.loss[-1]:.3g} after {lowest:.3g}.",
        "Lower the rate of the solver, use more patterns per update, or take the solver lbfgs, whose loss "
        "never rises.",
    )


def _overfit(_: Health, course: Course) -> Alarm | None:
    others = [value for value in course.held_out if np.isfinite(value)]
    if len(others) < 2 * _WINDOW or len(others) != len(course.loss):
        return None
    lowest, best = min(others), int(np.argmin(others))
    # Compared with what the stage has gained: the floor of counting noise says nothing.
    risen = others[-1] - lowest > max(0.05 * (others[0] - lowest), 1e-3 * lowest)
    lasting = others[-1] > others[-1 - _WINDOW] and course.loss[-1] < course.loss[best]
    if not (risen and lasting):
        return None
    return Alarm(
        "overfit",
        f"Since iteration {best + 1} of the stage the loss falls while that of the patterns held out rises: "
        "noise is being fitted.",
        "Use fewer states, slices or modes, a prior or penalty, or fewer iterations.",
    )


_RULES: tuple[Callable[[Health, Course], Alarm | None], ...] = (
    _one_state,
    _one_slice,
    _apart,
    _duplicates,
    _identical,
    _one_mode,
    _probe_power,
    _texture,
    _rising,
    _overfit,
)
