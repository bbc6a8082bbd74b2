"""Every small unknown is found from a wrong start, beside a known object and probe.

Beside an unknown object: ``benchmarks/unknowns.py``, with its table in docs/benchmarks.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.engine.iterate import Start, iterate
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.occupancy import occupancy
from napari_mixedptycho.engine.solvers import LBFGS, Adam
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.engine.unknowns import CLASSES
from napari_mixedptycho.prepare import Prepared
from tests.physics.specimens import Specimen

RANDOM = np.random.default_rng(3)
COLUMNS = RANDOM.uniform(-0.5, 4.0, (9, 2))
SPECIMEN = Specimen(COLUMNS, np.array([[0.0, 0.0], [0.4, -0.3]]), slices=3)
POINTS, PIXELS = 64, 24
Y, X = np.meshgrid(*[np.linspace(-1, 1, 8)] * 2, indexing="ij")
DRIFT = np.stack([0.3 * Y - 0.2 * X * Y, 0.25 * X**2], axis=-1).reshape(-1, 2)
CLOUD = np.fft.ifftshift(gaussian_filter(np.eye(1, PIXELS**2, 300).reshape(PIXELS, PIXELS), 5.0))


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return SPECIMEN.prepared(model={"thickness": 24.0})


TRUTHS: dict[str, Any] = {
    "scan": np.array([[1.03, 0.02], [-0.015, 0.98]]),
    "tilt": np.array([[12.0, -8.0]]),
    "spacing": np.array([10.0]),
    "aberrations": np.array([12.0, 4.0, -3.0, 150.0, 0.0, -100.0, 0.0, 2e4]),
    "source": np.array([0.35]),
    "intensity": RANDOM.normal(1, 0.1, POINTS),
    "background": 200.0 * CLOUD / CLOUD.sum(),
    "blur": np.array([0.9]),
    "descan": np.stack([1.2 * Y + 0.3 * X, 0.8 * X * Y], axis=-1).reshape(-1, 2),
    "weights": np.log(np.array([1.6, 0.4])),
}


def setting(prepared: Prepared, name: str, **how: Any) -> tuple[Prepared, Estimate, Any, Any]:
    """Return data in which one unknown is off, the estimate to start from, its settings and the truth."""
    known = SPECIMEN.estimate(prepared)
    truth = known.positions + DRIFT if name == "positions" else TRUTHS.get(name)
    if how.get("per_position"):
        truth = np.array([[4.0, -3.0]]) + 10 * DRIFT
    true = replace(known, **{name: truth})
    measured = predict(prepared.problem, true, np.arange(POINTS)).astype(np.float32)
    unknown = CLASSES[name](**how)  # type: ignore[call-arg]
    problem = replace(prepared.problem, measured=measured)
    begun = unknown.begin(problem, known)
    start = known if begun is None else replace(known, **{name: begun})
    return replace(prepared, problem=problem), start, unknown, truth


def distance(name: str, value: Any, truth: Any) -> float:
    """Return how far a value is from the truth, but for what patterns do not tell."""
    if name in ("source", "blur"):
        value = np.abs(value)
    if name == "weights":
        value, truth = occupancy(value), occupancy(truth)
    if name == "intensity":
        value, truth = value / value.mean(), truth / truth.mean()
    if name == "aberrations":
        value, truth = value / [1, 1, 1, 30, 30, 30, 30, 5e3], truth / [1, 1, 1, 30, 30, 30, 30, 5e3]
    return float(np.linalg.norm(np.asarray(value) - truth))


CASES: dict[str, dict[str, Any]] = {
    "positions": {},
    **{name: {} for name in TRUTHS},
    "bent": {"per_position": True, "smooth": 2.0},
    "drift": {"smooth": 1.5},
    "swaying": {"smooth": 1.0},
}
NAMES = {"bent": "tilt", "drift": "positions", "swaying": "descan"}


@pytest.mark.parametrize("case", CASES)
def test_found_by_lbfgs(prepared: Prepared, case: str) -> None:
    name, how = NAMES.get(case, case), dict(CASES[case])
    data, start, unknown, truth = setting(prepared, name, **how)
    more = {"entropy": 0.0} if name == "weights" else {}
    stage = Stage(
        iterations=30, refine=(unknown.model_copy(update=more),), loss=PoissonLoss(), solver=LBFGS()
    )
    steps = list(iterate(data.problem, stage, "phase", Start(start), 0))
    losses = [step.loss for step in steps]
    before = distance(name, getattr(start, name), truth)
    after = distance(name, getattr(steps[-1].estimate, name), truth)
    assert (np.diff(losses) <= 0).all()
    bound = 0.25 if how.get("smooth") else 0.1 if name == "background" else 0.05
    assert after < bound * before, (before, after, losses[0], losses[-1])


@pytest.mark.parametrize("name", ["positions", "tilt", "intensity", "descan"])
def test_found_by_adam_in_mini_batches(prepared: Prepared, name: str) -> None:
    data, start, unknown, truth = setting(prepared, name)
    stage = Stage(
        iterations=40, refine=(unknown,), loss=PoissonLoss(), solver=Adam(rate=0.05), patterns_per_update=16
    )
    steps = list(iterate(data.problem, stage, "phase", Start(start), 0))
    before = distance(name, getattr(start, name), truth)
    after = distance(name, getattr(steps[-1].estimate, name), truth)
    assert after < 0.3 * before, (before, after)


def test_a_wrong_start_of_everything_small_comes_out_right(prepared: Prepared) -> None:
    """Several at once, beside a known object: they do not take each other's place."""
    names = ("scan", "tilt", "aberrations", "intensity", "blur")
    known = SPECIMEN.estimate(prepared)
    true = replace(known, **{name: TRUTHS[name] for name in names})
    measured = predict(prepared.problem, true, np.arange(POINTS)).astype(np.float32)
    problem = replace(prepared.problem, measured=measured)
    unknowns = tuple(CLASSES[name]() for name in names)
    start = replace(known, **{u.kind: u.begin(problem, known) for u in unknowns})
    stage = Stage(iterations=80, refine=unknowns, loss=PoissonLoss())
    end = list(iterate(problem, stage, "phase", Start(start), 0))[-1].estimate
    for name in names:
        before, after = (distance(name, getattr(e, name), TRUTHS[name]) for e in (start, end))
        assert after < 0.2 * before, (name, before, after)
