"""Constraints: each a projection (idempotent, nearest, never in place) or a filter, on its own unknown."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from napari_mixedptycho.engine.constraints import (
    AmplitudeBounds,
    BandLimit,
    Constraint,
    DepthFilter,
    LowPass,
    MeanPhase,
    PhaseOnly,
    PhaseRamp,
    Positivity,
    ProbeAperture,
    ProbePower,
    ProbeWindow,
)
from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import predict
from napari_mixedptycho.engine.iterate import Start, Step, iterate
from napari_mixedptycho.engine.problem import Problem
from napari_mixedptycho.engine.solvers import LBFGS, Adam
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.errors import InputError
from tests.physics.toys import SAMPLING, SPACING, Toy, random_like

PROJECTIONS = [
    Positivity(),
    PhaseOnly(),
    AmplitudeBounds(),
    AmplitudeBounds(lowest=0.95, highest=1.05),
    BandLimit(frequency=1.2),
    MeanPhase(),
    PhaseRamp(),
    ProbeAperture(radius=0.8),
    ProbeWindow(radius=1.8),
    ProbePower(),
]
FILTERS = [LowPass(width=0.3), DepthFilter()]
NEAREST = [entry for entry in PROJECTIONS if not isinstance(entry, MeanPhase | PhaseRamp)]
LINEAR = [entry for entry in PROJECTIONS if isinstance(entry, BandLimit | ProbeAperture | ProbeWindow)]
OF_PROBE = [entry for entry in PROJECTIONS if entry.kind.startswith("probe")]
OF_WAVES = (PhaseOnly, AmplitudeBounds)
UNKNOWNS = ("object", "probe")
TOLERANCE = 1e-10


def name(value: Any) -> str:
    return value if isinstance(value, str) else value.kind + ("+" if getattr(value, "lowest", 0) else "")


def cases(constraints: list[Any]) -> Any:
    """Parametrise by constraints and the object types that they apply to."""
    both = [(entry, kind) for entry in constraints for kind in ("phase", "complex")]
    return pytest.mark.parametrize(
        ("constraint", "kind"),
        [(e, k) for e, k in both if k == "complex" or not isinstance(e, OF_WAVES)],
        ids=name,
    )


def toy(kind: str = "phase", **sizes: Any) -> tuple[Problem, Estimate]:
    """Return a problem in Å, and a place beside its answer that no constraint allows."""
    chosen = Toy(
        **{"states": 2, "slices": 3, "modes": 2, "detector": 16, "padded": 16, "points": 16, **sizes}
    )
    chosen = replace(chosen, kind=kind)
    truth, random = chosen.estimate(0), np.random.default_rng(1)
    beside = {
        "object": truth.object + 0.1 * random_like(truth.object, random),
        "probe": truth.probe * (1 + 0.1 * random_like(truth.probe, random)),
    }
    problem = replace(chosen.problem(truth), sampling=SAMPLING, spacing=SPACING)
    return problem, truth.with_blocks(beside)


def fitted(constraint: Any, problem: Problem, estimate: Estimate) -> Any:
    found = constraint.fitted(problem, estimate)
    assert found is not None
    return found


def beside(estimate: Estimate, seed: int = 7) -> dict[str, Any]:
    """Return other blocks of the same shape, for what was fitted to the estimate."""
    random = np.random.default_rng(seed)
    blocks = estimate.blocks(UNKNOWNS)
    return {key: part + 0.5 * abs(part).max() * random_like(part, random) for key, part in blocks.items()}


def distance(a: dict[str, Any], b: dict[str, Any]) -> float:
    return float(np.sqrt(sum((abs(a[key] - b[key]) ** 2).sum() for key in a)))


@cases(PROJECTIONS)
def test_twice_is_once(constraint: Any, kind: str) -> None:
    problem, estimate = toy(kind)
    project = fitted(constraint, problem, estimate)
    assert project.every_trial
    blocks = beside(estimate)
    once = project(blocks)
    assert distance(once, blocks) > 1e-3
    assert distance(project(once), once) < TOLERANCE * distance(once, {k: 0 * v for k, v in once.items()})


@cases(NEAREST)
def test_nothing_allowed_is_nearer(constraint: Any, kind: str) -> None:
    problem, estimate = toy(kind)
    project = fitted(constraint, problem, estimate)
    blocks = beside(estimate)
    allowed = project(blocks)
    shortest = distance(allowed, blocks)
    random = np.random.default_rng(3)
    for size in (1e-3, 1e-1, 1.0):
        moved = {
            key: part + size * abs(part).max() * random_like(part, random) for key, part in allowed.items()
        }
        assert distance(project(moved), blocks) >= shortest * (1 - 1e-9)


@pytest.mark.parametrize("constraint", LINEAR, ids=name)
def test_linear_projections_are_linear(constraint: Any) -> None:
    problem, estimate = toy()
    project = fitted(constraint, problem, estimate)
    a, b = beside(estimate, 1), beside(estimate, 2)
    joined = project({key: a[key] + 2 * b[key] for key in a})
    apart = {key: project(a)[key] + 2 * project(b)[key] for key in a}
    assert distance(joined, apart) < TOLERANCE * distance(joined, {k: 0 * v for k, v in joined.items()})


@pytest.mark.parametrize("single", [False, True], ids=["double", "single"])
@cases([*PROJECTIONS, *FILTERS])
def test_nothing_is_written_in_place_and_types_stay(constraint: Any, kind: str, single: bool) -> None:
    problem, estimate = toy(kind, single=single)
    apply = fitted(constraint, problem, estimate)
    blocks = estimate.blocks(UNKNOWNS)
    blocks = {key: part.astype(getattr(estimate, key).dtype) for key, part in blocks.items()}
    before = {key: part.copy() for key, part in blocks.items()}
    allowed = apply(blocks)
    for key in UNKNOWNS:
        np.testing.assert_array_equal(blocks[key], before[key])
        assert allowed[key].dtype == before[key].dtype
        assert allowed[key].shape == before[key].shape


@cases([*PROJECTIONS, *FILTERS])
def test_only_its_own_unknown_is_touched(constraint: Any, kind: str) -> None:
    problem, estimate = toy(kind)
    apply = fitted(constraint, problem, estimate)
    blocks = {**beside(estimate), "positions": estimate.positions}
    allowed = apply(blocks)
    touched = {"object", "probe"} if constraint.kind == "phase_ramp" else {"object"}
    touched = {"probe"} if constraint in OF_PROBE else touched
    assert {key for key in blocks if allowed[key] is not blocks[key]} == touched
    others = {key: part for key, part in blocks.items() if key not in touched}
    assert apply(others) == others


def test_a_ramp_stays_where_the_probe_cannot_follow() -> None:
    problem, estimate = toy()
    project = fitted(PhaseRamp(), problem, estimate)
    blocks = {"object": estimate.object}
    assert project(blocks)["object"] is estimate.object
    fields = np.zeros((2, 2, *estimate.object.shape[-2:]))
    assert PhaseRamp().fitted(problem, replace(estimate, displacement=fields)) is None


def test_a_phase_has_no_amplitude_to_constrain() -> None:
    problem, estimate = toy()
    assert PhaseOnly().fitted(problem, estimate) is None
    assert AmplitudeBounds().fitted(problem, estimate) is None


def test_what_each_leaves() -> None:
    problem, estimate = toy("complex")
    blocks = beside(estimate)
    stored = fitted(Positivity(), problem, estimate)(blocks)["object"]
    assert stored.imag.min() == 0
    np.testing.assert_array_equal(stored.real, blocks["object"].real)
    modulus = abs(fitted(PhaseOnly(), problem, estimate)(blocks)["object"])
    np.testing.assert_allclose(modulus, 1, rtol=1e-12)
    modulus = abs(fitted(AmplitudeBounds(lowest=0.9), problem, estimate)(blocks)["object"])
    assert modulus.min() == pytest.approx(0.9)
    assert modulus.max() == pytest.approx(1)
    zero = {"object": np.zeros_like(estimate.object)}
    assert abs(fitted(PhaseOnly(), problem, estimate)(zero)["object"] - 1).max() == 0
    assert abs(fitted(AmplitudeBounds(lowest=0.9), problem, estimate)(zero)["object"] - 0.9).max() == 0
    probe = fitted(ProbePower(), problem, estimate)(blocks)["probe"]
    assert (abs(probe) ** 2).sum() == pytest.approx((abs(estimate.probe) ** 2).sum())
    mean = fitted(MeanPhase(), problem, estimate)
    lit = mean(blocks)["object"] * mean.lit
    np.testing.assert_allclose(np.angle(lit.sum(axis=(-2, -1))), 0, atol=1e-12)
    real, phase = toy()
    assert fitted(Positivity(), real, phase)(beside(phase))["object"].min() == 0
    mean = fitted(MeanPhase(), real, phase)
    np.testing.assert_allclose((mean(beside(phase))["object"] * mean.lit).sum(axis=(-2, -1)), 0, atol=1e-12)


@pytest.mark.parametrize("kind", ["phase", "complex"])
def test_the_band_limit_ends_at_the_outermost_measured_pixel(kind: str) -> None:
    problem, estimate = toy(kind, detector=8, padded=16)
    weight = np.zeros((8, 8))
    weight[0, :3] = 1  # up to two detector pixels from the middle
    project = fitted(BandLimit(), replace(problem, weight=weight), estimate)
    spectrum = np.fft.fft2(project(beside(estimate))["object"])
    ky, kx = (np.fft.fftfreq(edge, SAMPLING) for edge in spectrum.shape[-2:])
    beyond = np.hypot(ky[:, None], kx) > 2 / (16 * SAMPLING) * (1 + 1e-9)
    assert beyond.mean() > 0.5
    assert abs(spectrum[..., beyond]).max() < 1e-9 * abs(spectrum).max()


def test_the_supports_of_the_probe() -> None:
    problem, estimate = toy()
    blocks = beside(estimate)
    k = np.hypot(np.fft.fftfreq(16, SAMPLING)[:, None], np.fft.fftfreq(16, SAMPLING))
    spectrum = abs(np.fft.fft2(fitted(ProbeAperture(radius=0.8), problem, estimate)(blocks)["probe"]))
    assert spectrum[:, k > 0.8].max() < 1e-9 * spectrum.max()
    assert spectrum[:, k <= 0.8].min() > 0
    place = (np.arange(16) - 8) * SAMPLING
    probe = fitted(ProbeWindow(radius=1.8), problem, estimate)(blocks)["probe"]
    assert abs(probe[:, np.hypot(place[:, None], place) > 1.8]).max() == 0


def test_the_aperture_is_found_from_the_first_probe() -> None:
    problem, estimate = toy()
    k = np.hypot(np.fft.fftfreq(16, SAMPLING)[:, None], np.fft.fftfreq(16, SAMPLING))
    disk = np.fft.fftshift(np.fft.ifft2((k < 0.62) * np.exp(9j * k**2)))
    opening = fitted(ProbeAperture(), problem, replace(estimate, probe=disk[None])).opening
    pixel = 1 / (16 * SAMPLING)
    assert 0.62 <= k[opening > 0].max() < 0.62 + 1.6 * pixel


@pytest.mark.parametrize("kind", ["phase", "complex"])
def test_a_level_changes_no_pattern(kind: str) -> None:
    problem, estimate = toy(kind)
    level = fitted(MeanPhase(), problem, estimate)(estimate.blocks(UNKNOWNS))
    everything = np.arange(problem.count)
    patterns = predict(problem, estimate, everything)
    np.testing.assert_allclose(predict(problem, estimate.with_blocks(level), everything), patterns, rtol=1e-9)


@pytest.mark.parametrize("kind", ["phase", "complex"])
@pytest.mark.parametrize("slices", [1, 3])
def test_a_ramp_given_to_the_probe_changes_no_pattern(slices: int, kind: str) -> None:
    problem, estimate = toy(kind, slices=slices)
    # A probe that ends within its window, as the docstring asks for.
    place = np.hypot(*(np.indices((16, 16)) - 8.0))
    small = replace(estimate, probe=estimate.probe[:1] * 0 + np.exp(-((place / 2.2) ** 2)))
    y, x = np.indices(estimate.object.shape[-2:])
    ramp = 0.05 * y - 0.08 * x
    weak, wave = (0.2 * np.real(small.object)), kind == "complex"
    weak[:, 0] += ramp
    stored = np.exp(1j * weak) if wave else weak
    tilted = replace(small, object=stored)
    project = fitted(PhaseRamp(), problem, tilted)
    straight = tilted.with_blocks(project(tilted.blocks(UNKNOWNS)))
    everything = np.arange(problem.count)
    patterns, same = (predict(problem, e, everything) for e in (tilted, straight))
    other = predict(problem, tilted.with_blocks({"object": straight.object}), everything)
    assert np.linalg.norm(same - patterns) < 3e-3 * np.linalg.norm(patterns)
    assert np.linalg.norm(other - patterns) > 0.05 * np.linalg.norm(patterns)
    ratio = straight.object[:, 0] / tilted.object[:, 0]
    change = np.angle(ratio) if wave else straight.object[:, 0] - tilted.object[:, 0]
    for axis, slope in ((1, -0.05), (2, 0.08)):
        steps = np.angle(np.exp(1j * np.diff(change, axis=axis)))
        np.testing.assert_allclose(steps, slope, atol=0.03)
    np.testing.assert_array_equal(straight.object[:, 1:], tilted.object[:, 1:])


def test_the_depth_filter_keeps_the_projection_and_what_lies_outside_the_wedge() -> None:
    edge, slices, spacing = 40, 4, 2.0
    problem, estimate = toy(slices=slices)
    problem = replace(problem, sampling=0.25, spacing=spacing)
    x, depth = np.arange(edge) * 0.25, np.arange(slices)
    wave = np.cos(2 * np.pi * x / 2.0) * np.ones((edge, 1))  # k = 0.5 1/Å
    rows = np.cos(2 * np.pi * depth / slices)[:, None, None]  # kz = 0.125 1/Å
    stored = (1 + rows) * wave
    there = replace(estimate, object=stored[None], positions=estimate.positions * 0 + 20)
    for angle, part in ((250.0, 0.5), (25000.0 / 30, 1 - 2 / np.pi * np.arctan(0.09)), (2.5, 0.0)):
        apply = fitted(DepthFilter(angle=angle), problem, there)
        assert not apply.every_trial
        found = apply({"object": there.object})["object"][0]
        np.testing.assert_allclose(found, (1 + part * rows) * wave, atol=2e-4)
    waves = np.exp(1j * 0.3 * stored - 0.1 * abs(stored))[None]
    kept = fitted(DepthFilter(), problem, replace(there, object=waves))({"object": waves})["object"]
    np.testing.assert_allclose(kept.prod(axis=1), waves.prod(axis=1), rtol=1e-9)
    assert DepthFilter().fitted(*toy(slices=1)) is None


def test_the_low_pass_is_a_gaussian() -> None:
    problem, estimate = toy()
    point = np.zeros((1, 1, 41, 41))
    point[..., 20, 20] = 1
    blur = fitted(LowPass(width=0.6), problem, replace(estimate, object=point))
    found = blur({"object": point})["object"][0, 0]
    place = (np.arange(41) - 20) * SAMPLING
    expected = np.exp(-(place[:, None] ** 2 + place**2) / (2 * 0.6**2))
    np.testing.assert_allclose(found, expected / expected.sum(), atol=1e-6)
    assert not blur.every_trial


def run(constraint: Any, kind: str, solver: Any, iterations: int = 6) -> tuple[Any, list[Step]]:
    problem, estimate = toy(kind)
    apply = fitted(constraint, problem, estimate)
    stage = Stage(iterations=iterations, constraints=(constraint,), solver=solver)
    return apply, list(iterate(problem, stage, kind, Start(estimate), 0))


@pytest.mark.parametrize("solver", [LBFGS(), Adam(rate=0.005)], ids=lambda solver: solver.kind)
@cases(PROJECTIONS)
def test_solvers_lower_the_loss_within_a_constraint_and_it_holds(
    constraint: Any, kind: str, solver: Any
) -> None:
    project, steps = run(constraint, kind, solver)
    losses = [step.loss for step in steps]
    assert losses[-1] < 0.75 * losses[0]
    if solver.kind == "lbfgs":
        assert all(later < earlier for earlier, later in itertools.pairwise(losses))
        assert sum(step.evaluations for step in steps) < 2.5 * len(steps)
    blocks = steps[-1].estimate.blocks(UNKNOWNS)
    size = distance(blocks, {key: 0 * part for key, part in blocks.items()})
    assert distance(project(blocks), blocks) < 1e-6 * size


def test_lbfgs_keeps_its_memory_across_a_filter() -> None:
    _, steps = run(DepthFilter(), "phase", LBFGS())
    assert len(steps[-1].memory.pairs) == 6
    assert all(step.evaluations <= 3 for step in steps)


@pytest.mark.parametrize("constraint", [*PROJECTIONS, *FILTERS], ids=name)
def test_the_union_knows_every_kind(constraint: Any) -> None:
    adapter: Any = TypeAdapter(Constraint)
    assert adapter.validate_python({"kind": constraint.kind}) == type(constraint)()
    assert adapter.validate_python(constraint.model_dump()) == constraint


def test_bounds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(InputError, match="lowest"):
        AmplitudeBounds.parse({"lowest": 0.9, "highest": 0.5})
