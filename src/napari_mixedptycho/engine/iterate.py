"""The loop: one stage as a generator of steps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from napari_mixedptycho._array import Array, asnumpy
from napari_mixedptycho.engine.batches import draw_batches
from napari_mixedptycho.engine.diverged import check_finite
from napari_mixedptycho.engine.estimate import Blocks, Estimate
from napari_mixedptycho.engine.forward import Indices, Objective, Term
from napari_mixedptycho.engine.kept import pack, restore
from napari_mixedptycho.engine.limits import Limits, Projection
from napari_mixedptycho.engine.modes import gram_schmidt, rotation
from napari_mixedptycho.engine.objects import ObjectType
from napari_mixedptycho.engine.prior import Spectrum
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.stage import Stage


@dataclass(frozen=True)
class Step:
    """Where a stage stands after an iteration.

    Attributes
    ----------
    done
        Iterations of the stage that are behind us.
    estimate, memory, prior
        Never written again.
    loss
        Dimensionless; see the stage's loss.
    evaluations
        What the iteration cost, in evaluations of all patterns.
    seconds
        Wall time of the iteration.
    held_out
        Loss of the patterns that are left out; NaN without any.
    kept
        What penalties and constraints measured when the stage began.
    """

    done: int
    estimate: Estimate
    memory: Any
    prior: Spectrum | None
    loss: float
    evaluations: float
    seconds: float
    held_out: float = float("nan")
    kept: Blocks = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """Where a stage begins: an estimate and, when it goes on after a break, the solver's memory."""

    estimate: Estimate
    memory: Any = None
    prior: Spectrum | None = None
    done: int = 0
    kept: Blocks = field(default_factory=dict)


def iterate(problem: Problem, stage: Stage, kind: ObjectType, start: Start, seed: int) -> Iterator[Step]:
    """Run a stage.

    Parameters
    ----------
    problem, stage
        What to explain and how.
    kind
        Object type.
    start
        Where to begin.
    seed
        Of the order of mini-batches; iteration k of a seed draws the same batches after a break.

    Yields
    ------
    Step
        After every iteration.

    Raises
    ------
    DivergedError
        In place of an iteration that left the numbers: the last one yielded is good.
    """
    aim = _Aim.of(problem, stage, kind, start)
    objective, estimate, memory = aim.objective, start.estimate, start.memory
    for iteration in range(start.done, stage.iterations):
        began = time.perf_counter()
        refined = stage.refined_at(iteration)
        if memory is None or memory.refined != refined:
            # A search begins within the limits: from outside them, no step is too short to raise the loss.
            estimate = estimate.with_blocks(objective.limits(estimate.blocks(refined)))
            memory = stage.solver.init(objective, estimate, refined)
        losses, evaluations, before = [], 0.0, estimate
        for batch in _batches(problem, estimate, stage, np.random.default_rng((seed, iteration))):
            estimate, memory, outcome = stage.solver.step(objective, estimate, memory, batch)
            losses.append(outcome.loss)
            evaluations += outcome.evaluations
        if "probe" in refined and estimate.modes > 1:
            estimate, memory = _orthogonal(stage, estimate, memory)
        for between in aim.filters:
            estimate = estimate.with_blocks(between(estimate.blocks(refined)))
            memory = None if memory is None else memory.moved()
        loss = float(np.mean(losses))
        check_finite(before, estimate, refined, loss, getattr(memory, "gradient", None))
        held_out = objective.held_out(estimate)
        seconds = time.perf_counter() - began
        yield Step(iteration + 1, estimate, memory, aim.prior, loss, evaluations, seconds, held_out, aim.kept)


@dataclass(frozen=True)
class _Aim:
    """What a stage lowers, and what of it was fitted to the estimate that it began with.

    Attributes
    ----------
    objective, prior
        The loss with all that is added to it and what trials obey; the prior among it.
    filters
        Constraints that are applied between iterations.
    kept
        What penalties and constraints measured.
    """

    objective: Objective
    prior: Spectrum | None
    filters: tuple[Projection, ...]
    kept: Blocks

    @classmethod
    def of(cls, problem: Problem, stage: Stage, kind: ObjectType, start: Start) -> _Aim:
        """Fit all that a stage wishes for, or take it over from before a break."""
        objective = Objective.of(problem, stage.loss.chosen(problem.counted))
        prior = start.prior
        if stage.prior is not None and not start.done:
            prior = stage.prior.fit(problem, start.estimate.object, objective.electrons)
        wishes = (*stage.penalties, *stage.constraints)
        fitted = restore([wish.fitted(problem, start.estimate) for wish in wishes], start.kept)
        penalties = fitted[: len(stage.penalties)]
        constraints = [entry for entry in fitted[len(stage.penalties) :] if entry is not None]
        objective = replace(
            objective,
            terms=_terms(stage, prior, penalties),
            limits=_limits(stage, kind, [entry for entry in constraints if entry.every_trial]),
            unknowns={entry.kind: entry for entry in stage.refine},
        )
        filters = tuple(entry for entry in constraints if not entry.every_trial)
        return cls(objective, prior, filters, pack(fitted))


def _terms(stage: Stage, prior: Spectrum | None, penalties: Sequence[Term | None]) -> tuple[Term, ...]:
    """Return what is added to the loss: prior, penalties, and what unknowns want for themselves."""
    terms: list[Term | None] = [prior, *penalties]
    terms += [entry.term() for entry in stage.refine]
    return tuple(term for term in terms if term is not None)


def _limits(stage: Stage, kind: ObjectType, projections: list[Projection]) -> Limits:
    """Return what every trial obeys: object type, what unknowns allow, constraints."""

    def allowed(blocks: dict[str, Array]) -> dict[str, Array]:
        return blocks | {e.kind: e.allowed(blocks[e.kind]) for e in stage.refine if e.kind in blocks}

    return Limits(kind, (allowed, *projections))


def _batches(
    problem: Problem, estimate: Estimate, stage: Stage, random: np.random.Generator
) -> list[Indices | None]:
    size = stage.patterns_per_update
    if size is None or size >= len(problem.fitted):
        return [None]
    return list(draw_batches(problem.fitted, asnumpy(estimate.positions), size, stage.grouping, random))


def _orthogonal(stage: Stage, estimate: Estimate, memory: Any) -> tuple[Estimate, Any]:
    if stage.orthogonalise == "svd":
        turn = rotation(estimate.probe)
        return estimate.with_blocks({"probe": turn(estimate.probe)}), memory.map_probe(turn)
    if stage.orthogonalise == "gram_schmidt":
        return estimate.with_blocks({"probe": gram_schmidt(estimate.probe)}), None
    return estimate, memory
