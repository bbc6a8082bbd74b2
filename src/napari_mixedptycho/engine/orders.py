"""What rank 0 asks of all ranks, each for its group of lanes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from napari_mixedptycho._array import Array
from napari_mixedptycho._device import device
from napari_mixedptycho.engine.comm import Comm, LostError, group, in_pairs
from napari_mixedptycho.engine.estimate import Estimate, Unknown
from napari_mixedptycho.engine.losses import Loss
from napari_mixedptycho.engine.problem import Indices, Problem, divide
from napari_mixedptycho.engine.view import Share, View

_AT_ONCE = 64
"""Patterns that are looked at together."""


class Order(Protocol):
    """Something to do for the positions of a rank."""

    def part(self, problem: Problem) -> Any:
        """Do it; None where the rank has no position."""

    def packed(self) -> Order:
        """Return the same in host arrays."""


@dataclass(frozen=True)
class Turn:
    """From now on another part of the detector counts; None: all of it."""

    detector: float | None


@dataclass(frozen=True)
class Evaluation:
    """Loss and gradient of an estimate.

    Attributes
    ----------
    loss, estimate, refined
        As for `View`.
    batch
        Positions that are looked at; None: all that are fitted.
    by_tile
        Each rank takes those of a batch that lie in its own lanes, whose patterns it holds; else shares are
        equal.
    """

    loss: Loss
    estimate: Estimate
    refined: tuple[Unknown, ...]
    batch: Indices | None = None
    by_tile: bool = False

    def part(self, problem: Problem) -> Share | None:
        """Return what the lanes of this rank add together."""
        view = View.of(problem, self.estimate.beside(problem.propagator), self.loss, self.refined)
        return self.seen(view)

    def seen(self, view: View) -> Share | None:
        """Return the same, with the view at hand."""
        problem = view.problem
        lanes = own_lanes(problem, self.batch, self.by_tile)
        if not lanes:
            return None
        if problem.threads == 1:
            return in_pairs(map(view.lane, lanes), Share.joined)
        with ThreadPoolExecutor(problem.threads) as pool:
            return in_pairs(pool.map(view.lane, lanes), Share.joined)

    def packed(self) -> Evaluation:
        """Return the same in host arrays."""
        return replace(self, estimate=self.estimate.asnumpy())


@dataclass(frozen=True)
class Count:
    """The constants that losses are divided by: of the loss, and electrons in all measured pixels.

    Attributes
    ----------
    loss
        How patterns are compared.
    batch
        Positions; None: all that are fitted.
    """

    loss: Loss
    batch: Indices | None = None

    def part(self, problem: Problem) -> Array | None:
        """Return both sums over the lanes of this rank."""
        lanes = own_lanes(problem, self.batch)
        return in_pairs((self._lane(problem, lane) for lane in lanes), np.add) if lanes else None

    def packed(self) -> Count:
        """Return itself."""
        return self

    def _lane(self, problem: Problem, lane: Indices) -> Array:
        sums = np.zeros(2)
        parts = np.array_split(lane, -(-len(lane) // _AT_ONCE))
        for measured in problem.electrons_in_turn(parts):
            sums[0] += float(self.loss.scale(measured, problem.weight).sum())
            sums[1] += float((measured * problem.weight).sum(dtype="f8"))
        return sums


def own_lanes(problem: Problem, batch: Indices | None, by_tile: bool = False) -> tuple[Indices, ...]:
    """Return the lanes of this rank: of all positions that are fitted, or of a batch; see `Evaluation`."""
    if batch is not None and not by_tile:
        lanes = divide(batch, len(problem.lanes))
        return lanes[group(len(lanes), problem.comm)]
    own = problem.lanes[group(len(problem.lanes), problem.comm)]
    if batch is None or not own:
        return own
    return divide(batch[np.isin(batch, np.concatenate(own))], len(own))


def together(problem: Problem, order: Evaluation | Count, work: Callable[[], Any]) -> Any:
    """Let all ranks do their parts, and add them.

    Parameters
    ----------
    problem
        That of rank 0, where this is called.
    order
        What the others are told.
    work
        Does the part of this rank.

    Raises
    ------
    LostError
        When another rank failed.
    """
    comm = problem.comm
    if comm.size == 1:
        return work()
    comm.tell(order.packed() if comm.by_host else order)
    found = comm.total(_passed_on(work(), comm), _added)
    if isinstance(found, _Lost):
        raise LostError(found.why)
    return found


def serve(problem: Problem, problem_for: Callable[[float | None], Problem]) -> None:
    """Do what rank 0 asks for until that is all.

    Parameters
    ----------
    problem
        That of this rank, for all of the detector.
    problem_for
        Makes the same for a central part of it.
    """
    comm = problem.comm
    while (order := comm.tell()) is not None:
        with device(problem.propagator):
            if isinstance(order, Turn):
                problem = problem_for(order.detector)
            else:
                comm.total(_passed_on(_done(order, problem), comm), _added)


@dataclass(frozen=True)
class _Lost:
    """In place of a part: why there is none."""

    why: str


def _done(order: Order, problem: Problem) -> Any:
    try:
        return order.part(problem)
    except Exception as error:  # noqa: BLE001 - whatever it is, rank 0 must hear of it
        return _Lost(f"process {problem.comm.rank} failed with {type(error).__name__}: {error}")


def _passed_on(part: Any, comm: Comm) -> Any:
    return part.on_host() if isinstance(part, Share) and comm.by_host else part


def _added(one: Any, two: Any) -> Any:
    """Add two parts; a rank without positions adds nothing, one that failed makes the sum fail."""
    for part, other in ((one, two), (two, one)):
        if isinstance(part, _Lost) or other is None:
            return part
    return one.joined(two) if isinstance(one, Share) else one + two
