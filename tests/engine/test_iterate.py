"""The loop: mini-batches, stages that start refining later, orthogonal modes, breaks."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.engine.iterate import Start, Step, iterate
from napari_mixedptycho.engine.modes import gram_schmidt
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.solvers import LBFGS, LSQML, Adam, ConjugateGradient, Momentum
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.engine.unknowns import Object, Positions, Probe
from napari_mixedptycho.errors import InputError
from tests.physics.toys import Toy


def toy(**sizes: Any) -> tuple[Problem, Estimate]:
    chosen = Toy(**{"states": 2, "slices": 2, "modes": 2, "detector": 8, "padded": 12, "points": 7, **sizes})
    truth = chosen.estimate(0)
    random = np.random.default_rng(2)
    near = truth.object + 0.1 * random.normal(size=truth.object.shape)
    return chosen.problem(truth), truth.with_blocks({"object": near, "probe": 1.1 * truth.probe})


def run(problem: Problem, stage: Stage, estimate: Estimate, seed: int = 0, **where: Any) -> list[Step]:
    return list(iterate(problem, stage, "phase", Start(estimate, **where), seed))


BATCHES = Stage(iterations=6, patterns_per_update=3, solver=Adam())


def test_mini_batches_are_reproducible() -> None:
    problem, estimate = toy()
    first, again = run(problem, BATCHES, estimate), run(problem, BATCHES, estimate)
    other = run(problem, BATCHES, estimate, seed=1)
    assert [step.loss for step in first] == [step.loss for step in again]
    np.testing.assert_array_equal(first[-1].estimate.object, again[-1].estimate.object)
    assert [step.loss for step in first] != [step.loss for step in other]
    assert first[-1].evaluations == pytest.approx(1)


def test_every_iteration_visits_every_pattern_once_in_another_order() -> None:
    problem, estimate = toy(points=20)
    seen: list[int] = []

    class Watched(Problem):
        def electrons_in_turn(self, parts: Any) -> Any:
            seen.extend(np.concatenate(parts).tolist())
            return super().electrons_in_turn(parts)

    watched = Watched(**{entry.name: getattr(problem, entry.name) for entry in fields(problem)})
    steps = iterate(watched, BATCHES, "phase", Start(estimate), 0)
    orders = [tuple(seen[-20:]) for _ in steps]
    assert len(seen) == 20 * (1 + len(orders))  # once more at the start, for the scales
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len(set(orders)) == len(orders)


def test_mini_batches_lower_the_loss() -> None:
    problem, estimate = toy(points=25)
    for solver in (Adam(), LBFGS()):
        stage = Stage(iterations=15, patterns_per_update=9, solver=solver)
        losses = [step.loss for step in run(problem, stage, estimate)]
        assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("orthogonalise", ["svd", "gram_schmidt", "none"])
@pytest.mark.parametrize(
    "solver", [LBFGS(), Adam(), ConjugateGradient(), Momentum(), LSQML()], ids=lambda solver: solver.kind
)
@pytest.mark.parametrize("batch", [None, 3])
def test_a_break_changes_nothing(solver: Any, batch: int | None, orthogonalise: Any) -> None:
    problem, estimate = toy()
    refine = (Object(), Probe(start=2))
    stage = Stage(
        iterations=6, refine=refine, patterns_per_update=batch, solver=solver, orthogonalise=orthogonalise
    )
    whole = run(problem, stage, estimate)
    for done in (1, 3):
        there = whole[done - 1]
        rest = run(problem, stage, there.estimate, memory=there.memory, done=done)
        assert [step.done for step in rest] == list(range(done + 1, 7))
        assert [step.loss for step in rest] == [step.loss for step in whole[done:]]
        np.testing.assert_array_equal(rest[-1].estimate.probe, whole[-1].estimate.probe)


@pytest.mark.parametrize("grouping", ["sparse", "compact"])
def test_groups_are_drawn_again_after_a_break(grouping: Any) -> None:
    problem, estimate = toy(points=20)
    refine = (Object(), Positions())
    stage = Stage(iterations=4, refine=refine, patterns_per_update=5, grouping=grouping, solver=LSQML())
    whole = run(problem, stage, estimate)
    rest = run(problem, stage, whole[1].estimate, memory=whole[1].memory, done=2)
    assert [step.loss for step in rest] == [step.loss for step in whole[2:]]
    np.testing.assert_array_equal(rest[-1].estimate.object, whole[-1].estimate.object)
    assert whole[-1].evaluations == pytest.approx(1.0, abs=0.26)  # one measurement of lengths at most


def test_a_yielded_estimate_is_never_written_again() -> None:
    problem, estimate = toy()
    for solver in (LBFGS(), Adam()):
        kept = []
        stage = Stage(iterations=5, refine=("object", "probe", "positions"), solver=solver)
        for step in iterate(problem, stage, "phase", Start(estimate), 0):
            values = step.estimate.object, step.estimate.probe, step.estimate.positions
            kept.append((values, [value.copy() for value in values]))
        for values, copies in kept:
            for value, copy in zip(values, copies, strict=True):
                np.testing.assert_array_equal(value, copy)


def test_unknowns_are_refined_from_their_iteration_on() -> None:
    problem, estimate = toy()
    stage = Stage(iterations=5, refine=(Object(), Probe(start=2), Positions(start=4)))
    steps = run(problem, stage, estimate)
    assert [stage.refined_at(k) for k in (1, 2, 4)] == [
        ("object",),
        ("object", "probe"),
        ("object", "probe", "positions"),
    ]
    np.testing.assert_array_equal(steps[1].estimate.probe, estimate.probe)
    assert not np.array_equal(steps[2].estimate.probe, estimate.probe)
    np.testing.assert_array_equal(steps[3].estimate.positions, estimate.positions)
    assert not np.array_equal(steps[4].estimate.positions, estimate.positions)
    assert (np.diff([step.loss for step in steps]) < 0).all()


def test_a_stage_must_refine_something_from_the_start() -> None:
    for refine in ([{"kind": "probe", "start": 1}], ["object", "object"], []):
        with pytest.raises(InputError, match=r"refine|named twice"):
            Stage.parse({"refine": refine})


def test_svd_orthogonalisation_leaves_the_trajectory_as_it_is() -> None:
    problem, estimate = toy(modes=3)
    everything = np.arange(problem.count)
    plain, turned = (
        run(problem, Stage(iterations=12, orthogonalise=how), estimate) for how in ("none", "svd")
    )
    for a, b in zip(plain, turned, strict=True):
        assert b.loss == pytest.approx(a.loss, rel=1e-6)
        expected = predict(problem, a.estimate, everything)
        found = predict(problem, b.estimate, everything)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * expected.max())
    # The losses fall, so that equal trajectories mean something; and the modes did have to be turned.
    assert turned[-1].loss < 0.3 * turned[0].loss
    assert off_diagonal(turned[-1].estimate.probe) < 1e-12
    assert off_diagonal(plain[-1].estimate.probe) > 1e-2


def test_forgetting_to_turn_the_memory_would_be_seen() -> None:
    # The counterpart of the test above: turning the modes alone changes the trajectory.
    problem, estimate = toy(modes=3)
    stage = Stage(iterations=12, orthogonalise="svd")
    right = run(problem, stage, estimate)
    memory, wrong = None, []
    for done in range(12):
        one = stage.model_copy(update={"iterations": done + 1, "orthogonalise": "none"})
        (step,) = run(problem, one, estimate, memory=memory, done=done)
        _, vectors = np.linalg.eigh(gram(step.estimate.probe))
        turned = np.einsum("ab,byx->ayx", vectors[:, ::-1].T, step.estimate.probe)
        estimate, memory = step.estimate.with_blocks({"probe": turned}), step.memory
        wrong.append(step.loss)
    assert max(abs(a / b.loss - 1) for a, b in zip(wrong, right, strict=True)) > 1e-3


def test_gram_schmidt_keeps_modes_orthogonal() -> None:
    problem, estimate = toy(modes=3)
    steps = run(problem, Stage(iterations=5, orthogonalise="gram_schmidt"), estimate)
    for step in steps:
        assert off_diagonal(step.estimate.probe) < 1e-12
    np.testing.assert_allclose(gram_schmidt(steps[-1].estimate.probe), steps[-1].estimate.probe, atol=1e-10)


def gram(probe: np.ndarray) -> np.ndarray:
    flat = probe.reshape(len(probe), -1)
    return flat.conj() @ flat.T


def off_diagonal(probe: np.ndarray) -> float:
    """Largest overlap of two modes as a part of their norms."""
    overlap = gram(probe)
    norms = np.sqrt(np.diag(overlap).real)
    return float(np.abs(overlap / np.outer(norms, norms) - np.eye(len(probe))).max())
