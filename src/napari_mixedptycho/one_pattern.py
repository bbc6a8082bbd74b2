"""One scan point of a result: what was measured, what the estimate predicts, and what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_mixedptycho._array import asnumpy
from napari_mixedptycho._device import device
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import Prepared, for_detector, to_device
from napari_mixedptycho.result import Result

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """A pattern and its prediction, zero angle at ``n // 2``.

    Attributes
    ----------
    measured, predicted
        (ky, kx) electrons; stored units where the dose is not known. Pixels that are not measured are 0 in
        the first.
    residual
        (ky, kx) (measured − predicted) ÷ √(predicted + 1), 0 where nothing is measured: in units of the shot
        noise where electrons are counted.
    inside
        (ky, kx) pixels that are measured.
    counted
        Whether electrons are counted.
    """

    measured: Floats
    predicted: Floats
    residual: Floats
    inside: NDArray[np.bool_]
    counted: bool

    @property
    def predicted_inside(self) -> float:
        """Sum of the prediction over the pixels that are measured."""
        return float(self.predicted[self.inside].sum())

    @property
    def chi(self) -> float:
        """Rms of what is left, over the pixels that are measured."""
        return float(np.sqrt((self.residual[self.inside] ** 2).mean()))


def compare_pattern(prepared: Prepared, result: Result, index: int) -> Compared:
    """Compare one measured pattern with what a result predicts.

    Parameters
    ----------
    prepared
        The result's recipe and data made ready.
    result
        At any iteration.
    index
        Number of the scan point, row after row.

    Raises
    ------
    InputError
        When there is no such scan point, or the result was made on another grid.
    """
    if not 0 <= index < prepared.problem.count:
        raise InputError(f"There is no scan point {index}; there are {prepared.problem.count}.")
    history, stages = result.history, result.recipe.stages
    stage = stages[history.stage[-1] if len(history) else -1]
    there = for_detector(prepared, stage.detector)
    if there.geometry != result.geometry:
        raise InputError(f"{result.name}: the result lies on another object grid than these data.")
    problem = there.problem
    with device(problem.propagator):
        chosen = np.array([index])
        predicted = asnumpy(predict(problem, to_device(there, result.estimate), chosen))[0]
        measured = asnumpy(problem.electrons(chosen))[0]
        inside = asnumpy(problem.weight) > 0
    parts = (np.fft.fftshift(part) for part in (measured, predicted, inside))
    seen, expected, known = (np.asarray(part) for part in parts)
    seen = np.where(known, seen, 0.0).astype(np.float64)
    expected = expected.astype(np.float64)
    left = np.where(known, (seen - expected) / np.sqrt(np.clip(expected, 0, None) + 1), 0.0)
    return Compared(seen, expected, left, known.astype(bool), problem.counted)


def nearest_point(result: Result, position: tuple[float, float], reach: float) -> int | None:
    """Return the number of the scan point nearest to a position (y, x), Å from the first scan point.

    Parameters
    ----------
    result
        Whose refined positions count.
    position
        Along the object's axes.
    reach
        Å; None is returned where every scan point is farther away.
    """
    places = result.geometry.to_angstroms(np.asarray(result.estimate.positions))
    distance = np.hypot(*(places - position).T)
    nearest = int(distance.argmin())
    return nearest if distance[nearest] <= reach else None
