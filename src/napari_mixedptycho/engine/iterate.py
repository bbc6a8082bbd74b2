"""The loop: one stage as a generator of steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_mixedptycho._array import Array
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Indices, Objective, Term
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
    """

    done: int
    estimate: Estimate
    memory: Any
    prior: Spectrum | None
    loss: float
    evaluations: float
    seconds: float


@dataclass(frozen=True)
class Start:
    """Where a stage begins: an estimate and, when it goes on after a break, the solver's memory."""

    estimate: Estimate
    memory: Any = None
    prior: Spectrum | None = None
    done: int = 0


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
    """
    objective = Objective.of(problem, stage.loss.chosen(problem.counted))
    estimate, memory, prior = start.estimate, start.memory, start.prior
    if stage.prior is not None and not start.done:
        prior = stage.prior.fit(problem, estimate.object, objective.electrons)
    constraints = [entry.fitted(problem, estimate) for entry in stage.constraints]
    filters = [entry for entry in constraints if entry is not None and not entry.every_trial]
    objective = replace(
        objective,
        terms=_terms(problem, stage, estimate, prior),
        limits=_limits(
            stage, kind, [entry for entry in constraints if entry is not None and entry.every_trial]
        ),
        unknowns={entry.kind: entry for entry in stage.refine},
    )
    for iteration in range(start.done, stage.iterations):
        began = time.perf_counter()
        refined = stage.refined_at(iteration)
        if memory is None or memory.refined != refined:
            # A search begins within the limits: from outside them, no step is too short to raise the loss.
            estimate = estimate.with_blocks(objective.limits(estimate.blocks(refined)))
            memory = stage.solver.init(objective, estimate, refined)
        losses, evaluations = [], 0.0
        for batch in _batches(problem, stage, np.random.default_rng((seed, iteration))):
            estimate, memory, outcome = stage.solver.step(objective, estimate, memory, batch)
            losses.append(outcome.loss)
            evaluations += outcome.evaluations
        if "probe" in refined and estimate.modes > 1:
            estimate, memory = _orthogonal(stage, estimate, memory)
        for between in filters:
            estimate = estimate.with_blocks(between(estimate.blocks(refined)))
            memory = None if memory is None else memory.moved()
        seconds = time.perf_counter() - began
        yield Step(iteration + 1, estimate, memory, prior, float(np.mean(losses)), evaluations, seconds)


def _terms(problem: Problem, stage: Stage, estimate: Estimate, prior: Spectrum | None) -> tuple[Term, ...]:
    """Return what is added to the loss: prior, penalties, and what unknowns want for themselves."""
    terms: list[Term | None] = [prior]
    terms += [entry.fitted(problem, estimate) for entry in stage.penalties]
    terms += [entry.term() for entry in stage.refine]
    return tuple(term for term in terms if term is not None)


def _limits(stage: Stage, kind: ObjectType, projections: list[Projection]) -> Limits:
    """Return what every trial obeys: object type, what unknowns allow, constraints."""

    def allowed(blocks: dict[str, Array]) -> dict[str, Array]:
        return blocks | {e.kind: e.allowed(blocks[e.kind]) for e in stage.refine if e.kind in blocks}

    return Limits(kind, (allowed, *projections))


def _batches(problem: Problem, stage: Stage, random: np.random.Generator) -> list[Indices | None]:
    size = stage.patterns_per_update
    if size is None or size >= problem.count:
        return [None]
    order = random.permutation(problem.count)
    return list(np.array_split(order, -(-problem.count // size)))


def _orthogonal(stage: Stage, estimate: Estimate, memory: Any) -> tuple[Estimate, Any]:
    if stage.orthogonalise == "svd":
        turn = rotation(estimate.probe)
        return estimate.with_blocks({"probe": turn(estimate.probe)}), memory.map_probe(turn)
    if stage.orthogonalise == "gram_schmidt":
        return estimate.with_blocks({"probe": gram_schmidt(estimate.probe)}), None
    return estimate, memory
