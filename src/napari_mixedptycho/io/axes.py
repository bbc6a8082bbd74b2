"""Which axes of an array are the scan's and which the detector's, and their samplings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_mixedptycho.io.units import Sampling, is_detector, is_scan, plain, sampling

_DETECTOR_NAMES = ("det", "q", "k", "diff", "angle", "alpha", "theta")


@dataclass(frozen=True)
class Axis:
    """An axis as a file describes it: its name, the distance between neighbours, and that in which unit."""

    name: str = ""
    scale: float = 0.0
    unit: str = ""

    @property
    def of_detector(self) -> bool:
        """Whether unit or name say that it is one of the detector."""
        return is_detector(self.unit) or (not is_scan(self.unit) and self._named(_DETECTOR_NAMES))

    def _named(self, starts: tuple[str, ...]) -> bool:
        return plain(self.name).startswith(tuple(start.replace("_", "") for start in starts))


@dataclass(frozen=True)
class Described:
    """What axes tell: the order that puts the scan first, its step (Å), and the detector's sampling."""

    order: tuple[int, ...]
    numbers: dict[str, float]
    detector: Sampling
    notes: tuple[str, ...]


def described(axes: Sequence[Axis]) -> Described:
    """Read three or four axes: scan first, also when the file has the detector first.

    Within the scan's pair, and within the detector's, the order stays as it is: `x` and `y` in the names of
    other programs mean rows as often as columns.
    """
    detector = [axis for axis, what in enumerate(axes) if what.of_detector]
    count = len(axes)
    order = tuple(range(count))
    if detector == [0, 1] and count > 2 and not any(axes[i].of_detector for i in range(2, count)):
        order = (*range(2, count), 0, 1)
    there = [axes[axis] for axis in order]
    steps = [sampling(axis.scale, axis.unit) for axis in there]
    if len(steps) < 3:
        return Described(order, {}, Sampling(), ())
    notes = [*_unequal("scan step", steps[:-2], "length"), *_unequal("detector sampling", steps[-2:], None)]
    numbers = {} if count < 4 or steps[1].length is None else {"scan_step": steps[1].length}
    return Described(order, numbers, steps[-1], tuple(notes))


def _unequal(what: str, pair: Sequence[Sampling], field: str | None) -> list[str]:
    if len(pair) != 2:
        return []
    fields = (field,) if field else ("frequency", "angle")
    for name in fields:
        first, second = (getattr(one, name) for one in pair)
        if first and second and abs(first / second - 1) > 0.01:
            return [
                f"Rows and columns differ in {what} ({first:.5g}, {second:.5g}); that of columns is taken."
            ]
    return []
