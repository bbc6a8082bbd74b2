"""What was put into the patterns comes out again: phase, positions, motion, or that there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.losses import AmplitudeLoss, IntensityLoss, PoissonLoss
from napari_mixedptycho.engine.solvers import LBFGS, Adam, GradientDescent
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.engine.unknowns import Object, Probe
from napari_mixedptycho.prepare import Prepared, first_estimate, more_states
from tests.physics.specimens import Specimen, centroid

COLUMNS = np.array([[1.0, 0.9], [0.9, 2.6], [2.6, 1.2], [2.5, 2.9]])
STILL = Specimen(COLUMNS, np.zeros((1, 2)))


def field(prepared: Prepared) -> tuple[slice, slice]:
    """Object pixels under the scan points."""
    (top, left), (bottom, right) = (
        np.rint(prepared.geometry.positions(prepared.dataset)[[0, -1]]).astype(int).tolist()
    )
    return slice(top, bottom + 1), slice(left, right + 1)


def correlation(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.corrcoef(found.ravel(), truth.ravel())[0, 1])


def run(prepared: Prepared, estimate: Estimate, kind: Any = "phase", **stage: Any) -> tuple[Estimate, list]:
    steps = list(iterate(prepared.problem, Stage(**stage), kind, Start(estimate), 0))
    return steps[-1].estimate, [step.loss for step in steps]


@pytest.mark.parametrize(
    ("loss", "solver", "kind", "iterations"),
    [
        (PoissonLoss(), LBFGS(), "phase", 40),
        (AmplitudeLoss(), LBFGS(), "complex", 40),
        (IntensityLoss(), LBFGS(), "phase", 40),
        (PoissonLoss(), LBFGS(), "potential", 40),
        (PoissonLoss(), Adam(rate=0.015), "phase", 150),
        (PoissonLoss(), GradientDescent(preconditioned=True), "phase", 80),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_a_known_phase_is_found(loss: Any, solver: Any, kind: Any, iterations: int) -> None:
    prepared = STILL.prepared(STILL.measured(), model={"object_type": kind})
    truth = STILL.estimate(prepared)
    start = first_estimate(prepared, 1).with_blocks({"probe": truth.probe})
    how = {"iterations": iterations, "loss": loss, "solver": solver, "refine": ("object",)}
    found, losses = run(prepared, start, kind, **how)
    inside = field(prepared)
    phase = np.angle(found.object) if kind == "complex" else found.object
    assert correlation(phase[0, 0][inside], truth.object[0, 0][inside]) > 0.99
    # Not only its shape: the phase itself, but for a constant.
    error = phase[0, 0][inside] - truth.object[0, 0][inside]
    assert error.std() < 0.1 * truth.object[0, 0][inside].std()
    assert losses[-1] < 0.02 * losses[0]


def test_a_column_appears_where_it_stands_and_not_at_the_transposed_place() -> None:
    # One column off the diagonal: scan axes, origin and sampling in one.
    lone = Specimen(np.array([[0.8, 2.7]]), np.zeros((1, 2)))
    prepared = lone.prepared(lone.measured())
    found, _ = run(prepared, first_estimate(prepared, 1), iterations=25)
    inside = field(prepared)
    image = found.object[0, 0][inside]
    peak = np.array(np.unravel_index(image.argmax(), image.shape))
    place = peak * prepared.geometry.sampling
    np.testing.assert_allclose(place, [0.8, 2.7], atol=0.3)


def test_transposed_data_do_not_fit() -> None:
    measured = STILL.measured()
    losses = {}
    for name, patterns in {
        "right": measured,
        "scan transposed": measured.swapaxes(0, 1),
        "detector transposed": measured.swapaxes(2, 3),
        "scan reversed": measured[::-1, ::-1],
    }.items():
        prepared = STILL.prepared(np.ascontiguousarray(patterns))
        start = first_estimate(prepared, 1)
        losses[name] = run(prepared, start, iterations=20, refine=("object",))[1][-1]
    assert losses["right"] < 0.2 * min(value for name, value in losses.items() if name != "right")


def test_the_probe_is_refined_too() -> None:
    measured = STILL.measured()
    prepared = STILL.prepared(measured, microscope={"defocus": -10.0})
    truth = STILL.estimate(prepared).probe[0]
    start = first_estimate(prepared, 1)

    def likeness(wave: np.ndarray) -> float:
        return float(abs(np.vdot(wave, truth)) / np.linalg.norm(wave) / np.linalg.norm(truth))

    assert likeness(start.probe[0]) < 0.95
    found, _ = run(prepared, start, iterations=60, refine=(Object(), Probe(start=3)))
    assert likeness(found.probe[0]) > 0.99


@pytest.mark.parametrize("solver", [LBFGS(), Adam(rate=0.03)], ids=lambda solver: solver.kind)
def test_perturbed_positions_are_corrected(solver: Any) -> None:
    prepared = STILL.prepared(STILL.measured())
    truth = STILL.estimate(prepared)
    random = np.random.default_rng(0)
    off = truth.with_blocks({"positions": truth.positions + random.normal(0, 0.4, truth.positions.shape)})

    def error(estimate: Estimate) -> float:
        # A common shift cannot be seen: the object would move with it.
        difference = estimate.positions - truth.positions
        return float(np.sqrt(((difference - difference.mean(axis=0)) ** 2).mean()))

    refine = ("object", "positions")
    found, losses = run(prepared, off, iterations=40, refine=refine, solver=solver)
    assert error(found) < 0.25 * error(off)
    assert losses[-1] < 0.1 * losses[0]


def test_positions_that_wander_do_not_end_the_run() -> None:
    # An empty object says nothing about positions: steps along noise are long ones.
    prepared = STILL.prepared(STILL.measured())
    start = first_estimate(prepared, 1)
    random = np.random.default_rng(2)
    off = start.with_blocks({"positions": start.positions + random.normal(0, 0.4, start.positions.shape)})
    _, losses = run(prepared, off, iterations=30, refine=("object", "positions"), solver=Adam(rate=1.0))
    assert np.isfinite(losses).all()


# --- motion ---------------------------------------------------------------------------------------

DISPLACEMENT = np.array([0.1, -0.16])
MOVING = Specimen(COLUMNS, np.stack([DISPLACEMENT, -DISPLACEMENT]))


def motion(specimen: Specimen) -> np.ndarray:
    """Reconstruct two states and return (state, column, 2), Å: where each column stands in each."""
    prepared = specimen.prepared(specimen.measured(), model={"states": 2})
    probe = STILL.estimate(prepared).probe
    start = first_estimate(prepared, 1).with_blocks({"probe": probe})
    pure, _ = run(prepared, start, iterations=15, refine=("object",), states=1)
    states = more_states(prepared, pure, 2)
    found, _ = run(prepared, states, iterations=80, refine=("object",))
    centres = prepared.geometry.to_pixels(COLUMNS)
    radius = 0.75 / prepared.geometry.sampling
    places = [[centroid(phase, c, radius) for c in centres] for phase in found.object.sum(axis=1)]
    return prepared.geometry.to_angstroms(np.array(places))


def test_known_motion_is_found_and_none_where_there_is_none() -> None:
    moving, still = motion(MOVING), motion(MOVING.still())
    np.testing.assert_allclose(moving.mean(axis=0), COLUMNS, atol=0.05)
    apart, control = ((places[0] - places[1]) / 2 for places in (moving, still))
    # States are exchangeable and may be so column by column: the sign is free.
    apart *= np.sign(apart @ DISPLACEMENT)[:, None]
    size, noise = (float(np.sqrt((part**2).sum(axis=1).mean())) for part in (apart, control))
    true = float(np.linalg.norm(DISPLACEMENT))
    assert size == pytest.approx(true, rel=0.25)
    assert noise < 0.3 * true
    assert size > 3 * noise
    np.testing.assert_allclose(apart.mean(axis=0), DISPLACEMENT, atol=0.25 * true)
