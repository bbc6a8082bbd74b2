"""Everything that is measured of a result before it is shown: columns, truth, control, health."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_mixedptycho.analysis import (
    ColumnMotion,
    Comparison,
    Verdict,
    compare,
    judge,
    measure,
)
from napari_mixedptycho.dataset import Truth
from napari_mixedptycho.engine.health import Health
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.reconstruct import assess
from napari_mixedptycho.result import Result

if TYPE_CHECKING:
    from napari_mixedptycho.analysis.figures import Subject


@dataclass(frozen=True)
class Findings:
    """What was measured of a result.

    Attributes
    ----------
    result
        What was reconstructed.
    motion
        Its columns.
    health
        Its signs, with the alarms.
    comparison
        With the truth, where it is known and fits.
    floor, verdict
        The same columns in the stationary control, and whether the motion is more; None without control.
    """

    result: Result
    motion: ColumnMotion
    health: Health
    comparison: Comparison | None = None
    floor: ColumnMotion | None = None
    verdict: Verdict | None = None

    @classmethod
    def of(cls, result: Result, still: Result | None = None, truth: Truth | None = None) -> Findings:
        """Measure a result.

        Parameters
        ----------
        result
            What was reconstructed.
        still
            Its stationary control.
        truth
            In the frame of the result; a comparison that fails is left out.

        Raises
        ------
        InputError
            When there is a control but no motion that it could be compared with.
        """
        motion, comparison, floor, verdict = measure(result), None, None, None
        if truth is not None and motion.n_columns:
            try:
                comparison = compare(result, motion, truth)
            except InputError:  # too early, or it went wrong: nothing resembles the truth
                comparison = None
        if still is not None:
            if motion.n_states < 2 or not motion.n_columns:
                raise InputError(
                    f"{result.name}: with {motion.n_states} state(s) and {motion.n_columns} columns this "
                    "result has no motion to compare with a control."
                )
            floor = measure(still, columns=motion.columns)
            verdict = judge(motion, floor)
        return cls(result, motion, assess(result), comparison, floor, verdict)

    @property
    def subject(self) -> Subject:
        """What the figures are drawn of."""
        # Here, since matplotlib takes its time and is needed for figures alone.
        from napari_mixedptycho.analysis.figures import Subject

        return Subject(self.result, self.motion, self.comparison, self.floor, self.verdict, self.health)
