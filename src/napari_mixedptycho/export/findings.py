"""Everything that is measured of a result before it is shown: columns, truth, control, health."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from napari_mixedptycho.analysis import (
    ColumnMotion,
    Comparison,
    MotionSettings,
    Verdict,
    compare,
    judge,
    measure,
)
from napari_mixedptycho.analysis.floor import FloorSettings, drift_text
from napari_mixedptycho.analysis.recovery import Recovery
from napari_mixedptycho.dataset import Truth
from napari_mixedptycho.engine.health import Health
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.reconstruct import assess
from napari_mixedptycho.result import Result
from napari_mixedptycho.words import counted

if TYPE_CHECKING:
    from napari_mixedptycho.analysis.figures import Subject


@dataclass(frozen=True)
class Findings:
    """What was measured of a result.

    Attributes
    ----------
    result, settings
        What was reconstructed, and how its columns are measured.
    motion
        The columns.
    comparison
        With the truth, where it is known and fits.
    note
        Why there is no comparison although there is a truth, or nothing.
    floor, verdict
        The same columns in the stationary control, and whether the motion is more; None without control.
    drift
        That motion or floor still change, where that may change the verdict; else nothing.
    recovery
        How much of a planted motion the same recipe finds; None where none was planted.
    """

    result: Result
    motion: ColumnMotion
    settings: MotionSettings
    comparison: Comparison | None = None
    note: str = ""
    floor: ColumnMotion | None = None
    verdict: Verdict | None = None
    drift: str = ""
    recovery: Recovery | None = None

    @classmethod
    def of(
        cls,
        result: Result,
        still: Result | None = None,
        truth: Truth | None = None,
        motion: ColumnMotion | None = None,
        settings: MotionSettings | None = None,
    ) -> Findings:
        """Measure a result.

        Parameters
        ----------
        result
            What was reconstructed.
        still
            Its stationary control.
        truth
            In the frame of the result.
        motion
            Its columns, when they were measured already, by the same settings.
        settings
            How columns are found and measured.

        Raises
        ------
        InputError
            When there is a control but no motion that it could be compared with.
        """
        chosen = settings or MotionSettings()
        measured = measure(result, chosen) if motion is None else motion
        found = cls(result, measured, chosen)
        if truth is not None and measured.n_columns:
            try:
                found = replace(found, comparison=compare(result, measured, truth, chosen))
            except InputError as error:  # too early, or it went wrong: nothing resembles the truth
                found = replace(found, note=str(error))
        return found if still is None else found.beside(still)

    def beside(self, still: Result, least: FloorSettings | None = None) -> Findings:
        """Return the same beside the stationary control; raises `InputError` as `of` does.

        `least` says when a motion counts as seen.
        """
        motion = self.motion
        if motion.n_states < 2 or not motion.n_columns:
            raise InputError(
                f"{self.result.name}: with {counted(motion.n_states, 'state')} and "
                f"{counted(motion.n_columns, 'column')} this result has no motion to compare with a control."
            )
        floor = measure(still, self.settings, motion.columns)
        verdict = judge(motion, floor, least)
        drift = drift_text(verdict, self.result.history.motion_drift, still.history.motion_drift)
        return replace(self, floor=floor, verdict=verdict, drift=drift)

    @property
    def numbers(self) -> tuple[int, ...]:
        """(N,) by which the columns are called; one that was removed leaves its number unused."""
        return self.motion.numbers or tuple(range(self.motion.n_columns))

    @cached_property
    def health(self) -> Health:
        """The signs of the result, with the alarms."""
        return assess(self.result)

    @property
    def subject(self) -> Subject:
        """What the figures are drawn of."""
        # Here, since matplotlib takes its time and is needed for figures alone.
        from napari_mixedptycho.analysis.figures import Subject

        return Subject(self.result, self.motion, self.comparison, self.floor, self.verdict, self.health)
