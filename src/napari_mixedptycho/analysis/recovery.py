"""How much of a planted motion was found: what a verdict "not resolved", or a size, is worth.

The planted motion is made by `napari_mixedptycho.control.motion`; here are its numbers.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from napari_mixedptycho.analysis.floor import FloorSettings, judge
from napari_mixedptycho.analysis.motion import ColumnMotion, finite
from napari_mixedptycho.words import interval

_FAITHFUL = 0.8
"""Share of a motion from which on its size counts as found."""


@dataclass(frozen=True)
class Recovery:
    """A planted motion and what came out of it; lengths per axis, Å, rms over columns.

    Attributes
    ----------
    planted
        Measured on the planted snapshots themselves.
    found
        In their reconstruction.
    share, share_interval
        Of the planted motion found above the floor, √(found² − floor²) ÷ planted, with its interval
        (bootstrap over columns and states of the reconstruction).
    resolved
        Whether the planted motion is told from rest by the same rule as the result's.
    ratio, ratio_interval
        Motion of the result ÷ what was found of the planted one.
    asked
        Rms displacement that was asked for (`control.PlantedSettings`), Å; NaN: not known.
    """

    planted: float
    found: float
    share: float
    share_interval: tuple[float, float]
    resolved: bool
    ratio: float
    ratio_interval: tuple[float, float]
    asked: float = math.nan

    @classmethod
    def read(cls, file: str | os.PathLike[str]) -> Self | None:
        """Return what `mixedptycho control --planted` wrote into ``control.json``; None: nothing of it."""
        try:
            values = json.loads(Path(file).read_text(encoding="utf-8"))["planted"]
            there = [entry.name for entry in fields(cls) if entry.name != "asked" or "asked" in values]
            return cls(**{name: _number(values[name]) for name in there})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def sentence(self) -> str:
        """Say it in words."""
        low, high = self.share_interval
        text = (
            f"Of a planted motion of {self.planted:.3f} Å the same recipe finds {self.found:.4f} Å, "
            f"{self.share:.2f} ({interval(low, high, 2)}) of it above the floor"
        )
        low, high = self.ratio_interval
        beside = f"The result shows {self.ratio:.2f} ({interval(low, high, 2)}) times as much"
        if not self.resolved:
            text = f"{text}: so much is not told from rest, and no verdict excludes it."
            return f"{text} {beside}; what such a motion gives does not explain it." if low > 1 else text
        size = "" if self.share > _FAITHFUL else ", and sizes come out too small"
        return f"{text}: it is seen{size}. {beside}."

    def numbers(self) -> dict[str, float | bool | str | list[float | None] | None]:
        """Return plain values for JSON; None for what is not finite."""
        return {
            "planted": finite(self.planted),
            "found": finite(self.found),
            "share": finite(self.share),
            "share_interval": [finite(end) for end in self.share_interval],
            "resolved": self.resolved,
            "ratio": finite(self.ratio),
            "ratio_interval": [finite(end) for end in self.ratio_interval],
            "asked": finite(self.asked),
            "sentence": self.sentence(),
        }


def _number(value: Any) -> Any:
    """Return a number or an interval as it was before it became JSON, which knows finite ones alone."""
    if isinstance(value, list):
        low, high = (_number(end) for end in value)
        return low, high
    return math.nan if value is None else value


def recover(
    motion: ColumnMotion,
    floor: ColumnMotion,
    planted: ColumnMotion,
    found: ColumnMotion,
    settings: FloorSettings | None = None,
) -> Recovery:
    """Compare what was found of a planted motion with what was planted, the floor, and a result.

    Parameters
    ----------
    motion, floor
        Of the result and of its stationary control.
    planted, found
        Of the planted snapshots and of their reconstruction; all four of the same columns in one order.
    settings
        When a motion counts as seen.

    Raises
    ------
    InputError
        When the columns are not the same, or there are none.
    """
    seen, beside = judge(found, floor, settings), judge(motion, found, settings)
    size = planted.rms
    low, high = seen.above_interval
    return Recovery(
        planted=size,
        found=seen.motion,
        share=seen.above / size,
        share_interval=(low / size, high / size),
        resolved=seen.resolved,
        ratio=beside.ratio,
        ratio_interval=beside.ratio_interval,
    )
