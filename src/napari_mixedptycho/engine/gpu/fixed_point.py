"""Sums in fixed point: integers add up to the same bits in whatever order a GPU adds them.

A unit must be small beside every gradient, and no sum may leave 64 bits. By the inequality of Cauchy and
Schwarz a pattern adds to a pixel of the object at most the length of its incident waves times that of its
gradient, which is known only once it was compared: the unit is chosen after the first chunk, with room to
spare, and the lane is done again if that was not enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import Array, asnumpy, namespace
from napari_mixedptycho.engine.problem import Indices

if TYPE_CHECKING:
    from napari_mixedptycho.engine.view import View

_LIMIT = 2.0**62
_ROOM = 16.0
_MOST = 120


@dataclass(frozen=True)
class FixedPoint:
    """The unit of the sums of one lane.

    Attributes
    ----------
    reach
        Largest sum in any pixel ÷ largest length of a pattern's gradient.
    units
        Per 1, a power of two; 0: not chosen yet.
    """

    reach: float
    units: float = 0.0

    @classmethod
    def of(cls, view: View, corners: Indices) -> FixedPoint:
        """Return the bound for a lane whose windows have these corners (position, 2)."""
        xp, size = namespace(view.transmission), view.problem.size
        beam = float((xp.abs(view.spectrum) ** 2).sum(dtype="f8")) ** 0.5 / size
        brightest = asnumpy(xp.abs(view.transmission).max(axis=(0, 2, 3))).astype(np.float64)
        waves = beam * float(np.maximum(brightest, 1).prod())
        return cls(waves * _overlap(corners, size))

    def chosen(self, longest: float) -> FixedPoint:
        """Return units for gradients of such a length, with room for larger ones."""
        return self._with_bound(self.reach * longest * _ROOM)

    def coarser(self, longest: float) -> FixedPoint:
        """Return units for gradients of at most such a length."""
        return self._with_bound(self.reach * longest * 2)

    def _with_bound(self, bound: float) -> FixedPoint:
        power = _MOST if bound == 0 or not np.isfinite(bound) else int(np.floor(np.log2(_LIMIT / bound)))
        return replace(self, units=2.0 ** int(np.clip(power, -_MOST, _MOST)))

    def holds(self, longest: float) -> bool:
        """Whether no sum can have left its bits; gradients that are no numbers are not a matter of units."""
        bound = self.reach * longest * self.units
        return not np.isfinite(bound) or bound <= _LIMIT

    def floating(self, total: Array) -> Array:
        """Return sums (…, 2) of integers as complex64 (…)."""
        parts = (total * (1 / self.units)).astype("f4")
        return parts.view("c8")[..., 0]


def _overlap(corners: Indices, size: int) -> int:
    """Return how many windows lie over one pixel, at most."""
    first = corners.min(axis=0)
    steps: NDArray[np.int64] = np.zeros(tuple(corners.max(axis=0) - first + size + 1), np.int64)
    for along, sign in (((0, 0), 1), ((size, 0), -1), ((0, size), -1), ((size, size), 1)):
        np.add.at(steps, tuple((corners - first + along).T), sign)
    return int(steps.cumsum(axis=0).cumsum(axis=1).max())
