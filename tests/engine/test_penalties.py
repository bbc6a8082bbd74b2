"""Penalties: their gradients, their units, and what each of them sees and does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.ndimage import gaussian_filter

from napari_mixedptycho.engine.estimate import Estimate
from napari_mixedptycho.engine.forward import Objective
from napari_mixedptycho.engine.losses import PoissonLoss
from napari_mixedptycho.engine.penalties import (
    EqualPhase,
    Penalty,
    SliceSimilarity,
    SliceVariation,
    Sparsity,
    StateSimilarity,
    Tikhonov,
    TotalVariation,
)
from napari_mixedptycho.engine.problem import Problem
from tests.physics.toys import Toy, inner, random_like

PENALTIES = [
    TotalVariation(),
    SliceVariation(),
    Tikhonov(of="gradient"),
    Tikhonov(of="phase"),
    Sparsity(),
    SliceSimilarity(),
    StateSimilarity(length=0.5),
    StateSimilarity(passes="high", length=0.5),
    EqualPhase(of="contrast"),
    EqualPhase(of="level"),
]
OF_STATES = [penalty for penalty in PENALTIES if isinstance(penalty, StateSimilarity | EqualPhase)]
ALONG_BEAM = [penalty for penalty in PENALTIES if isinstance(penalty, SliceVariation | SliceSimilarity)]


def name(penalty: Any) -> str:
    return "-".join(str(getattr(penalty, key)) for key in ("kind", "of", "passes") if hasattr(penalty, key))


def toy(**sizes: Any) -> tuple[Problem, Estimate]:
    chosen = Toy(**{"states": 3, "slices": 3, "detector": 8, "padded": 8, "points": 9, **sizes})
    estimate = chosen.estimate(1)
    return replace(chosen.problem(chosen.estimate(0)), sampling=0.3), estimate


def value(penalty: Any, problem: Problem, estimate: Estimate) -> float:
    term = penalty.fitted(problem, estimate)
    assert term is not None
    return term.value_and_gradient(estimate)[0] / penalty.weight


@pytest.mark.parametrize("kind", ["phase", "complex"])
@pytest.mark.parametrize(("states", "slices"), [(2, 2), (3, 4)])
@pytest.mark.parametrize("penalty", PENALTIES, ids=name)
def test_gradient_agrees_with_finite_differences(penalty: Any, states: int, slices: int, kind: str) -> None:
    problem, estimate = toy(states=states, slices=slices, kind=kind)
    term = penalty.fitted(problem, estimate)
    before = estimate.object.copy()
    _, gradient = term.value_and_gradient(estimate)
    assert list(gradient) == ["object"]
    assert gradient["object"].shape == estimate.object.shape
    assert gradient["object"].dtype == estimate.object.dtype
    move = random_like(estimate.object, np.random.default_rng(3))
    along = gradient["object"] / np.linalg.norm(gradient["object"]) * np.linalg.norm(move)
    move = 1e-4 * (move + along)
    values = {
        k: term.value_and_gradient(estimate.with_blocks({"object": estimate.object + k * move}))[0]
        for k in (-2, -1, 1, 2)
    }
    expected = (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / 12
    assert inner(gradient["object"], move) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_array_equal(estimate.object, before)


def specimen(sampling: float, field: float, slices: int = 4, states: int = 2) -> tuple[Problem, Estimate]:
    """Return Gaussian columns 2 Å apart, 0.5 rad in all slices together, scanned over `field` Å."""
    reach = 4.0
    edge = round((field + 2 * reach) / sampling)
    size = round(2 * reach / sampling)
    place = np.arange(edge) * sampling
    depth = (np.arange(slices) + 0.5) / slices
    lattice = np.cos(np.pi * place[:, None] / 2) ** 2 * np.cos(np.pi * place / 2) ** 2
    wander = np.full((edge, edge), 0.1)
    profile = (1 + 0.3 * np.cos(np.pi * depth))[:, None, None] / slices
    stored = np.stack([profile * ((0.5 + 0.02 * n) * lattice + n * wander) for n in range(states)])
    lines = np.arange(0, field + 1e-9, 0.4) / sampling + size // 2
    positions = np.stack(np.meshgrid(lines, lines, indexing="ij"), axis=-1).reshape(-1, 2)
    disk = np.hypot(*(np.indices((size, size)) - size // 2)) * sampling <= 1.5
    plain = Toy(detector=8, padded=8).problem(Toy(detector=8, padded=8).estimate(0))
    problem = replace(
        plain,
        measured=np.zeros((len(positions), 1, 1)),
        sampling=sampling,
        detector=replace(plain.detector, size=size, padded=size),
    )
    return problem, Estimate(stored, 100 / field * disk[None].astype(complex), positions)


@pytest.mark.parametrize("penalty", PENALTIES, ids=name)
def test_a_weight_means_the_same_on_every_grid_and_field(penalty: Any) -> None:
    reference = value(penalty, *specimen(0.1, 8.0))
    assert reference > 0
    assert value(penalty, *specimen(0.05, 8.0)) == pytest.approx(reference, rel=0.03)
    assert value(penalty, *specimen(0.1, 16.0)) == pytest.approx(reference, rel=0.1)


@pytest.mark.parametrize("penalty", PENALTIES, ids=name)
def test_a_weight_means_the_same_for_more_slices_of_the_same_object(penalty: Any) -> None:
    # Along the beam a sum over S − 1 steps stands for an integral: it converges as 1/S.
    tolerance = 0.12 if penalty in ALONG_BEAM else 0.02
    assert value(penalty, *specimen(0.1, 8.0, slices=16)) == pytest.approx(
        value(penalty, *specimen(0.1, 8.0, slices=8)), rel=tolerance
    )


@pytest.mark.parametrize("penalty", [p for p in PENALTIES if p not in OF_STATES], ids=name)
def test_copies_of_a_state_cost_what_one_costs(penalty: Any) -> None:
    problem, one = specimen(0.1, 8.0, states=1)
    four = replace(one, object=np.repeat(one.object, 4, axis=0))
    assert value(penalty, problem, four) == pytest.approx(value(penalty, problem, one), rel=1e-12)


@pytest.mark.parametrize("penalty", OF_STATES, ids=name)
def test_copies_of_two_states_cost_what_the_two_cost(penalty: Any) -> None:
    problem, two = specimen(0.1, 8.0, states=2)
    four = replace(two, object=np.repeat(two.object, 2, axis=0))
    assert value(penalty, problem, four) == pytest.approx(value(penalty, problem, two), rel=1e-9)


@pytest.mark.parametrize("penalty", PENALTIES, ids=name)
def test_a_thin_complex_object_costs_what_its_phase_costs(penalty: Any) -> None:
    problem, phase = specimen(0.1, 8.0)
    phase = replace(phase, object=0.02 * phase.object)
    wave = replace(phase, object=np.exp(1j * phase.object))
    # Softness and the smoothed root are felt alike by both.
    assert value(penalty, problem, wave) == pytest.approx(value(penalty, problem, phase), rel=0.01)


@pytest.mark.parametrize("penalty", PENALTIES, ids=name)
def test_dose_does_not_matter(penalty: Any) -> None:
    problem, estimate = specimen(0.1, 8.0)
    brighter = replace(estimate, probe=30 * estimate.probe)
    assert value(penalty, problem, brighter) == value(penalty, problem, estimate)


@pytest.mark.parametrize("penalty", PENALTIES, ids=name)
def test_what_no_light_falls_on_counts_for_little(penalty: Any) -> None:
    problem, estimate = specimen(0.1, 8.0)
    dark = estimate.object.copy()
    dark[..., :10, :] += np.random.default_rng(1).normal(size=dark[..., :10, :].shape)
    changed = value(penalty, problem, replace(estimate, object=dark))
    assert changed == pytest.approx(value(penalty, problem, estimate), rel=2e-3)


@pytest.mark.parametrize("penalty", PENALTIES, ids=name)
def test_single_precision_stays_single_and_agrees(penalty: Any) -> None:
    problem, estimate = toy()
    single = replace(
        estimate, object=estimate.object.astype(np.float32), probe=estimate.probe.astype(np.complex64)
    )
    exact, gradient = penalty.fitted(problem, estimate).value_and_gradient(estimate)
    found, rough = penalty.fitted(problem, single).value_and_gradient(single)
    assert rough["object"].dtype == np.float32
    assert found == pytest.approx(exact, rel=1e-5)
    np.testing.assert_allclose(rough["object"], gradient["object"], atol=1e-5 * abs(gradient["object"]).max())


@pytest.mark.parametrize("penalty", OF_STATES, ids=name)
def test_penalties_of_states_leave_one_state_and_displaced_ones_alone(penalty: Any) -> None:
    problem, estimate = toy(states=1)
    assert penalty.fitted(problem, estimate) is None
    fields = np.zeros((4, 2, *estimate.object.shape[-2:]))
    assert penalty.fitted(problem, replace(estimate, displacement=fields)) is None


@pytest.mark.parametrize("penalty", ALONG_BEAM, ids=name)
def test_penalties_along_the_beam_leave_one_slice_alone(penalty: Any) -> None:
    assert penalty.fitted(*toy(slices=1)) is None


def test_values_of_cases_known_by_hand() -> None:
    problem, estimate = specimen(0.1, 8.0, slices=2, states=2)
    x = np.arange(estimate.object.shape[-1]) * 0.1
    ramp = np.zeros_like(estimate.object) + 0.25 * x  # 0.5 rad/Å in both slices together
    tilted = replace(estimate, object=ramp)
    steep = np.hypot(0.5, 0.1) - 0.1
    assert value(TotalVariation(softness=0.1), problem, tilted) == pytest.approx(steep, rel=1e-6)
    assert value(Tikhonov(of="gradient"), problem, tilted) == pytest.approx(0.25, rel=1e-6)
    flat = np.zeros_like(ramp)
    flat[:, 0], flat[:, 1] = 0.1, 0.3  # u: 0.2 and 0.6 rad
    level = replace(estimate, object=flat)
    assert value(Tikhonov(of="phase"), problem, level) == pytest.approx((0.2**2 + 0.6**2) / 2, rel=1e-6)
    assert value(Sparsity(softness=1e-9), problem, level) == pytest.approx(0.4, rel=1e-6)
    assert value(SliceVariation(softness=1e-9), problem, level) == pytest.approx(0.4, rel=1e-6)
    assert value(SliceSimilarity(), problem, level) == pytest.approx(2 * 0.4**2, rel=1e-6)
    apart = np.zeros_like(ramp)
    apart[1] = 0.1  # the projected phases of the states are 0 and 0.2 rad
    states = replace(estimate, object=apart)
    assert value(StateSimilarity(), problem, states) == pytest.approx(0.1**2, rel=1e-6)
    assert value(EqualPhase(of="level"), problem, states) == pytest.approx(0.1**2, rel=1e-6)
    assert value(EqualPhase(of="contrast"), problem, states) == pytest.approx(0, abs=1e-9)


def test_the_low_pass_sees_wandering_phase_and_not_motion() -> None:
    problem, estimate = specimen(0.1, 8.0, states=2, slices=1)
    edge = estimate.object.shape[-1]
    place = np.arange(edge) * 0.1
    column = gaussian_filter((np.indices((edge, edge)) % 20 == 0).all(axis=0) * 50.0, 3)
    moved = np.stack([np.roll(column, shift, axis=1) for shift in (-1, 1)])[:, None]
    wander = np.cos(2 * np.pi * place / 8)
    slow = np.stack([column + sign * moved.std() * wander for sign in (-1, 1)])[:, None]
    costs = {
        (passes, kind): value(
            StateSimilarity(passes=passes, length=1.0), problem, replace(estimate, object=o)
        )
        for passes in ("low", "high")
        for kind, o in (("moved", moved), ("slow", slow))
    }
    assert costs["low", "slow"] > 20 * costs["low", "moved"]
    assert costs["high", "moved"] > costs["high", "slow"]


def test_equal_contrast_brings_a_state_that_took_all_back() -> None:
    problem, estimate = specimen(0.1, 8.0, states=3)
    greedy = estimate.object * np.array([2.0, 0.5, 0.5])[:, None, None, None]
    term = EqualPhase().fitted(problem, estimate)
    assert term is not None
    _, gradient = term.value_and_gradient(replace(estimate, object=greedy))
    along = [float((gradient["object"][n] * greedy[n]).sum()) for n in range(3)]
    assert along[0] > 0 > max(along[1:])


def test_the_objective_adds_penalties() -> None:
    problem, estimate = toy()
    plain = Objective.of(problem, PoissonLoss())
    term = TotalVariation().fitted(problem, estimate)
    loss, gradient = plain.value_and_gradient(estimate, ("object", "probe"))
    both, found = replace(plain, terms=(term,)).value_and_gradient(estimate, ("object", "probe"))
    penalty, slope = term.value_and_gradient(estimate)
    assert both == pytest.approx(loss + penalty, rel=1e-12)
    np.testing.assert_allclose(found["object"], gradient["object"] + slope["object"], rtol=1e-12)
    np.testing.assert_array_equal(found["probe"], gradient["probe"])


@pytest.mark.parametrize("penalty", PENALTIES, ids=name)
def test_the_union_knows_every_kind_by_its_name_alone(penalty: Any) -> None:
    adapter: Any = TypeAdapter(Penalty)
    assert adapter.validate_python({"kind": penalty.kind}) == type(penalty)()
    assert adapter.validate_python(penalty.model_dump()) == penalty
