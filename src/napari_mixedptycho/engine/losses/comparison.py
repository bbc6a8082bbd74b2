"""What all losses share: sums, the deviance of Poisson statistics, and what a loss asks of the data."""

from __future__ import annotations

from typing import ClassVar, Self

from napari_mixedptycho._array import Array, namespace


class Comparison:
    """A loss that is fixed; `AutoLoss` chooses one.

    Attributes
    ----------
    needs_electrons
        The formula counts electrons: without a known dose it is wrong.
    takes_negative
        Measured values below zero, as a detector with readout noise gives, are used as they are.
    """

    needs_electrons: ClassVar[bool] = False
    takes_negative: ClassVar[bool] = False

    def chosen(self, counted: bool) -> Self:
        """Return the loss itself: it was chosen by name."""
        return self

    def reason(self, counted: bool) -> str:
        """Return why this loss is taken, in a few words."""
        return "set in the recipe"

    def scale(self, measured: Array, weight: Array) -> Array:
        """Return each pattern's part (position,) of what the sum of `terms` is divided by: its electrons."""
        return (measured * weight).sum(axis=(1, 2), dtype="f8")


def per_pattern(values: Array) -> Array:
    """Sum (position, ky, kx) over the detector: rows as they are, their sums in double precision."""
    return values.sum(axis=2).sum(axis=1, dtype="f8")


def deviance(model: Array, excess: Array) -> Array:
    """Return ``I − D + D·log(D/I)`` of each pixel: half the deviance of Poisson statistics.

    Parameters
    ----------
    model
        Predicted I, above zero.
    excess
        ``D/I − 1``, at least −1.

    Returns
    -------
    Array
        ``I·[(1 + e)·log(1 + e) − e]``, which keeps its digits in single precision where I is nearly D.
    """
    xp = namespace(model)
    values = xp.maximum(excess, -1 + 1e-7)
    values = xp.log1p(values, out=values)
    values *= 1 + excess
    values -= excess
    values *= model
    return values
