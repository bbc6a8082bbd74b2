"""How known columns lie over found ones: turned and shifted as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from napari_mixedptycho.errors import InputError

Floats = NDArray[np.float64]

_NEAR = 0.35
"""Å: farther apart a found and a known column are not the same one."""
_ALIKE = 0.25
"""Å by which the distance of two found columns may differ from that of the two known ones."""
_PAIRS = 6
"""Found columns, those nearest to the middle, and neighbours of each that a placement is tried with."""


@dataclass(frozen=True)
class Placement:
    """A turn about the origin and a shift that bring known columns over found ones.

    Attributes
    ----------
    rotation
        Degrees, x towards y.
    matrix
        (2, 2): the same for (y, x).
    shift
        (2,) y, x, Å; after the turn.
    matched
        Found columns that a known one lies within 0.35 Å of.
    distance
        Root mean square of what is left between these, Å.
    """

    rotation: float
    matrix: Floats
    shift: Floats
    matched: int
    distance: float

    def applied(self, points: ArrayLike) -> Floats:
        """Return known points (…, 2) where the found ones are, Å."""
        return np.asarray(np.asarray(points, dtype=np.float64) @ self.matrix.T + self.shift)


def place(found: ArrayLike, known: ArrayLike) -> Placement:
    """Find how known columns must be turned and shifted to lie on found ones.

    A pair of neighbours in the middle of the found ones is laid on every known pair of that length; what
    brings most columns together wins, and is refined by least squares. Nothing is stretched or mirrored.
    In a perfect crystal the answer is one of many that are alike.

    Parameters
    ----------
    found
        (N, 2) y, x, Å.
    known
        (K, 2) y, x, Å, over a field that is larger than that of the found ones.

    Raises
    ------
    InputError
        When fewer than three of the found columns, or fewer than half, come to lie on known ones.
    """
    here, there = (np.asarray(points, dtype=np.float64).reshape(-1, 2) for points in (found, known))
    if len(here) < 3 or len(there) < 3:
        raise InputError(f"{len(here)} found and {len(there)} known columns cannot be laid on each other.")
    best = max((_scored(trial, here, there) for trial in _trials(here, there)), key=_merit, default=None)
    if best is None or best.matched < max(3, len(here) / 2):
        count = 0 if best is None else best.matched
        raise InputError(
            f"At best {count} of {len(here)} found columns come to lie on known ones, however these are "
            "turned and shifted; check the axis, the species, and that the structure is the specimen."
        )
    return best


def _merit(placement: Placement) -> tuple[int, float]:
    return placement.matched, -placement.distance


def _trials(here: Floats, there: Floats) -> list[tuple[Floats, Floats]]:
    """Return matrices and shifts that lay pairs of found neighbours on known pairs of equal length."""
    middle = np.argsort(np.hypot(*(here - here.mean(axis=0)).T), kind="stable")[:2]
    near = np.argsort(np.hypot(*(there - there.mean(axis=0)).T), kind="stable")[: max(60, len(there) // 4)]
    count = min(_PAIRS + 1, len(here))
    links = np.argsort(np.hypot(*(here[middle][:, None] - here).transpose(2, 0, 1)), axis=1)[:, 1:count]
    tree, trials = cKDTree(there), []
    for first, seconds in zip(middle, links, strict=True):
        for second in seconds[:2]:
            step = complex(*(here[second] - here[first]))
            for origin in near:
                for end in tree.query_ball_point(there[origin], abs(step) + _ALIKE):
                    other = complex(*(there[end] - there[origin]))
                    if abs(abs(other) - abs(step)) > _ALIKE or end == origin:
                        continue
                    turn = step / other / abs(step / other)
                    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
                    trials.append((matrix, here[first] - matrix @ there[origin]))
    return trials


def _scored(trial: tuple[Floats, Floats], here: Floats, there: Floats) -> Placement:
    """Refine a trial twice by least squares, and count what it brings together."""
    matrix, shift = trial
    for _ in range(2):
        distance, nearest = cKDTree(there @ matrix.T + shift).query(here)
        close = distance < _NEAR
        if close.sum() < 3:
            break
        matrix, shift = _rigid(there[nearest[close]], here[close])
    distance, _ = cKDTree(there @ matrix.T + shift).query(here)
    close = distance < _NEAR
    left = float(np.sqrt((distance[close] ** 2).mean())) if close.any() else float("inf")
    # (y, x) by [[c, s], [−s, c]] turns x towards y.
    angle = float(np.rad2deg(np.arctan2(matrix[0, 1], matrix[0, 0])))
    return Placement(angle, matrix, shift, int(close.sum()), left)


def _rigid(source: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Return the turn and shift of least squares; Kabsch, Acta Cryst. A 32, 922 (1976)."""
    one, two = source.mean(axis=0), target.mean(axis=0)
    left, _, right = np.linalg.svd((target - two).T @ (source - one))
    proper = np.diag([1.0, np.sign(np.linalg.det(left @ right))])
    matrix = left @ proper @ right
    return matrix, two - matrix @ one
