"""How much of a planted motion was found: what a verdict "not resolved", or a size, is worth.

The planted motion is made by `napari_mixedptycho.control.motion`; here are its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_mixedptycho.analysis.floor import FloorSettings, judge
from napari_mixedptycho.analysis.motion import ColumnMotion, finite

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
    """

    planted: float
    found: float
    share: float
    share_interval: tuple[float, float]
    resolved: bool
    ratio: float
    ratio_interval: tuple[float, float]

    def sentence(self) -> str:
        """Say it in words."""
        low, high = self.share_interval
        text = (
            f"Of a planted motion of {self.planted:.3f} Å the same recipe finds {self.found:.4f} Å, "
            f"{self.share:.2f} ({low:.2f} to {high:.2f}) of it above the floor"
        )
        low, high = self.ratio_interval
        beside = f"The result shows {self.ratio:.2f} ({low:.2f} to {high:.2f}) times as much"
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
            "sentence": self.sentence(),
        }


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
